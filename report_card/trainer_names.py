"""Run by a trainer's own Python: the names that it knows, for `tests/lanes/recorded/names.json`.

`python report_card/trainer_names.py ms-swift` (or `llamafactory`): its version, its templates, and its types of model
with the template of each, where one template goes with all models of a type.
"""

from __future__ import annotations

import json
import os
import sys
from importlib.metadata import version
from typing import Any


def ms_swift() -> dict[str, Any]:
    """The names that `SftArguments` takes as `template` and `model_type`."""
    os.environ["USE_HF"] = "1"
    from swift.model import MODEL_MAPPING
    from swift.template import TEMPLATE_MAPPING

    return {
        "templates": sorted(TEMPLATE_MAPPING),
        "model_types": {name: MODEL_MAPPING[name].template for name in sorted(MODEL_MAPPING)},
    }


def llamafactory() -> dict[str, Any]:
    """The names that its YAML takes as `template`; it has no types of models."""
    os.environ["DISABLE_VERSION_CHECK"] = "1"
    from llamafactory.data.template import TEMPLATES

    return {"templates": sorted(TEMPLATES), "model_types": {}}


if __name__ == "__main__":
    name = sys.argv[1]
    found = {"ms-swift": ms_swift, "llamafactory": llamafactory}[name]()
    print(json.dumps({name: {"version": version(name)} | found}))

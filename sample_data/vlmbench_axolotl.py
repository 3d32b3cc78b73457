"""A plugin that lets axolotl start with `role_boundaries` from a file.

axolotl 0.17 to 0.21 read the entries of `role_boundaries` as their own kind of dictionary, on which every name is an
attribute with the value None; asked for `model_dump`, as a pydantic object would be, an entry gives None, and calling
that stops the run: "TypeError: 'NoneType' object is not callable". This plugin makes plain dictionaries of the entries
before the model is loaded, and changes nothing else. Where axolotl takes the entries as they are, it is of no effect.

In the recipe:

    plugins:
      - vlmbench_axolotl.RoleBoundaries

axolotl must find this file: it does where it lies in the folder in which `axolotl train` is started, in a folder that
PYTHONPATH names (`axolotl train --launcher python` looks there alone), or where vlm-workbench is installed.

Part of vlm-workbench (Apache-2.0). It needs axolotl and nothing else.
"""

import logging

from axolotl.integrations.base import BasePlugin

# axolotl shows what is said at this level under its own name alone.
LOG = logging.getLogger("axolotl.vlmbench_axolotl")


class RoleBoundaries(BasePlugin):  # type: ignore[misc]
    """Makes plain dictionaries of the entries of `role_boundaries`."""

    def pre_model_load(self, cfg):  # type: ignore[no-untyped-def]
        """Called with the whole configuration, after it was validated and before anything is loaded."""
        entries = cfg.get("role_boundaries") or []
        plain = [dict(one) if isinstance(one, dict) else one for one in entries]
        changed = sum(type(old) is not type(new) for old, new in zip(entries, plain, strict=True))
        if changed:
            cfg["role_boundaries"] = plain
            LOG.info("role_boundaries: %d entries are plain dictionaries now, as the collator needs them", changed)

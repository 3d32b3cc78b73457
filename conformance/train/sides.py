"""The two sides of a case, each called in a child of its own: axolotl's command, and the bench's overfit."""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path

from conformance.train.cases import SEED, STEPS
from conformance.train.models import TEXT, weighted_folder
from conformance.train.record import Record, recorded
from workbench.overfit.events import Event
from workbench.recipe.yaml.document import Document


@dataclass(frozen=True)
class Overfit:
    """The bench's run: what was recorded inside Trainer, and the events that it told."""

    record: Record
    events: list[Event]


def warm() -> None:
    """Import what the sides need, so that the children have it."""
    for module in (
        *("axolotl.cli.train", "axolotl.cli.config", "axolotl.train", "axolotl.loaders.model"),
        *("axolotl.common.datasets", "axolotl.core.builders.causal", "peft", "bitsandbytes"),
        *("workbench.overfit.runner", "workbench.overfit.training", "workbench.overfit.probes"),
    ):
        import_module(module)
    # The first model that transformers loads makes it read its tables of renamed weights.
    from transformers import AutoModelForCausalLM

    AutoModelForCausalLM.from_pretrained(weighted_folder(TEXT))


def axolotl_side(recipe: Path) -> Record:
    """`axolotl train` on a recipe: the function that its command calls, in the folder where the recipe lies."""
    from axolotl.cli.train import do_cli

    sys.argv = ["axolotl"]
    sys.path.insert(0, str(recipe.parent))
    with recorded(_vocabulary(recipe)) as record:
        do_cli(str(recipe))
    return record


def bench_side(recipe: Path, folder: Path) -> Overfit:
    """The bench's overfit on all rows of a recipe in the file's order, without its probes.

    Raises:
        RuntimeError: it ended with an error, which is given.
    """
    from workbench.bench import open as opened
    from workbench.overfit import runner
    from workbench.overfit.events import last, read
    from workbench.overfit.plan import make_plan
    from workbench.overfit.runs import EVENTS, PLAN

    bench = opened(recipe)
    plan = make_plan(bench, rows=range(len(bench.rows)), steps=STEPS, seed=SEED, device="cpu")
    folder.mkdir()
    replace(plan, probes=False).write(folder / PLAN)
    with recorded(_vocabulary(recipe)) as record:
        status = runner.main(folder)
    events = read(folder / EVENTS)
    if status:
        raise RuntimeError(str(last(events, "error")))
    return Overfit(record, events)


def _vocabulary(recipe: Path) -> int:
    """The rows of the embeddings in the weights that a recipe names."""
    from transformers import AutoConfig

    base = Document.from_file(recipe).data["base_model"]
    return int(AutoConfig.from_pretrained(base).get_text_config().vocab_size)

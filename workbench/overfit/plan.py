"""The plan of an overfit run: the recipe's knobs that it follows, those it cannot, and its own few."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.errors import BenchError, InputError

if TYPE_CHECKING:
    from workbench.bench import Bench

ROWS, STEPS = 4, 60

_WHOLE = "every process has the whole model; --launcher accelerate shares the rows out"
# Knobs of a recipe that ask for kernels, wrappers or memory tricks of axolotl's own: the run trains without them.
NOT_HONOURED = {
    "cut_cross_entropy": "the loss is computed from the logits of the trained positions",
    "chunked_cross_entropy": "the loss is computed from the logits of the trained positions",
    "liger_fused_linear_cross_entropy": "the loss is computed from the logits of the trained positions",
    "lora_mlp_kernel": "PEFT's own layers are used",
    "lora_qkv_kernel": "PEFT's own layers are used",
    "lora_o_kernel": "PEFT's own layers are used",
    "activation_offloading": "activations stay on the device",
    "layer_offloading": "layers stay on the device",
    "deepspeed": _WHOLE,
    "fsdp": _WHOLE,
    "fsdp_config": _WHOLE,
    "neftune_noise_alpha": "no noise is added: the run tests whether rows can be reproduced",
    "embedding_lr": "one learning rate is used",
    "lora_model_dir": "fresh adapters are trained",
    "torch_compile": "nothing is compiled",
}


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything the child needs, as JSON.

    `recipe` is the text as it is now, saved or not; `recipe_name` and `recipe_path` say where it belongs. `bench` are
    the options that the bench was opened with. `rows` are indexes into its data; `path` is the recipe's, in words.
    """

    recipe: str
    recipe_name: str
    recipe_path: str | None
    bench: dict[str, Any]
    rows: tuple[int, ...]
    steps: int = STEPS
    seed: int = 0
    device: str = "auto"
    decode_tokens: int = 256
    probes: bool = True
    not_honoured: dict[str, str] = field(default_factory=dict)
    path: str = ""

    def to_dict(self) -> dict[str, Any]:
        return asdict(self) | {"rows": list(self.rows)}

    def open(self) -> Bench:
        """The bench that the plan was made for, loaded anew.

        Raises:
            BenchError: as `Bench.load` does.
        """
        from workbench.bench import Bench
        from workbench.recipe.yaml.document import Document

        path = Path(self.recipe_path) if self.recipe_path is not None else None
        return Bench(Document(self.recipe, self.recipe_name, path=path), **self.bench).load()

    def write(self, path: Path) -> None:
        """Write it for the child."""
        path.write_text(json.dumps(self.to_dict()), "utf-8")

    @classmethod
    def read(cls, path: Path) -> Plan:
        """Read what `write` wrote."""
        fields = json.loads(path.read_text("utf-8"))
        return cls(**(fields | {"rows": tuple(fields["rows"])}))


def make_plan(
    bench: Bench,
    *,
    rows: int | Sequence[int] = ROWS,
    steps: int = STEPS,
    seed: int = 0,
    device: str = "auto",
) -> Plan:
    """The plan for a loaded bench: its first `rows` rows that can be rendered, or those given.

    Raises:
        InputError: there is no such row, none can be rendered, or a number is not above zero.
    """
    if steps < 1 or (isinstance(rows, int) and rows < 1):
        raise InputError("Nothing to do", f"rows is {rows}, steps is {steps}.", "Give 1 or more.")
    chosen = _first(bench, rows) if isinstance(rows, int) else tuple(rows)
    for index in chosen:
        if (error := bench.row(index).error) is not None:
            raise InputError(error.message, hint=error.hint, where=error.where)
    document = bench.document
    known = document.data
    return Plan(
        recipe=document.text,
        recipe_name=document.name,
        recipe_path=str(document.path.resolve()) if document.path is not None else None,
        bench=bench.options | ({"data": bench.rows.name} if bench.data_is_sample else {}),
        rows=chosen,
        steps=steps,
        seed=seed,
        device=device,
        not_honoured={key: why for key, why in NOT_HONOURED.items() if known.get(key)},
        path=bench.path.title,
    )


def _first(bench: Bench, count: int) -> tuple[int, ...]:
    """The first rows that can be rendered."""
    found: list[int] = []
    problem: BenchError | None = None
    index = 0
    # A dataset that begins with a thousand broken rows is not searched to its end.
    while len(found) < count and index < 50 * count:
        try:
            row = bench.row(index)
        except BenchError as ended:
            problem = ended
            break
        if row.error is None:
            found.append(index)
        index += 1
    if not found:
        raise InputError("No row can be rendered", "`vlmbench check` says why.") from problem
    return tuple(found)

"""The plan of an overfit run: the recipe as it is, how axolotl trains it, and the run's own few settings."""

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


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything the child needs, as JSON.

    `recipe` is the text as it is now, saved or not; `recipe_name` and `recipe_path` say where it belongs. `bench` are
    the options that the bench was opened with. `rows` are indexes into its data; `path` is the recipe's, in words.
    `not_honoured`: keys of the recipe
    that the run does not follow, and why. `manner`: the fields of the `Manner` that it trains in. `sharding`: how
    several accelerators share the model, see `sharding.sharding_of`; nothing where each has all of it.
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
    manner: dict[str, Any] = field(default_factory=dict)
    sharding: dict[str, Any] = field(default_factory=dict)
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
    from workbench.overfit.knobs import not_followed
    from workbench.overfit.manner import manner

    document = bench.document
    return Plan(
        recipe=document.text,
        recipe_name=document.name,
        recipe_path=str(document.path.resolve()) if document.path is not None else None,
        bench=bench.options | ({"data": bench.rows.name} if bench.data_is_sample else {}),
        rows=chosen,
        steps=steps,
        seed=seed,
        device=device,
        not_honoured=not_followed(bench),
        manner=manner(bench).to_dict(),
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
        raise InputError("No row can be rendered", hint="`vlmbench check` says why.") from problem
    return tuple(found)

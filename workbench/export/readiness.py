"""The steps that an export is proven by; each that is missing says how to make up for it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from workbench.blocks.checking import check_chosen
from workbench.blocks.chosen_rows import ChosenRows
from workbench.checks.agreement import disagreement
from workbench.consumers.axolotl.loader import Rehearsal
from workbench.consumers.protocol import Answer
from workbench.errors import BenchError
from workbench.export.all_rows import KnownOfAllRows, of_check
from workbench.export.compose import first_difference
from workbench.fingerprint import Difference, fingerprint
from workbench.recipe.model import Recipe

if TYPE_CHECKING:
    from workbench.bench import Bench
    from workbench.overfit.runs import Run

Step = Literal["schema", "rows", "check", "overfit", "round trip", "consumer", "loader"]
STEPS: tuple[Step, ...] = ("schema", "rows", "check", "overfit", "round trip", "consumer", "loader")
_NAMED = 3


@dataclass(frozen=True, slots=True)
class Proof:
    """A step: proven (`ok` True), not proven (False), or not to be had here (None, which stops nothing).

    `code` names the way in which it is not proven; `message` says it in one line, `hint` what to do.
    """

    step: Step
    ok: bool | None
    code: str
    message: str
    hint: str = ""

    def to_dict(self) -> dict[str, Any]:
        return {"step": self.step, "ok": self.ok, "code": self.code, "message": self.message, "hint": self.hint}


def last_run(bench: Bench) -> Run | None:
    """The newest overfit run of this recipe that came to an end, else the newest that did not; None without any."""
    from workbench.overfit.runs import latest, runs_of

    return latest(bench) or next(iter(runs_of(bench)), None)


def schema_proof(bench: Bench) -> Proof:
    """Proof that every value of the recipe has the type that axolotl wants."""
    findings = Recipe.check(bench.document)
    if findings:
        first = findings[0]
        more = f" ({len(findings)} in all)" if len(findings) > 1 else ""
        return Proof("schema", False, "schema_invalid", f"{first.where}: {first.message}{more}", first.hint)
    recipe = bench.recipe
    adapted = recipe.lora_target_modules or recipe.lora_target_linear or recipe.lora_target_parameters
    if recipe.adapter in ("lora", "qlora") and not adapted:
        message = f"adapter: {recipe.adapter} without a target: nothing would be adapted"
        return Proof("schema", False, "no_lora_target", message, "Give lora_target_modules.")
    return Proof("schema", True, "ok", "every value has the type that axolotl takes")


def rows_proof(bench: Bench, rows: Sequence[int]) -> Proof:
    """Proof that there are rows, that all of them can be shown, and that some of their tokens are trained."""
    if bench.data_is_sample:
        message = f"the recipe's data was not looked at: the rows are the bench's own {bench.rows.name}"
        return Proof("rows", False, "placeholder_data", message, "Give --data, or set datasets[0].path.")
    if not rows:
        return Proof("rows", False, "no_rows", f"{bench.rows.name} has no rows", "Give data that has some.")
    broken = [index for index in rows if bench.row(index).error is not None]
    if broken:
        error = bench.row(broken[0]).error
        error_text = error.message if error is not None else ""
        message = f"{len(broken)} of {len(rows)} rows cannot be shown; row {broken[0]}: {error_text}"
        return Proof("rows", False, "broken_rows", message, "`vlmbench check` names them all.")
    trained = sum(bench.row(index).mask.trained for index in rows)
    if not trained:
        message = f"not one token of {len(rows)} rows is trained"
        return Proof("rows", False, "nothing_trained", message, "`vlmbench inspect` shows why, token by token.")
    return Proof("rows", True, "ok", f"{len(rows)} rows, {trained:,} tokens trained")


def check_proof(bench: Bench, rows: Sequence[int], all_rows: KnownOfAllRows | None = None) -> Proof:
    """Proof that the checks find no error, in these rows nor in what was found of all rows before."""
    found = of_check(check_chosen(bench, ChosenRows(tuple(rows))))
    if found.errors:
        return Proof("check", False, "error_findings", found.told, "`vlmbench check` shows them, with fixes.")
    if all_rows is not None and all_rows.errors:
        message = f"no error on {found.rows:,} rows, but {all_rows.name} of {all_rows.rows:,} found {all_rows.told}"
        return Proof("check", False, "error_findings", message, "`vlmbench check --rows all` shows them, with fixes.")
    if all_rows is not None and all_rows.rows > found.rows:
        told = f"no error on {all_rows.rows:,} rows, by {all_rows.name}; warnings: {all_rows.warnings:,}"
        return Proof("check", True, "ok", told)
    length = bench.rows.known_length
    whole = "" if length is None or length <= found.rows else f"of {length:,} "
    return Proof("check", True, "ok", f"no error on {found.rows:,} {whole}rows; warnings: {found.warnings:,}")


def overfit_proof(bench: Bench, run: Run | None, name: str = "the last overfit run") -> Proof:
    """Proof that an overfit run passed on the recipe, data and model that are here now; `name` is the run in words."""
    again = "`vlmbench overfit` runs one on this recipe."
    if run is None:
        return Proof("overfit", False, "no_run", "no overfit run of this recipe is recorded", again)
    if not run.done:
        return Proof("overfit", False, "unfinished_run", f"{name} did not come to its end", again)
    verdict = run.verdict
    if verdict.outcome == "fail":
        first = f": {verdict.findings[0].message}" if verdict.findings else ""
        hint = verdict.findings[0].hint if verdict.findings else ""
        return Proof("overfit", False, "failed_run", f"{name} failed{first}", hint or again)
    if verdict.outcome != "pass":
        first = f": {verdict.findings[0].message}" if verdict.findings else ""
        message = f"{name} is doubtful, and only a pass proves the recipe{first}"
        return Proof("overfit", False, "doubtful_run", message, again)
    then = run.fingerprint
    if then is None:
        return Proof(
            "overfit",
            False,
            "unknown_run",
            f"{name} has no record of the recipe and rows that it was made on",
            again,
        )
    try:
        now = fingerprint(bench, then.indices)
    except BenchError as problem:
        message = f"the overfit run was made on rows that are not there now ({problem.title})"
        return Proof("overfit", False, "stale_rows", message, again)
    if stale := _stale(then.differences(now)):
        code, message, differences = stale
        changes = "; ".join(
            f"{difference.what}: {difference.was} then, {difference.now} now" for difference in differences[:_NAMED]
        )
        more = f" and {len(differences) - _NAMED} more" if len(differences) > _NAMED else ""
        return Proof("overfit", False, code, f"{message} ({changes}{more})", again)
    return Proof("overfit", True, "ok", f"pass on {len(then.indices)} rows in {verdict.steps} steps, with this mask")


def _stale(differences: Sequence[Difference]) -> tuple[str, str, list[Difference]] | None:
    """Code, message and differences of the kind that says most; None where nothing that was proven has changed."""
    by_what = {difference.what: difference for difference in differences}
    # Where a file lies proves nothing: what is in it does. Nor is another version of a package another recipe.
    left = {"data"} if "rows" not in by_what else set()
    left |= {"model", "recipe.base_model"} if "model files" not in by_what else set()
    relevant = [
        difference
        for difference in differences
        if difference.what not in left and not difference.what.startswith("version of ")
    ]
    for code, message, mine in _STALE:
        if found := [difference for difference in relevant if mine(difference.what)]:
            return code, message, found
    return None


def _of_the_mask(what: str) -> bool:
    return what in ("labels", "template") or what.removeprefix("recipe.") in _MASK_KEYS or "datasets[" in what


_MASK_KEYS = frozenset(("role_boundaries", "train_on_inputs", "chat_template", "chat_template_jinja"))
_STALE: tuple[tuple[str, str, Callable[[str], bool]], ...] = (
    (
        "stale_model",
        "the overfit run was made with another model",
        lambda name: name in ("model", "model files", "recipe.base_model", "recipe.revision_of_model"),
    ),
    (
        "stale_rows",
        "the overfit run was made on other rows",
        lambda name: name in ("rows", "data", "which rows"),
    ),
    ("stale_mask", "the mask was changed after the overfit run", _of_the_mask),
    ("stale_recipe", "the recipe was changed after the overfit run", lambda name: True),
)


def round_trip_proof(bench: Bench, exported: Bench | BenchError, rows: Sequence[int]) -> Proof:
    """Proof that the exported text, opened again, gives the same ids and labels."""
    if isinstance(exported, BenchError):
        message = f"the exported file cannot be opened: {exported.title}"
        return Proof("round trip", False, "export_unreadable", message, exported.hint)
    differs = first_difference(bench, exported, rows)
    if differs is not None:
        message = f"the exported file gives other labels: row {differs[0]}, from token {differs[1]} on"
        hint = "What was set for this export changes what is trained."
        return Proof("round trip", False, "export_differs", message, hint)
    return Proof("round trip", True, "ok", f"opened again, the file gives the same labels on {len(rows)} rows")


def consumer_proof(exported: Bench, answer: Answer | BenchError | None, drawn: str = "") -> Proof:
    """Proof that axolotl takes the file and makes the same labels; its `ok` is None where no axolotl is at hand.

    `drawn` says of which rows those are, that it was asked about.
    """
    if answer is None:
        message = "not asked: no axolotl is at hand"
        hint = "Give --axolotl-python PATH, the Python of the environment in which you train."
        return Proof("consumer", None, "no_axolotl", message, hint)
    if isinstance(answer, BenchError):
        error_text = f"{answer.title}: {answer.cause}" if answer.cause else answer.title
        return Proof("consumer", False, "consumer_silent", error_text, answer.hint)
    differs = disagreement(exported, answer)
    if differs is not None:
        hint = "axolotl would train other labels than those shown here: find the cause before you train."
        return Proof("consumer", False, "consumer_disagrees", differs, hint)
    if answer.refused is not None:
        refused, stage = answer.refused, answer.refused["stage"]
        error_text = " ".join(f"{refused['type']}: {refused['message']}".split())[:300]
        if answer.unwrapped:
            message = (
                f"{answer.name} cannot start with role_boundaries from a file ({error_text}); it means the same labels"
            )
            return Proof("consumer", False, "consumer_cannot_start", message, "`vlmbench explain A012` says more.")
        verb = {
            "validate": "refuses the file",
            "kernels": "cannot patch this model's attention for its LoRA kernels",
            "collator": "cannot build its collator",
        }.get(stage, "cannot read the rows")
        return Proof(
            "consumer",
            False,
            "consumer_refuses",
            f"{answer.name} {verb}: {error_text}",
            "Change the keys or rows that the message names.",
        )
    return Proof(
        "consumer",
        True,
        "ok",
        f"{answer.name} accepts the file; {answer.strategy} gives the same labels on {len(answer.rows)} rows"
        + (f", {drawn}" if drawn else ""),
    )


def loader_proof(exported: Bench, rehearsal: Rehearsal | BenchError) -> Proof:
    """Proof that axolotl's own loader goes through without weights, to the adapters and freezing that are shown."""
    from workbench.checks.loader import STAGES, differences
    from workbench.models.targets import trained

    if isinstance(rehearsal, BenchError):
        error_text = f"{rehearsal.title}: {rehearsal.cause}" if rehearsal.cause else rehearsal.title
        return Proof("loader", False, "loader_silent", error_text, rehearsal.hint)
    refused = rehearsal.refused
    if refused is not None and refused.environment:
        message = f"{rehearsal.name} could not load the recipe for want of something there: {refused.line}"
        hint = "Give the Python of the environment in which you train; nothing is said against the recipe."
        return Proof("loader", False, "loader_silent", message, hint)
    if refused is not None:
        said = STAGES.get(refused.stage, f"it stops at the stage {refused.stage}")
        message = f"{rehearsal.name} does not load the recipe: {said}: {refused.line}"
        hint = "`vlmbench check --axolotl-python PATH` names the key, and has a fix where one is known."
        return Proof("loader", False, "loader_refuses", message, hint)
    try:
        anatomy = exported.anatomy
        found = differences(anatomy, trained(anatomy, exported.recipe), rehearsal)
    except BenchError as problem:
        message = f"{rehearsal.name} loads the recipe, and the bench cannot build the model to compare: {problem.title}"
        return Proof("loader", False, "loader_not_compared", message, problem.hint)
    if found:
        more = f" ({len(found)} differences in all)" if len(found) > 1 else ""
        hint = "Install the same releases of transformers and PEFT beside the bench."
        return Proof("loader", False, "loader_differs", f"{found[0]}{more}", hint)
    numbers = f"{sum(rehearsal.trained.values()):,} trained numbers"
    adapted = len(rehearsal.modules) + len(rehearsal.parameters)
    where = f"adapters on {adapted:,} modules, " if adapted else ""
    return Proof("loader", True, "ok", f"{rehearsal.name} loads {rehearsal.model_class} as shown: {where}{numbers}")

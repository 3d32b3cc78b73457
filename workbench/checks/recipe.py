"""M006, M009, M010, M012, D009: the recipe's roles, ends and datasets against its template and tokenizer."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from workbench.checks.mask import STOP_TOKEN
from workbench.checks.recipe_facts import RecipeFacts, RowsSeen
from workbench.checks.registry import check
from workbench.checks.row_facts import RowFacts, boundary_place
from workbench.findings import Edit, Emitter, Finding, Fix
from workbench.recipe import plugin
from workbench.recipe.knobs import FIRST_ONLY

if TYPE_CHECKING:
    from workbench.bench import Bench
    from workbench.row import Row

ROLES = Emitter("M009", __name__)


@check("M010", stage="recipe")
def no_boundaries(recipe: RecipeFacts) -> Iterator[Finding]:
    """M010: nothing says what is trained, so everything is."""
    bench = recipe.bench
    if bench.path.kind != "multimodal" or bench.masking.boundaries or bench.masking.train_on_inputs:
        return
    text = f"the strategy {bench.strategy.name} has no role boundaries and the recipe gives none: everything is trained"
    known = bench.family.boundaries if bench.family is not None else ()
    fix, hint = None, "Add role_boundaries; `vlmbench infer` finds them."
    if known:
        rows = [row.as_recipe() for row in known]
        edits = plugin.boundary_edits(bench.document.data, rows)
        fix = Fix(f"the role_boundaries of {bench.family.name if bench.family else ''}", edits)
        hint = f"Add the role_boundaries of {bench.family.name if bench.family else 'the family'}."
    path = "role_boundaries" if "role_boundaries" in bench.document.data else "chat_template"
    yield Finding("M010", "error", text, hint, bench.document.where((path,), key=True), fix)


@check(stage="recipe")
def unknown_roles(recipe: RecipeFacts) -> Iterator[Finding]:
    """M009: trained roles without a boundary."""
    bench = recipe.bench
    boundaries = bench.masking.boundaries
    known = list(dict.fromkeys(boundary.role for boundary in boundaries))
    if not boundaries or bench.masking.train_on_inputs:
        return
    for index, role in enumerate(bench.masking.roles_to_train):
        if role in known:
            continue
        path = ("datasets", 0, "roles_to_train")
        text = f"roles_to_train names {role!r}, which has no boundary (there are {', '.join(known)}): it trains nothing"
        near = difflib.get_close_matches(role, known, n=1, cutoff=0.6)
        near = [name for name in near if name not in bench.masking.roles_to_train]
        fix = Fix(f"{role} → {near[0]}", (Edit((*path, index), near[0]),), retrains=True) if near else None
        hint = f"Write {near[0]}, or add a boundary for {role}." if near else f"Add a boundary for {role}."
        if bench.document.get((*path, index)) is None:
            fix = None
        place = (*path, index) if bench.document.get((*path, index)) is not None else path
        yield ROLES("error", text, hint, bench.document.where(place, key=True), fix)


@check(stage="rows")
def unused_boundaries(seen: RowsSeen) -> Iterator[Finding]:
    """M009: boundaries whose role is in none of the rows looked at; for roles that are not trained, in none at all."""
    bench = seen.bench
    for index, boundary in enumerate(bench.masking.boundaries):
        trained = boundary.role in bench.masking.roles_to_train
        # A turn that the template writes of itself, or under another name, is found all the same.
        if boundary.role in seen.roles or boundary.role in seen.matched or not (trained or seen.all_of_them):
            continue
        text = f"no message of the {seen.rows:,} rows has the role {boundary.role}, which has a boundary"
        place = boundary_place(bench, index, "role")
        if trained:
            yield ROLES("warning", text, "Write the role as the rows name it.", place)
        else:
            yield ROLES("note", text, "It does nothing here.", place)


@check("M012", stage="recipe")
def end_is_padding(recipe: RecipeFacts) -> Iterator[Finding]:
    """M012: the pad token is a trained role's end, and padding is masked."""
    bench = recipe.bench
    pad = bench.masking.pad_id
    for index, boundary in enumerate(bench.masking.boundaries):
        if pad is None or pad not in boundary.end or boundary.role not in bench.masking.roles_to_train:
            continue
        text = f"the pad id {pad} is the end {boundary.end_text!r} of {boundary.role}: the stop token is never trained"
        path = ("special_tokens", "pad_token")
        if bench.document.get(path) is None:
            hint = "Set special_tokens.pad_token to a token that ends no turn."
            yield Finding("M012", "error", text, hint, boundary_place(bench, index, "end"))
            return
        own = _own_pad(bench)
        fix, hint = None, "Choose a pad token that ends no turn."
        if own is not None and bench.loaded.tokenizer.convert_tokens_to_ids(own) not in boundary.end:
            section = bench.document.get(("special_tokens",))
            target = path if len(section) > 1 else path[:1]
            fix = Fix(f"the tokenizer's own pad token, {own}", (Edit(target, remove=True),))
            hint = f"Remove it: the tokenizer's own pad token is {own}."
        yield Finding("M012", "error", text, hint, bench.document.where(path, key=True), fix)
        return


def _own_pad(bench: Bench) -> str | None:
    """The pad token of the tokenizer's files, before the recipe changed it."""
    folder = bench.loaded.tokenizer_path
    file = folder / "tokenizer_config.json" if folder is not None else None
    if file is None or not file.is_file():
        return None
    try:
        token = json.loads(file.read_text("utf-8")).get("pad_token")
    except (ValueError, OSError):
        return None
    text = token.get("content") if isinstance(token, dict) else token
    return text if isinstance(text, str) else None


@check(stage="recipe")
def generation_goes_on(recipe: RecipeFacts) -> Iterator[Finding]:
    """M006: ends that are trained and at which generation does not stop.

    An end with which the template closes no turn of its role in these rows is not believed: the rows' own findings tell
    of it, and generation is asked about the token with which the template does.
    """
    bench = recipe.bench
    eos = (bench.loaded.generation_config or {}).get("eos_token_id")
    stops = {eos} if isinstance(eos, int) else set(eos or ())
    if not stops or bench.masking.train_on_inputs:
        return
    written: dict[str, dict[int, str]] | None = None
    for index, boundary in enumerate(bench.masking.boundaries):
        if boundary.role not in bench.masking.roles_to_train or not boundary.end or stops.intersection(boundary.end):
            continue
        if not boundary.include_end and any(
            other.start[: len(boundary.end)] == boundary.end for other in bench.masking.boundaries
        ):
            # The end is how the next turn starts: there is no stop token, which M006 tells of each row.
            continue
        written = _written_ends(recipe.rows()) if written is None else written
        theirs = written.get(boundary.role, {})
        ids, text = boundary.end, str(boundary.end_text)
        if theirs and not theirs.keys() & set(ids):
            if stops & theirs.keys():
                continue
            ids, text = (next(iter(theirs)),), next(iter(theirs.values()))
        listed = ", ".join(map(str, sorted(stops)))
        message = (
            f"{boundary.role} ends at {text!r} ({' '.join(map(str, ids))}), and generation_config.eos_token_id is "
            f"{listed}: generation goes on after it"
        )
        hint = f"Add {ids[0]} to eos_token_id in generation_config.json, for serving too."
        yield STOP_TOKEN("warning", message, hint, boundary_place(bench, index, "end"))
        return


def _written_ends(rows: Iterable[Row]) -> dict[str, dict[int, str]]:
    """Per role, the tokens with which the template ends its turns in these rows, with their texts."""
    found: dict[str, dict[int, str]] = {}
    for facts in map(RowFacts, rows):
        for role, at in zip(facts.roles, facts.stops.tolist(), strict=True):
            if at >= 0:
                token = int(facts.ids[at])
                found.setdefault(role, {})[token] = facts.rendering.vocabulary.text(token)
    return found


@check("D009", stage="recipe")
def differing_datasets(facts: RecipeFacts) -> Iterator[Finding]:
    """D009, for each key of a later dataset that the first one overrules."""
    recipe = facts.bench.recipe
    if not recipe.multimodal or not recipe.datasets:
        return
    for number, entry in enumerate(recipe.datasets[1:], 1):
        for key in FIRST_ONLY:
            value, ruling = getattr(entry, key), getattr(recipe, key)
            if value is None or value == ruling:
                continue
            here, first = _shown(value), _shown(ruling)
            text = f"datasets[{number}].{key} is {here}, but the first dataset's {first} rules all of them"
            hint = f"Train them in separate runs, or write the same. --dataset {number} shows it as it will be masked."
            yield Finding("D009", "warning", text, hint, facts.document.where(("datasets", number, key), key=True))


def _shown(value: Any) -> str:
    return f"[{', '.join(value)}]" if isinstance(value, list) else str(value)

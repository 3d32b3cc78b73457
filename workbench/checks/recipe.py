"""A014, M006, M009, M010, M012, T005, D009: what can be said of a recipe and its model without any row."""

from __future__ import annotations

import difflib
import json
from collections.abc import Collection, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from workbench.checks import schema, template
from workbench.checks.kernels import kernels
from workbench.checks.row_facts import Scene, boundary_place
from workbench.findings import Edit, Finding, Fix
from workbench.recipe import plugin
from workbench.recipe.knobs import FIRST_ONLY

if TYPE_CHECKING:
    from workbench.bench import Bench
    from workbench.row import Row

_LOOKED_AT = 4


def check(bench: Bench, rows: Iterable[Row] | None = None) -> Iterator[Finding]:
    """Every finding about the recipe itself, after those that the bench brings already.

    `rows`: where to look how the template ends turns; by default the first few.
    """
    differing = list(differing_datasets(bench))
    told = {(one.where.line, one.where.field) for one in differing}
    for finding in bench.findings:
        if finding.code != "M013" or (finding.where.line, finding.where.field) not in told:
            yield finding
    yield from differing
    yield from no_boundaries(bench)
    yield from unknown_roles(bench)
    yield from silent_end(bench)
    yield from deaf_generation(bench, _first(bench) if rows is None else rows)
    yield from template.dated(bench)
    yield from kernels(bench.document, bench.loaded.model_type)
    yield from schema.check(bench)


def no_boundaries(bench: Bench) -> Iterator[Finding]:
    """M010."""
    if bench.masking.boundaries or bench.masking.train_on_inputs:
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


def unknown_roles(bench: Bench) -> Iterator[Finding]:
    """M009: trained roles without a boundary."""
    boundaries = bench.masking.boundaries
    known = list(dict.fromkeys(one.role for one in boundaries))
    if not boundaries or bench.masking.train_on_inputs:
        return
    for index, role in enumerate(bench.masking.roles_to_train):
        if role in known:
            continue
        path = ("datasets", 0, "roles_to_train")
        text = f"roles_to_train names {role!r}, which has no boundary (there are {', '.join(known)}): it trains nothing"
        near = difflib.get_close_matches(role, known, n=1, cutoff=0.6)
        near = [one for one in near if one not in bench.masking.roles_to_train]
        fix = Fix(f"{role} → {near[0]}", (Edit((*path, index), near[0]),), retrains=True) if near else None
        hint = f"Write {near[0]}, or add a boundary for {role}." if near else f"Add a boundary for {role}."
        if bench.document.get((*path, index)) is None:
            fix = None
        place = (*path, index) if bench.document.get((*path, index)) is not None else path
        yield Finding("M009", "error", text, hint, bench.document.where(place, key=True), fix)


def unused_boundaries(bench: Bench, roles: Collection[str], rows: int, *, all_of_them: bool) -> Iterator[Finding]:
    """M009: boundaries whose role is in none of the rows looked at; for roles that are not trained, in none at all."""
    for index, boundary in enumerate(bench.masking.boundaries):
        trained = boundary.role in bench.masking.roles_to_train
        if boundary.role in roles or not (trained or all_of_them):
            continue
        text = f"no message of the {rows:,} rows has the role {boundary.role}, which has a boundary"
        place = boundary_place(bench, index, "role")
        if trained:
            yield Finding("M009", "warning", text, "Write the role as the rows name it.", place)
        else:
            yield Finding("M009", "note", text, "It does nothing here.", place)


def silent_end(bench: Bench) -> Iterator[Finding]:
    """M012."""
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
        told = json.loads(file.read_text("utf-8")).get("pad_token")
    except (ValueError, OSError):
        return None
    text = told.get("content") if isinstance(told, dict) else told
    return text if isinstance(text, str) else None


def _first(bench: Bench) -> Iterator[Row]:
    """The first few rows that can be shown."""
    from workbench.errors import BenchError

    for index in range(_LOOKED_AT):
        try:
            row = bench.row(index)
        except BenchError:
            return
        if row.error is None:
            yield row


def deaf_generation(bench: Bench, rows: Iterable[Row]) -> Iterator[Finding]:
    """M006: ends that are trained and at which generation does not stop.

    An end with which the template closes no turn of its role in these rows is not believed: the rows' own findings tell
    of it, and generation is asked about the token with which the template does.
    """
    told = (bench.loaded.generation_config or {}).get("eos_token_id")
    stops = {told} if isinstance(told, int) else set(told or ())
    if not stops or bench.masking.train_on_inputs:
        return
    written: dict[str, dict[int, str]] | None = None
    for index, boundary in enumerate(bench.masking.boundaries):
        if boundary.role not in bench.masking.roles_to_train or not boundary.end or stops.intersection(boundary.end):
            continue
        if not boundary.include_end and any(
            one.start[: len(boundary.end)] == boundary.end for one in bench.masking.boundaries
        ):
            # The end is how the next turn starts: there is no stop token, which M006 tells of each row.
            continue
        written = _written_ends(rows) if written is None else written
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
        yield Finding("M006", "warning", message, hint, boundary_place(bench, index, "end"))
        return


def _written_ends(rows: Iterable[Row]) -> dict[str, dict[int, str]]:
    """Per role, the tokens with which the template ends its turns in these rows, with their texts."""
    found: dict[str, dict[int, str]] = {}
    for scene in map(Scene, rows):
        for role, at in zip(scene.roles, scene.stops.tolist(), strict=True):
            if at >= 0:
                token = int(scene.ids[at])
                found.setdefault(role, {})[token] = scene.rendering.vocabulary.text(token)
    return found


def differing_datasets(bench: Bench) -> Iterator[Finding]:
    """D009, for each key of a later dataset that the first one overrules."""
    recipe = bench.recipe
    if not recipe.multimodal or not recipe.datasets:
        return
    for number, entry in enumerate(recipe.datasets[1:], 1):
        for key in FIRST_ONLY:
            value, ruling = getattr(entry, key), getattr(recipe, key)
            if value is None or value == ruling:
                continue
            text = (
                f"datasets[{number}].{key} is {_said(value)}, but the first dataset's {_said(ruling)} rules all of them"
            )
            hint = f"Train them in separate runs, or write the same. --dataset {number} shows it as it will be masked."
            yield Finding("D009", "warning", text, hint, bench.document.where(("datasets", number, key), key=True))


def _said(value: Any) -> str:
    return f"[{', '.join(value)}]" if isinstance(value, list) else str(value)

"""M016, M017 and D010: what axolotl's text path makes of a row, beside what its mask says."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from workbench.checks.recipe_facts import RecipeFacts
from workbench.checks.registry import check
from workbench.checks.row_facts import RowFacts, counted
from workbench.data.row_notes import BAD_PICTURES
from workbench.findings import Edit, Finding, Fix
from workbench.recipe.knobs import NO_EFFECT
from workbench.tokens.text_masking import unwritten_ends

if TYPE_CHECKING:
    from workbench.recipe.yaml.nodes import KeyPath
    from workbench.tokens.turns import RowMask, TextMasking


def _on_text_path(facts: RowFacts) -> bool:
    return facts.masking.text is not None


def _made(facts: RowFacts) -> tuple[RowMask, TextMasking]:
    masking = facts.masking.text
    assert masking is not None
    return facts.row.text_mask_under(masking), masking


@check("M016", when=_on_text_path)
def untrained_end(facts: RowFacts) -> Iterator[Finding]:
    """M016, at the first trained turn whose end token is not trained."""
    made, masking = _made(facts)
    # Pictures that are lost make it the wrong path, and C001 the finding to begin with.
    lost_media = any(finding.code == BAD_PICTURES.code for finding in facts.row.conversation.findings)
    if lost_media or made.fate not in ("kept", "cut"):
        return
    stops = np.where(facts.role_trained[:-1] & (facts.row.turns.start >= 0), facts.stops, -1)
    stops = stops[stops < (len(facts.ids) if masking.limit is None else masking.limit)]
    lost = stops[(stops >= 0) & ~facts.mask.keep[stops]]
    if not len(lost):
        return
    at = int(lost[0])
    token = int(facts.ids[at])
    message = int(np.flatnonzero(facts.stops == at)[0])
    known = {masking.eos_id: masking.train_on_eos} | dict.fromkeys(masking.eot_ids, masking.train_on_eot)
    if known.get(token) == "last":
        return
    written = facts.rendering.vocabulary.text(token)
    role = facts.roles[message]
    text = f"{role} ends with “{written}” ({token}), which is not trained in {counted(len(lost), 'turn')}"
    fix, why, hint, path = _end_fix(facts, token, written, known)
    where = facts.at_recipe(path, message, (at, at + 1))
    yield Finding("M016", "error", f"{text}: {why}", hint, where, fix)


def _end_fix(
    facts: RowFacts, token: int, written: str, known: dict[int | None, str]
) -> tuple[Fix | None, str, str, KeyPath]:
    """The edit that trains an end token, why it is not, what to do, and the place in the recipe."""
    bench = facts.bench
    entry, number = bench.entry_of(bench.recipe), int(bench.options["dataset"])
    if known.get(token) == "none":
        of_eot = entry is not None and entry.train_on_eot == "none" and token in facts.masking.text.eot_ids  # type: ignore[union-attr]
        path: KeyPath = ("datasets", number, "train_on_eot" if of_eot else "train_on_eos")
        fix = Fix(f"{path[-1]}: turn", (Edit(path, "turn"),)) if entry is not None else None
        return fix, f"{path[-1]} is none", f"Write {path[-1]}: turn in the dataset's entry.", path
    path = ("eot_tokens",)
    if token in known:
        why = "it stands more than three tokens after the text, where axolotl does not look"
        return None, why, "Let the template end the turn right after its text.", path
    named = list(bench.recipe.eot_tokens or ())
    eos = getattr(bench.renderer.tokenizer, "eos_token", None)
    why = f"the EOS token is {eos!r}, and eot_tokens does not name it"
    if written not in (bench.template.text or ""):
        return None, why, "Write the token into the template as it is: axolotl looks for eot_tokens there.", path
    fix = Fix(f"eot_tokens: [{', '.join([*named, written])}]", (Edit(path, [*named, written]),))
    return fix, why, f"Name {written} in eot_tokens.", path


@check("M017", when=_on_text_path)
def turns_not_found(facts: RowFacts) -> Iterator[Finding]:
    """M017: turns that are to be trained and that axolotl does not find, or at which it raises."""
    _, masking = _made(facts)
    found = facts.row.turns
    looked, wanted = found.looked_for(masking), found.wanted(masking)
    for index in np.flatnonzero(looked).tolist():
        if found.raised[index]:
            text = f"axolotl raises while it looks for the {found.role[index]} turn: “{found.raised[index]}”"
            hint = "The conversation is rendered with other words in the turn's place: the template must allow that."
            yield Finding("M017", "error", text, hint, facts.where(index))
            return
    lost = np.flatnonzero(wanted & (found.start < 0))
    texts = [facts.row.turn_text(index) for index in lost.tolist()]
    blank = np.array([not text.strip() for text in texts], dtype=bool)
    if len(lost) and not blank.all():
        index = int(lost[~blank][0])
        text = f"{counted(int((~blank).sum()), 'turn')} to be trained not found: the {found.role[index]} turn: "
        hint = "Look at what the template writes for this turn, or change the template."
        yield Finding("M017", "error", text + found.why[index], hint, facts.where(index))


@check("D010", when=_on_text_path)
def dropped(facts: RowFacts) -> Iterator[Finding]:
    """D010: rows that axolotl drops for another reason than their length over sequence_len, which is D006."""
    made, masking = _made(facts)
    long = masking.limit is not None and len(facts.ids) > masking.limit
    if made.fate == "dropped" and not long:
        hint = "Correct the row or its roles, or remove it."
        yield Finding("D010", "warning", f"axolotl drops the row: {made.why}", hint, facts.where())


@check(stage="recipe")
def unwritten_end_tokens(recipe: RecipeFacts) -> Iterator[Finding]:
    """M013: end tokens that the template does not write, of which axolotl warns and which it leaves out."""
    bench = recipe.bench
    if bench.path.kind != "text" or bench.recipe.eot_tokens is None:
        return
    for token in unwritten_ends(
        bench.recipe, getattr(bench.renderer.tokenizer, "eos_token", None), bench.template.text or ""
    ):
        text = f"eot_tokens names {token!r}, which the template does not write: axolotl leaves it out"
        where = recipe.document.where(("eot_tokens",), key=True)
        yield NO_EFFECT("warning", text, "Write the token with which the template ends turns.", where)

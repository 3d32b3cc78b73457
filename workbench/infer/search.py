"""Role boundaries for any chat template: found on probes, proved on other conversations.

Probe conversations are rendered and traced, and the text between the owners is read: what stands before a role's
content is its header, the stable special token after it its end. A header whose last characters merge with some
contents is given twice, whole and shortened: the scanner takes the longest that matches.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from workbench.infer.headers import Candidate, MarkerMismatch, TemplateReading, candidates, read_template
from workbench.infer.injection import Injection, effect, injection
from workbench.infer.probes import (
    ROLES,
    Case,
    accepted,
    generation_prompts,
    make_case,
    probe_cases,
    proof_cases,
    shapes_for,
)
from workbench.infer.proof import Figures, Layout, measure
from workbench.tokens.boundaries import encode_marker
from workbench.tokens.render import Message, Renderer

if TYPE_CHECKING:
    from workbench.answers.reports import EvidenceAnswer, InferAnswer

SCHEMA: Final = "vlmbench.infer/1"
_SHOWN = 6
# What YAML 1.1 does not take for a text.
_WORDS = ("null", "true", "false", "yes", "no", "on", "off", "y", "n")


@dataclass(frozen=True, slots=True)
class Evidence:
    """The proof of one role. Figures count tokens, `stops` and `stopped` turns; see `proof.Figures`."""

    role: str
    starts: tuple[str, ...]
    end: str | None
    figures: Figures
    stop_token: dict[str, Any] | None
    verified: bool
    notes: tuple[str, ...]
    broken: tuple[MarkerMismatch, ...] = ()

    @property
    def recall(self) -> float | None:
        """The share of the role's content tokens that are trained when the role is; None where it has none."""
        return self.figures.recalled / self.figures.content if self.figures.content else None

    def to_dict(self) -> EvidenceAnswer:
        """The evidence for JSON."""
        figures = self.figures
        return {
            "role": self.role,
            "recall": self.recall,
            "leaked": figures.leaked,
            "stop_token": self.stop_token,
            "notes": list(self.notes),
            "verified": self.verified,
            "starts": list(self.starts),
            "end": self.end,
            "turns": figures.turns,
            "content_tokens": figures.content,
            "recalled_tokens": figures.recalled,
            "stops": figures.stops,
            "stops_trained": figures.stopped,
            "leaked_content": figures.leaked_content,
            "leaked_template": figures.leaked_template,
            "broken": [
                {"marker": b.marker, "content": b.content, "alone": list(b.alone), "there": list(b.there)}
                for b in self.broken
            ],
        }


@dataclass(frozen=True)
class Inference:
    """Boundaries, and what was proved of them. `role_boundaries` are rows as axolotl takes them."""

    role_boundaries: list[dict[str, Any]]
    evidence: tuple[Evidence, ...]
    notes: tuple[str, ...] = ()
    conversations: int = 0
    rows: int = 0
    injection: Injection | None = None

    @property
    def verified(self) -> bool:
        """True where every role is verified: all content and every end trained, and nothing else."""
        return bool(self.evidence) and all(evidence.verified for evidence in self.evidence)

    def verified_for(self, roles: Iterable[str]) -> bool:
        """True where all of these roles are verified."""
        proved = {evidence.role for evidence in self.evidence if evidence.verified}
        return set(roles) <= proved

    def yaml(self) -> str:
        """The `role_boundaries` of a recipe, ready to paste."""
        lines = ["role_boundaries:"] if self.role_boundaries else ["role_boundaries: []"]
        for row in self.role_boundaries:
            keys = [f"{key}: {_scalar(value)}" for key, value in row.items()]
            lines += [f"  - {keys[0]}", *(f"    {key}" for key in keys[1:])]
        return "\n".join(lines) + "\n"

    def to_dict(self) -> InferAnswer:
        """The JSON of `vlmbench.infer/1`."""
        return {
            "schema": SCHEMA,
            "verified": self.verified,
            "role_boundaries": self.role_boundaries,
            "evidence": [evidence.to_dict() for evidence in self.evidence],
            "notes": list(self.notes),
            "conversations": self.conversations,
            "rows": self.rows,
            "injection": self.injection.to_dict() if self.injection is not None else None,
        }


def _scalar(value: Any) -> str:
    """A value as YAML: JSON's texts are its double-quoted ones. Characters that do not print are escaped."""
    if isinstance(value, str) and value.isidentifier() and value.islower() and value not in _WORDS:
        return value
    text = json.dumps(value, ensure_ascii=False)
    return "".join(char if char.isprintable() else f"\\U{ord(char):08x}" for char in text)


@dataclass(frozen=True, slots=True)
class Study:
    """The result of probing a template: the conversations it takes, and the way it writes turns."""

    shapes: list[tuple[str, ...]]
    probes: list[Case]
    reading: TemplateReading
    layout: Layout


def study(renderer: Renderer, extra: Iterable[str] = ()) -> Study:
    """Render and trace the probes, and read the text between the owners. `extra` are roles to try beside the usual."""
    shapes = accepted(renderer, shapes_for(extra))
    probes = probe_cases(renderer, shapes)
    reading = read_template(probes, renderer)
    prefilled = generation_prompts(renderer)
    for text in prefilled:
        known = reading.headers.get("assistant", [])
        if known and text not in known and any(text.startswith(name) for name in known):
            reading.headers["assistant"].append(text)
    return Study(shapes, probes, reading, Layout(reading.headers, reading.ends, tuple(reading.shared), prefilled))


def infer(
    renderer: Renderer,
    tokenizer: Any,
    *,
    generation_config: Mapping[str, Any] | None = None,
    rows: Sequence[Sequence[Message]] = (),
    sample: bool = False,
) -> Inference:
    """Find role boundaries for a template, and prove them on conversations that were not used to find them.

    `rows` are the user's own conversations, as `Conversation.messages` gives them; roles that only they have are
    looked for as well, and the boundaries are proved on them too. With `sample` they are the bench's own: those of
    them in which a user writes markers are set aside, for they try how rows are checked and say nothing of a template.
    What typed markers do is told apart, in `injection`.
    """
    extra = [role for row in rows for message in row if isinstance(role := message.get("role"), str)]
    studied = study(renderer, extra)
    reading, layout = studied.reading, studied.layout
    found, broken = candidates(reading, studied.probes, layout, tokenizer)
    kept = _fewest(found, studied.probes, layout, tokenizer)

    corpus = proof_cases(renderer, studied.shapes)
    own = [made for i, row in enumerate(rows) if (made := make_case(renderer, f"row {i}", list(row))) is not None]
    resolved = [candidate.resolve(tokenizer) for candidate in kept]
    aside = [case for case in own if any(effect(case, resolved))] if sample else []
    own = [case for case in own if case not in aside]
    figures = measure(resolved, [*corpus, *own], layout)
    roles = [role for role in dict.fromkeys([*ROLES, *figures]) if role in figures]
    evidence = tuple(
        _evidence(role, figures[role], kept, reading, broken, tokenizer, generation_config)
        for role in roles
        if figures[role].turns
    )
    seen = {proved.role for proved in evidence}
    notes = [f"the template refuses the role {role}, or drops its content" for role in ROLES if role not in seen]
    shown = len(own) + len(aside)
    if shown < len(rows):
        notes.append(f"{len(rows) - shown} of {len(rows)} rows cannot be rendered, and prove nothing")
    typed = injection(renderer, tokenizer, resolved, [case.label for case in aside])
    return Inference([candidate.row() for candidate in kept], evidence, tuple(notes), len(corpus), len(own), typed)


def _fewest(found: list[Candidate], cases: Sequence[Case], layout: Layout, tokenizer: Any) -> list[Candidate]:
    """Leave out, one after the other, every boundary without which the probes fare as well or better."""

    def score(chosen: list[Candidate]) -> tuple[int, int, int]:
        figures = measure([candidate.resolve(tokenizer) for candidate in chosen], cases, layout)
        # Where no set serves every role, the assistant counts first: its turns are trained by default.
        first = figures["assistant"].missed if "assistant" in figures else 0
        return (
            first,
            sum(figures_of_role.missed for figures_of_role in figures.values()),
            sum(figures_of_role.leaked for figures_of_role in figures.values()),
        )

    kept = list(found)
    best = score(kept)
    # The longest first: a shorter marker usually stands where a longer one does, and in other turns too.
    for candidate in sorted(found, key=lambda candidate: -len(candidate.start)):
        fewer = [other for other in kept if other is not candidate]
        if (trial := score(fewer)) <= best:
            kept, best = fewer, trial
    # A boundary that changed nothing beside another may matter now that the other is gone.
    for candidate in found:
        more = [other for other in found if other is candidate or other in kept]
        if candidate not in kept and (trial := score(more)) < best:
            kept, best = more, trial
    return kept


def _evidence(
    role: str,
    figures: Figures,
    kept: Sequence[Candidate],
    reading: TemplateReading,
    broken: Mapping[str, Sequence[MarkerMismatch]],
    tokenizer: Any,
    generation_config: Mapping[str, Any] | None,
) -> Evidence:
    mine = [candidate for candidate in kept if candidate.role == role]
    notes: list[str] = []
    stop = _stop_token(role, reading, tokenizer, generation_config, notes)
    if role in reading.folded:
        host = reading.folded[role]
        notes.append(f"the template writes it into the {host}'s turn: no boundary can separate them")
    elif not mine:
        notes.append("the template writes no header before it that could be a marker")
    elif role in reading.shared and role not in reading.ends:
        notes.append(f"it has no end of its own: {mine[0].end!r}, with which the turn after it begins, is taken for it")
    if figures.unended:
        notes.append(f"after {figures.unended} of {figures.turns} turns the template writes no end, so none is learned")
    if role in reading.unstable:
        notes.append(f"the template writes a text before it that changes with the date: {reading.unstable[role]!r}")
    for source, count in figures.leaked_from.items():
        inside = source.removeprefix("content of ") in reading.folded
        why = ", which the template writes into this turn," if inside else ""
        notes.append(f"{count} tokens of {source}{why} are trained with it")
    if figures.template_turns:
        notes.append("where the template writes such a turn by itself, that is trained with the role")
    proved = figures.recalled == figures.content and figures.stopped == figures.stops and not figures.leaked
    proved = proved and bool(mine) and figures.turns > 0
    if mine and not proved:
        notes += figures.faults
    end = mine[0].end if mine else None
    starts = tuple(candidate.start for candidate in mine)
    return Evidence(role, starts, end, figures, stop, proved, tuple(notes), tuple(broken.get(role, ())[:_SHOWN]))


def _stop_token(
    role: str, reading: TemplateReading, tokenizer: Any, generation_config: Mapping[str, Any] | None, notes: list[str]
) -> dict[str, Any] | None:
    """The role's own end; for the assistant, whether generation stops there."""
    text = reading.ends.get(role)
    if text is None or role in reading.shared:
        return None
    ids = encode_marker(tokenizer, text)
    found: dict[str, Any] = {"text": text, "ids": list(ids)}
    if role != "assistant":
        return found
    eos = getattr(tokenizer, "eos_token_id", None)
    found["is_eos"] = ids == (eos,)
    declared = (generation_config or {}).get("eos_token_id")
    listed = declared if isinstance(declared, list) else [declared] if declared is not None else None
    found["in_generation_config"] = None if listed is None else bool(len(ids) == 1 and ids[0] in listed)
    if listed is not None and not found["in_generation_config"]:
        notes.append(f"generation does not stop at {text}: generation_config has eos_token_id {declared}")
    elif listed is None and not found["is_eos"]:
        notes.append(f"{text} is not the tokenizer's eos token, and there is no generation_config to say where to stop")
    return found

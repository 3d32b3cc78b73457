"""The JSON of `vlmbench inspect --format json`: `vlmbench.inspect/1`. Versioned; other programs read it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from workbench.checks.recipe_checks import recipe_errors
from workbench.checks.row_checks import row_findings
from workbench.tokens.mask import Reason
from workbench.tokens.trace import Owner
from workbench.views.asked import asked_payload
from workbench.views.path import preference_texts

if TYPE_CHECKING:
    from workbench.answers.rows import (
        BoundaryAnswer,
        InspectAnswer,
        OwnerAnswer,
        RowAnswer,
        SpanAnswer,
        TokenAnswer,
    )
    from workbench.bench import Bench, Row
    from workbench.tokens.mask import Spans
    from workbench.tokens.turns import TextMasking

SCHEMA: Final = "vlmbench.inspect/1"


def inspect_payload(bench: Bench, rows: Sequence[Row]) -> InspectAnswer:
    """Everything that `inspect` knows of these rows, ready for `json.dumps`."""
    masking = bench.masking
    return {
        "schema": SCHEMA,
        "path": bench.path.to_dict(),
        "model": {
            "source": bench.title,
            "revision": bench.loaded.revision,
            "model_type": bench.loaded.model_type,
            "processor": type(bench.loaded.processor).__name__ if bench.loaded.processor is not None else None,
            "tokenizer": type(bench.loaded.tokenizer).__name__,
        },
        "family": bench.family.name if bench.family is not None else None,
        "recipe": {
            "file": bench.document.name,
            "chat_template": bench.recipe.chat_template,
            "template": bench.template.source,
            "strategy": bench.strategy.name,
            "roles_to_train": list(masking.roles_to_train),
            "train_on_eos": masking.train_on_eos,
            "train_on_inputs": masking.train_on_inputs,
            "pad_id": masking.pad_id,
            "media_ids": list(masking.media_ids),
            **_text_payload(masking.text),  # type: ignore[typeddict-item]
        },
        "boundaries": boundaries_payload(bench, rows),
        "rows": [row_payload(row) for row in rows],
        "findings": [finding.to_dict() for finding in (*bench.findings, *recipe_errors(bench))],
        "asked": asked_payload(bench, (finding for row in rows for finding in row_findings(row))),
    }


def _text_payload(text: TextMasking | None) -> dict[str, Any]:
    """The keys that decide the labels on the text path, besides those that both paths have."""
    if text is None:
        return {}
    return {
        "train_on_eot": text.train_on_eot,
        "eos_id": text.eos_id,
        "eot_ids": list(text.eot_ids),
        "sequence_len": text.limit,
        "excess_length_strategy": text.excess,
    }


def count_matches(count: int, masks: Iterable[Spans]) -> tuple[list[int], list[int]]:
    """Per boundary: how many spans it opened, and how many of those never ended."""
    matches = np.zeros(count, dtype=np.int64)
    unterminated = np.zeros(count, dtype=np.int64)
    for spans in masks:
        matches += np.bincount(spans.boundary, minlength=count)[:count]
        unterminated += np.bincount(spans.boundary[~spans.terminated], minlength=count)[:count]
    return matches.tolist(), unterminated.tolist()


def boundaries_payload(bench: Bench, rows: Sequence[Row]) -> list[BoundaryAnswer]:
    """The boundaries in force, with their ids and their matches over the given rows."""
    boundaries = bench.masking.boundaries
    matches, unterminated = count_matches(len(boundaries), (row.mask.spans for row in rows if row.error is None))
    return [
        {
            "role": boundary.role,
            "start": boundary.start_text,
            "end": boundary.end_text,
            "include_start": boundary.include_start,
            "include_end": boundary.include_end,
            "start_ids": list(boundary.start),
            "end_ids": list(boundary.end),
            "matches": matches[index],
            "unterminated": unterminated[index],
        }
        for index, boundary in enumerate(boundaries)
    ]


def row_payload(row: Row) -> RowAnswer:
    """One row; a row that cannot be shown has its findings and nothing else."""
    payload: RowAnswer = {
        "row": row.index,
        "source": row.raw.source,
        "line": row.raw.line,
        "input_ids": [],
        "labels": [],
        "tokens": [],
        "spans": [],
        "media": [],
        "findings": [finding.to_dict() for finding in row_findings(row)],
    }
    if pieces := preference_texts(row):
        payload["preference"] = [{"column": name, "text": text} for name, text in pieces]
    if row.error is not None:
        return payload
    rendering, mask, trace = row.rendering, row.mask, row.trace
    roles = [str(message.get("role")) for message in row.conversation.messages]
    tokens: list[TokenAnswer] = []
    texts = rendering.token_texts()
    for index, token in enumerate(rendering.input_ids.tolist()):
        kind = Owner(int(trace.kind[index]))
        owner: OwnerAnswer = {"kind": kind.name.lower()}
        message = int(trace.message[index])
        if message >= 0:
            owner["message"] = row.raw_message(message)
            owner["part"] = int(trace.part[index])
            owner["role"] = roles[message]
        if kind is Owner.CONTENT:
            owner["chars"] = [int(trace.char_start[index]), int(trace.char_end[index])]
            owner["exact"] = bool(trace.exact[index])
        tokens.append(
            {
                "index": index,
                "id": token,
                "text": texts[index],
                "owner": owner,
                "span": int(mask.span[index]) if mask.span[index] >= 0 else None,
                "reason": Reason(int(mask.reason[index])).name.lower(),
                "trained": bool(mask.keep[index]),
            }
        )
    text = row.bench.masking.text
    if text is not None:
        payload["fate"] = row.text_mask_under(text).fate
    payload["trained"] = mask.trained
    payload["input_ids"], payload["labels"] = rendering.input_ids.tolist(), mask.labels.tolist()
    payload["tokens"], payload["spans"] = tokens, spans_payload(mask.spans)
    payload["media"] = [
        {
            "modality": rendering.media.modality[i],
            "start": int(rendering.media.start[i]),
            "stop": int(rendering.media.stop[i]),
            "soft_tokens": int(rendering.media.soft[i]),
        }
        for i in range(len(rendering.media))
    ]
    return payload


def spans_payload(spans: Spans) -> list[SpanAnswer]:
    """The spans of one row."""
    return [
        {
            "role": spans.role(i),
            "boundary": int(spans.boundary[i]),
            "start": int(spans.start[i]),
            "content": int(spans.content[i]),
            "end": int(spans.end[i]),
            "stop": int(spans.stop[i]),
            "terminated": bool(spans.terminated[i]),
            "trained": bool(spans.trained[i]),
        }
        for i in range(len(spans))
    ]

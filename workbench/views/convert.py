"""Output of `vlmbench convert`, as text and as JSON (`vlmbench.convert/1`), and a few rows before and after."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any, Final, Literal

from workbench.views.items import visible

if TYPE_CHECKING:
    from workbench.answers.tools import ConvertAnswer, ConvertProof, CountedAnswer
    from workbench.convert.run import BeforeAfter, Converted
    from workbench.convert.shapes import Shape

SCHEMA: Final = "vlmbench.convert/1"
_SHAPE_ALONE = "The shape alone: no model was named, so nothing was rendered. --model or --config proves every row."
_WIDTH = 240


def convert_payload(result: Converted) -> ConvertAnswer:
    """Everything that a conversion did, ready for `json.dumps`."""
    return {
        "schema": SCHEMA,
        "source": result.source,
        "shape": result.shape.to_dict(),
        "out": str(result.out) if result.written else None,
        "rows": {
            "read": result.read,
            "written": result.written,
            "changed": result.changed,
            "refused": result.refused,
        },
        "changes": _counts(result.changes.made),
        "lost": _counts(result.changes.lost),
        "refusals": [
            {"reason": reason, "rows": count, "first": [refusal.to_dict() for refusal in result.first[reason]]}
            for reason, count in result.refusals.most_common()
        ],
        "refused_file": str(result.refused_file) if result.refused_file else None,
        "media": {
            "folder": str(result.media_folder) if result.media_folder else None,
            "files_written": result.media_files,
            "bytes_written": result.media_bytes,
        },
        "proof": _proof(result),
    }


def _counts(counts: Counter[str]) -> list[CountedAnswer]:
    return [{"what": what, "count": count} for what, count in counts.most_common()]


def _proof(result: Converted) -> ConvertProof:
    proof = result.proof
    if proof is None:
        return {"by": None, "of": "shape", "rows": 0}
    return {
        "by": "bench",
        "of": "rows",
        "model": proof.bench.title,
        "path": proof.bench.path.kind,
        "rows": proof.rows,
        "tokens": proof.tokens,
        "media": proof.media,
        "findings": [
            {"code": code, "severity": severity, "count": count, "first": proof.first[code, severity]}
            for (code, severity), count in sorted(proof.findings.items())
        ],
    }


def convert_text(result: Converted) -> str:
    """The rows that were seen, written, changed, not kept and refused, each with its count."""
    shape = result.shape
    lines = [f"{visible(result.source)}: {visible(shape.name)}"]
    lines += [f"  {visible(line)}" for line in shape_lines(shape)]
    written = f"{result.written:,} of {result.read:,} rows"
    lines.append(
        f"wrote    {visible(str(result.out))}: {written}" if result.written else f"wrote    nothing: {written}"
    )
    if result.media_folder is not None:
        count, size = result.media_files, result.media_bytes / (1 << 20)
        lines.append(f"         {visible(str(result.media_folder))}: {count:,} new files, {size:,.1f} MiB")
    for title, counts in (("changed", result.changes.made), ("not kept", result.changes.lost)):
        for what, count in counts.most_common():
            lines.append(f"{title:<8} {count:>7,} × {visible(what)}")
    for reason, count in result.refusals.most_common():
        lines.append(f"refused  {count:>7,} × {visible(reason)}")
        first = result.first[reason][0]
        place = f"row {first.row}" + (f", line {first.line}" if first.line is not None else "")
        lines.append(f"         {place}{': ' if first.detail else ''}{visible(_cut(first.detail))}")
        if first.hint:
            lines.append(f"         → {visible(_cut(first.hint))}")
    if result.refused_file is not None:
        lines.append(f"         all of them: {visible(str(result.refused_file))}")
    if result.proof is not None:
        for (code, severity), count in sorted(result.proof.findings.items()):
            lines.append(f"{severity:<8} {count:>7,} × {code} {visible(_cut(result.proof.first[code, severity]))}")
    return "\n".join(lines) + "\n"


def shape_lines(shape: Shape) -> list[str]:
    """The columns of a shape and what each is taken for."""
    found = shape.to_dict()
    lines = []
    for key in ("messages", "user", "assistant", "system", "history", "tools"):
        if key in found:
            value = found[key]
            lines.append(f"{key}: {', '.join(value) if isinstance(value, list) else value}")
    lines += [f"{kind}: {', '.join(columns)}" for kind, columns in found.get("media", {}).items()]
    if "left_out" in found:
        lines.append(f"left out: {', '.join(found['left_out'])}")
    return lines


def proof_line(result: Converted) -> str:
    """The state of the proof in one line."""
    if not result.written:
        return "no row was converted"
    proof = result.proof
    if proof is None:
        return _SHAPE_ALONE
    severities = Counter[str]()
    for (_, severity), count in proof.findings.items():
        severities[severity] += count
    left = [f"{severities[name]:,} {name}s" for name in ("warning", "note") if severities[name]]
    found = f"; {' and '.join(left)} of the checks above" if left else ""
    media = f", {proof.media:,} media" if proof.media else ""
    return f"{proof.rows:,} rows proven here for {visible(proof.by)}: no error, every text whole{media}{found}"


def outcome(result: Converted) -> Literal["pass", "doubtful", "fail"]:
    """In the words, and so the colours, of a verdict: nothing is green that no trainer proved."""
    return "fail" if result.refused or not result.written else "doubtful"


def sample_diff(sample: BeforeAfter) -> str:
    """A row before and after as the lines of a diff: columns are taken away, messages come."""
    lines = [f"-{line}" for line in _row_lines(sample.before)]
    if sample.after is not None:
        lines += [f"+{line}" for line in _message_lines(sample.after)]
    elif sample.refusal is not None:
        detail = f": {sample.refusal.detail}" if sample.refusal.detail else ""
        lines.append(f"@ refused: {sample.refusal.reason}{detail}")
    return "\n".join(visible(line) for line in lines)


def _row_lines(row: dict[str, Any] | None) -> list[str]:
    if row is None:
        return ["  (cannot be read)"]
    return [f"  {key}: {_cut(_short(value))}" for key, value in row.items() if value is not None]


def _message_lines(row: dict[str, Any]) -> list[str]:
    lines = []
    for message in row["messages"]:
        lines.append(f"  {message['role']}")
        for part in message["content"]:
            value = next((value for key, value in part.items() if key != "type"), "")
            lines.append(f"    {part['type']}: {_cut(_short(value))}")
    return lines


def _short(value: Any) -> str:
    if isinstance(value, str):
        return value.replace("\n", "⏎")
    return json.dumps(value, ensure_ascii=False, default=lambda other: f"<{repr(other)[:60]}>")


def _cut(text: str) -> str:
    return text if len(text) <= _WIDTH else f"{text[:_WIDTH]}… ({len(text):,} characters)"

"""The texts that the inspector shows about a token. No widget."""

from __future__ import annotations

import math

from workbench.tokens.mask import REASON_TEXT, Reason
from workbench.tokens.trace import Owner
from workbench.views.items import visible
from workbench.views.shown_row import RowView

_OWNERS = {
    Owner.TEMPLATE: "written by the template",
    Owner.PAD: "padding",
    Owner.SPLIT: "belongs to two owners",
    Owner.UNKNOWN: "unknown: this tokenizer gives no offsets",
}
_BYTES_SHOWN = 16
_TEXT_SHOWN = 64


def quoted(text: str) -> str:
    """Text between quotes, on one line; what cannot be printed as an escape, as in Python."""
    short = text if len(text) <= _TEXT_SHOWN else text[: _TEXT_SHOWN - 1] + "…"
    body = "".join(
        f"\\{char}" if char in '"\\' else char if char.isprintable() else char.encode("unicode_escape").decode()
        for char in short
    )
    return f'"{body}"'


def identity(view: RowView, token: int) -> list[tuple[str, str]]:
    """Label and value: id, text, bytes and, where it says more than the text, the piece of the vocabulary."""
    rendering = view.rendering
    number = int(rendering.input_ids[token])
    raw = rendering.vocabulary.raw(number)
    try:
        text = quoted(raw.decode())
    except UnicodeDecodeError:
        text = (
            f"a piece of {quoted(_whole(view, token))}" if rendering.offsets is not None else "a piece of a character"
        )
    shown = raw[:_BYTES_SHOWN].hex(" ") + (" …" if len(raw) > _BYTES_SHOWN else "")
    found = [("id", str(number)), ("", text), ("bytes", shown)]
    piece = rendering.vocabulary.piece(number)
    if piece.encode() != raw:
        found.append(("piece", visible(piece)))
    if view.nll is not None and not math.isnan(view.nll[token]):
        found.append(("loss", f"{view.nll[token]:.2f}"))
    return found


def _whole(view: RowView, token: int) -> str:
    assert view.rendering.offsets is not None
    start, stop = (int(value) for value in view.rendering.offsets[token])
    return view.rendering.text[start:stop]


def owner(view: RowView, token: int) -> str:
    """The owner of a token: message, role, part and characters, or the template."""
    trace = view.trace
    kind = Owner(int(trace.kind[token]))
    message = int(trace.message[token])
    if kind in (Owner.CONTENT, Owner.MEDIA) and message >= 0:
        text = f"message {message} · {visible(view.roles[message])} · part {int(trace.part[token])}"
        if kind is Owner.MEDIA:
            return f"{text} · written by the processor"
        start, stop = int(trace.char_start[token]), int(trace.char_end[token])
        text += f" · chars {start}–{stop}"
        return text if bool(trace.exact[token]) else f"{text} (approximate: the template rewrote this part)"
    if kind is Owner.MEDIA:
        return "media, of no single message"
    text = _OWNERS[kind]
    turn = next((turn for turn in reversed(view.turns) if turn.start <= token), None)
    return f"{text} · message {turn.message} {visible(turn.role)}" if turn is not None else text


def verdict(view: RowView, token: int) -> tuple[bool, str]:
    """True where the token is trained, and the reason with its span."""
    mask = view.mask
    trained = bool(mask.keep[token])
    text = REASON_TEXT[Reason(int(mask.reason[token]))]
    span = int(mask.span[token])
    if span >= 0 and view.text is not None:
        text += f" · {visible(mask.spans.role(span))} span {span}"
    elif span >= 0:
        source = f"{view.built_in} boundary" if view.built_in else "role_boundaries"
        text += f" · {visible(mask.spans.role(span))} span {span} · {source}[{int(mask.spans.boundary[span])}]"
    return trained, text


def media_identity(view: RowView, run: int) -> list[tuple[str, str]]:
    """Label and value for a folded media run."""
    runs = view.rendering.media
    start, stop, soft = int(runs.start[run]), int(runs.stop[run]), int(runs.soft[run])
    return [
        ("", f"{runs.modality[run]} {run}"),
        ("soft tokens", f"{soft:,}"),
        ("tokens in all", f"{stop - start:,}"),
        ("ids", " ".join(_distinct(view, start, stop))),
    ]


def _distinct(view: RowView, start: int, stop: int) -> list[str]:
    seen = dict.fromkeys(view.rendering.input_ids[start:stop].tolist())
    names = [str(number) for number in seen]
    return names if len(names) <= 4 else [*names[:4], "…"]


def fold_identity(view: RowView, start: int, stop: int) -> list[tuple[str, str]]:
    """Label and value for a folded message."""
    turn = next((turn for turn in reversed(view.turns) if turn.start <= start), None)
    named = f"message {turn.message} · {visible(turn.role)}" if turn is not None else "a message"
    return [("", f"{named} · folded"), ("tokens", f"{stop - start:,}")]


def fold_verdict(view: RowView, start: int, stop: int) -> tuple[bool, str]:
    """True where a token of a folded message is trained, and how many are."""
    count = int(view.mask.keep[start:stop].sum())
    return count > 0, f"{count:,} of {stop - start:,} tokens"


def media_verdict(view: RowView, run: int) -> tuple[bool, str]:
    """True where a token of a media run is trained, and the reason of the first such token, or first soft token."""
    runs = view.rendering.media
    start, stop = int(runs.start[run]), int(runs.stop[run])
    keep = view.mask.keep[start:stop]
    count = int(keep.sum())
    token = start + (int(keep.argmax()) if count else _soft(view, start, stop))
    reason = verdict(view, token)[1]
    return count > 0, f"{count:,} of {stop - start:,} tokens · {reason}"


def _soft(view: RowView, start: int, stop: int) -> int:
    """A token in the middle of the run: its first is often the marker that opens it."""
    return (stop - start) // 2

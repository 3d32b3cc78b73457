"""Refusals of chat templates and processors: what each is about, and what to do about it, by what was raised."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RefusalKind:
    """A kind of refusal: `hint` is what to do, `cause` which fault of a row it comes from ("" where it is its own)."""

    cause: str
    pattern: re.Pattern[str]
    hint: str


def _of(cause: str, pattern: str, hint: str) -> RefusalKind:
    return RefusalKind(cause, re.compile(pattern, re.IGNORECASE), hint)


_REFUSALS = (
    _of("type", r"KeyError: .*'type'|has no attribute 'type'", "Give every part a type: text, image, video or audio."),
    _of(
        "",
        r"aspect ratio|must contain 'height'|height and width must be|height or width|cannot be smaller|divide by zero"
        r"|division by zero|must be larger than factor",
        "Pad or crop the picture in the data, or take the row out: the processor takes no such proportions or sizes.",
    ),
    _of(
        "",
        r"ImportError|ModuleNotFoundError|No module named|is not installed|torchcodec|PyAV|decord|ffmpeg|librosa",
        "Install the decoder that the message names, here and where axolotl runs.",
    ),
    _of("", r"equal size|same (shape|size)", "Give the frames of a video one size, or write the video as one file."),
    _of(
        "media",
        r"decode_image|decode_|Invalid data found|UnidentifiedImage|cannot identify|Incorrect padding|base64"
        r"|Unsupported image|moov atom|could not open",
        "The file or its base64 text cannot be decoded: write it anew in a common format, or take the row out.",
    ),
    _of(
        "count",
        r"number of .*tokens|tokens in the (text|prompt)|no (images|videos|audio)[\w ]* were passed|StopIteration"
        r"|IndexError|(images|videos|audios?) (provided|passed)|placeholders?\b",
        "Give every placeholder its picture and every picture its placeholder: a part {type: image, path: …} is both.",
    ),
    _of(
        "call",
        r"call_id",
        "axolotl keeps role and content, and the id is lost: give the answer of a tool the role user.",
    ),
    _of(
        "order",
        r"must alternate|must start with a user|after role|at the beginning|No user query|roles? .*order",
        "Join messages of one role, give a tool's answer the role user, or take the row out: the order counts.",
    ),
    _of(
        "role",
        r"Unexpected (message )?role|Unknown role|role .*not supported",
        "Use the roles that the template knows.",
    ),
    _of(
        "",
        r"incompatible with system",
        "Write the system prompt into the first user message: the template takes none beside pictures.",
    ),
    _of(
        "part",
        r"chunks are supported|Unexpected item type|Invalid content type|Unexpected content type|cannot contain images"
        r"|cannot contain videos",
        "Write the part as one that the template takes there: {type: text, text: …}, or a picture in a user message.",
    ),
)
_DEFAULT = "The message quotes what was raised: change the row, or use a template that takes it."


def refusal(quoted: str) -> RefusalKind:
    """The kind of a refusal, by the text of the error and its type ("KeyError: 'type'")."""
    return next(
        (known for known in _REFUSALS if known.pattern.search(quoted)), RefusalKind("", re.compile(""), _DEFAULT)
    )

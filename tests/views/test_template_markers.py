"""Markers read between the messages of a row, for templates of several kinds."""

from __future__ import annotations

import numpy as np
import pytest

from workbench.tokens.trace import Place
from workbench.views.template_markers import template_markers


class _Written:
    """A rendering whose tokens are its control tokens and single characters."""

    def __init__(self, *pieces: str | tuple[int, str]) -> None:
        """Pieces: text that the template writes, with control tokens in angle brackets, or (message, text)."""
        import re

        self.text, places, offsets, ids = "", [], [], []
        for piece in pieces:
            message, words = piece if isinstance(piece, tuple) else (-1, piece)
            if message >= 0:
                places.append(Place(message, 0, len(self.text), len(self.text) + len(words), 0, 0))
            for token in re.findall(r"<[^>]+>|.|\n", words):
                offsets.append((len(self.text), len(self.text) + len(token)))
                ids.append(1 if len(token) > 1 else 0)
                self.text += token
        self.places, self.offsets = tuple(places), np.array(offsets, np.int32).reshape(-1, 2)
        self.input_ids = np.array(ids)
        self.vocabulary = self
        self.special_ids = frozenset({1})


@pytest.mark.parametrize(
    ("pieces", "starts", "ends"),
    [
        (
            ("<bos><turn>user\n", (0, "Hi"), "<end>\n<turn>model\n", (1, "Yes"), "<end>\n"),
            {"user": "<turn>user\n", "assistant": "<turn>model\n"},
            {"user": "<end>", "assistant": "<end>"},
        ),
        (  # Several control tokens to a header: what stands before every role's text is none's marker.
            (
                "<bos><head>user</head>\n\n", (0, "Hi"), "<eot><head>assistant</head>\n\n", (1, "Yes"), "<eot>",
            ),
            {"user": "<head>user</head>\n\n", "assistant": "<head>assistant</head>\n\n"},
            {"user": "<eot>", "assistant": "<eot>"},
        ),
        (  # One token ends a turn and begins the next.
            ("<s><inst>", (0, "Hi"), "</inst>", (1, "Yes"), "</s><inst>", (2, "So"), "</inst>", (3, "No"), "</s>"),
            {"user": "<inst>", "assistant": "</inst>"},
            {"user": "</inst>", "assistant": "</s>"},
        ),
        (  # No control token before the text.
            ("USER: ", (0, "Hi"), "\nASSISTANT: ", (1, "Yes"), "</s>"),
            {"user": "USER: ", "assistant": "ASSISTANT: "},
            {"user": None, "assistant": "</s>"},
        ),
    ],
)  # fmt: skip
def test_the_likeliest_marker_comes_first(pieces, starts, ends) -> None:  # type: ignore[no-untyped-def]
    row = _Written(*pieces)
    found = template_markers(row, row, ("user", "assistant") * 2)  # type: ignore[arg-type]
    assert {role: (*found.start.get(role, ()), None)[0] for role in starts} == starts
    assert {role: (*found.end.get(role, ()), None)[0] for role in ends} == ends


def test_a_row_without_messages_has_none() -> None:
    row = _Written("<bos>")
    found = template_markers(row, row, ())  # type: ignore[arg-type]
    assert not found.start
    assert not found.end

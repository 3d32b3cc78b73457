"""Media in every form that a row can hold them: each becomes a reference, and shows what it showed."""

from __future__ import annotations

import base64
import io
import json
import wave
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.convert.shapes import base64_of, jsonl, picture, pictures, talk
from workbench.convert.media_store import MediaStore
from workbench.convert.media_values import kind_of, named_kind
from workbench.convert.rows import Wanted
from workbench.convert.run import convert
from workbench.convert.talk import Changes, Media, Refused, Talk, TalkTurn
from workbench.data.media import StoredPicture
from workbench.data.rows import RawRow
from workbench.data.sources import open_source
from workbench.errors import EnvironmentProblem


def sound() -> bytes:
    out = io.BytesIO()
    with wave.open(out, "wb") as stream:
        stream.setnchannels(1)
        stream.setsampwidth(2)
        stream.setframerate(8000)
        stream.writeframes(bytes(1600))
    return out.getvalue()


RED = Image.new("RGB", (12, 9), "red")
ARRAY = np.array(RED)


class InMemory:
    """Rows that hold objects, as a program may give them."""

    name, base_dir, known_length = "memory", None, None

    def __init__(self, *rows: dict[str, Any]) -> None:
        self.findings: list[Any] = []
        self._rows = rows

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[RawRow]:
        return (self.row(index) for index in range(len(self._rows)))

    def row(self, index: int) -> RawRow:
        return RawRow(index, self._rows[index], None, self.name)


@pytest.mark.parametrize(
    "value",
    [
        RED,
        RED.convert("P"),
        RED.convert("CMYK"),
        ARRAY,
        ARRAY.tolist(),
        ARRAY.astype(np.float32) / 255,
        np.moveaxis(ARRAY, 2, 0),
        np.dstack([ARRAY, np.full((9, 12), 255, np.uint8)]),
        picture("red"),
        StoredPicture(picture("red", "JPEG"), "x.jpg"),
        {"bytes": picture("red", "BMP"), "path": None},
        {"bytes": base64_of("red"), "path": "x.png"},
        [StoredPicture(picture("red", "WEBP"), None)],
        base64_of("red"),
        f"data:image/png;base64,{base64_of('red')}",
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_picture_of_every_form_is_the_same_picture(value: Any, tmp_path: Path) -> None:
    assert kind_of(value, "image") == "image"
    source = InMemory({"image": value, "messages": talk("A?", "B.")})
    result = convert(source, tmp_path / "rows.jsonl", Wanted())
    assert (result.written, result.media_files) == (1, 1), result.first
    (part, _) = json.loads((tmp_path / "rows.jsonl").read_text())["messages"][0]["content"]
    with Image.open(part["path"]) as shown:
        found: Any = shown.convert("RGB").getpixel((2, 2))
        assert shown.format is not None
        assert part["path"].endswith({"JPEG": ".jpg"}.get(shown.format, f".{shown.format.lower()}"))
    assert max(abs(a - b) for a, b in zip(found, (255, 0, 0), strict=True)) < 8


@pytest.mark.parametrize(
    "value", [np.full((9, 12, 3), 300.0), np.full((9, 12), -1), [[1, 2], [3]], object(), b"text", {"bytes": b"text"}]
)
def test_what_is_no_picture_is_refused(value: Any, tmp_path: Path) -> None:
    part = Media("image", value)
    with pytest.raises(Refused):
        MediaStore(tmp_path / "rows.jsonl").place(Talk([TalkTurn("user", [part])]), None, Changes())
    assert list(tmp_path.iterdir()) == []


def test_videos_frames_and_sounds(tmp_path: Path) -> None:
    pictures(tmp_path)
    (tmp_path / "a.wav").write_bytes(sound())
    (tmp_path / "v.mp4").write_bytes(b"\0\0\0\x18ftypmp42" + bytes(64))
    heard = {"type": "input_audio", "input_audio": {"data": base64.b64encode(sound()).decode(), "format": "wav"}}
    seen = {"type": "video_url", "video_url": {"url": "https://example.org/v.mp4"}}
    rows: list[dict[str, Any]] = [
        {"messages": talk("<video><audio>A?", "B."), "videos": [["img/red.png", "img/blue.png"]], "audios": ["a.wav"]},
        {"messages": talk("<video>A?", "B."), "videos": ["v.mp4"]},
        {"messages": talk([heard, seen, {"type": "text", "text": "A?"}], "B.")},
    ]
    data = jsonl(tmp_path, rows)
    result = convert(open_source(str(data), as_written=True), tmp_path / "rows.jsonl", Wanted(), paths="relative")
    assert (result.written, result.refused) == (3, 0), result.first
    found = [json.loads(line)["messages"][0]["content"][:-1] for line in (tmp_path / "rows.jsonl").open()]
    assert found[0] == [
        {"type": "video", "video": ["img/red.png", "img/blue.png"]},
        {"type": "audio", "path": "a.wav"},
    ]
    assert found[1] == [{"type": "video", "path": "v.mp4"}]
    kept, linked = found[2]
    assert (tmp_path / kept["path"]).read_bytes() == sound()
    assert linked == {"type": "video", "url": "https://example.org/v.mp4"}


def test_a_full_disk_ends_the_conversion_without_an_output(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*arguments: Any, **more: Any) -> Any:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("workbench.convert.media_store.os.replace", full)
    source = InMemory({"image": picture("red"), "messages": talk("A?", "B.")})
    with pytest.raises(EnvironmentProblem, match="was not written"):
        convert(source, tmp_path / "rows.jsonl", Wanted())
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize(
    ("column", "kind"),
    [
        *((name, "image") for name in ("image", "images", "imgs", "image_path", "photo", "img_b64", "picture_url")),
        *((name, "video") for name in ("videos", "video_path")),
        *((name, "audio") for name in ("audio", "sound_file")),
        *((name, None) for name in ("image_id", "imagery", "caption", "videographer", "text", "height")),
    ],
)
def test_names_of_columns(column: str, kind: str | None) -> None:
    assert named_kind(column) == kind

from __future__ import annotations

import base64
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.data.awkward import BLUE, RED
from workbench.data import media
from workbench.data.media import MediaError, StoredPicture, as_data_uri, fetch, load_picture, locate, picture_size

PNG = base64.b64decode(BLUE)


@pytest.fixture
def web() -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path in {"/away", "/ftp"}:
                self.send_response(302)
                self.send_header("Location", "file:///etc/hostname" if self.path == "/away" else "ftp://example.org/a")
                self.end_headers()
                return
            self.send_response(200 if self.path != "/gone" else 404)
            self.end_headers()
            self.wfile.write({"/big": b"x" * 300_000, "/text": b"<html>"}.get(self.path, PNG))

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def test_every_form_gives_the_same_picture(tmp_path: Path, web: str) -> None:
    file = tmp_path / "b.png"
    file.write_bytes(PNG)
    forms: list[Any] = [
        "b.png",
        str(file),
        file,
        file.as_uri(),
        f"{web}/b.png",
        BLUE,
        f"data:image/png;base64,{BLUE}",
        PNG,
        {"bytes": PNG, "path": None},
        {"bytes": None, "path": "b.png"},
        StoredPicture(PNG, None),
        Image.open(file),
    ]
    for form in forms:
        picture = load_picture(form, tmp_path)
        assert (picture.mode, picture.size, picture.getpixel((0, 0))) == ("RGB", (3, 2), (0, 0, 255))
        assert picture_size(form, tmp_path) == (3, 2)


def test_pictures_are_turned_upright(tmp_path: Path) -> None:
    picture = Image.new("RGB", (4, 2))
    exif = Image.Exif()
    exif[0x0112] = 6
    picture.save(tmp_path / "t.jpg", exif=exif)
    assert load_picture("t.jpg", tmp_path).size == (2, 4)
    assert picture_size("t.jpg", tmp_path) == (2, 4)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("none/here.png", "no file"),
        ("", "no file"),
        ("x" * 100, "picture"),
        (PNG[:40], "bytes"),
        (b"", "not a picture"),
        (None, "not NoneType"),
        (5, "not int"),
        ({"bytes": None, "path": None}, "neither bytes nor a path"),
        (f"data:image/png;base64,{RED[:60]}", "data:image"),
    ],
)
def test_what_cannot_be_read_says_why(value: Any, words: str, tmp_path: Path) -> None:
    with pytest.raises(MediaError) as caught:
        load_picture(value, tmp_path)
    assert words in caught.value.cause
    assert caught.value.hint
    assert len(caught.value.cause) < 400


def test_bomb_is_refused_before_decoding(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(media, "MAX_PIXELS", 5)
    with pytest.raises(MediaError, match="too large") as caught:
        load_picture(PNG)
    assert "3 × 2 pixels" in caught.value.cause
    with pytest.raises(MediaError):
        picture_size(PNG)


def test_postscript_is_never_run(tmp_path: Path) -> None:
    (tmp_path / "x.eps").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\nshowpage\n")
    with pytest.raises(MediaError, match="Unreadable"):
        load_picture("x.eps", tmp_path)


def test_fetch_has_limits(web: str) -> None:
    assert fetch(f"{web}/a") == PNG
    for address, words in {"/away": "not allowed", "/ftp": "not http", "/gone": "404"}.items():
        with pytest.raises(MediaError) as caught:
            fetch(web + address)
        assert words in caught.value.cause
    with pytest.raises(MediaError) as caught:
        fetch(f"{web}/big", max_bytes=100_000)
    assert "more than" in caught.value.cause
    with pytest.raises(MediaError):
        fetch("ftp://example.org/a.png")


def test_url_becomes_a_data_uri(web: str) -> None:
    uri = as_data_uri(f"{web}/a")
    assert uri.startswith("data:image/png;base64,")
    assert load_picture(uri).size == (3, 2)
    with pytest.raises(MediaError):
        as_data_uri(f"{web}/text")


def test_locate_prefers_the_data_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "d").mkdir()
    for place in (tmp_path / "a.png", tmp_path / "d" / "a.png", tmp_path / "d" / "b.png"):
        place.write_bytes(PNG)
    monkeypatch.chdir(tmp_path)
    both = locate("a.png", tmp_path / "d")
    assert (both.path, both.shadowed, both.beside_data) == (tmp_path / "d" / "a.png", True, False)
    beside = locate("b.png", tmp_path / "d")
    assert (beside.beside_data, beside.shadowed) == (True, False)
    assert locate("a.png").path == tmp_path / "a.png"
    assert locate("https://x.org/a.png").kind == "url"
    assert locate("c.png").kind == "missing"
    assert locate(BLUE).kind == "inline"
    assert repr(StoredPicture(b"abc", None)) == "StoredPicture(3 bytes, path=None)"

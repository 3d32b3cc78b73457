"""A header gives what decoding gives, or says that it cannot."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import pytest
from PIL import Image

from workbench.data.media import StoredPicture, load_picture
from workbench.data.picture_header import NeedsDecoding, PictureHeader, read_header


def encoded(kind: str, mode: str = "RGB", *, orientation: int = 1, size: tuple[int, int] = (40, 24)) -> bytes:
    """A picture's file, with something in it to compress."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    stream = io.BytesIO()
    Image.effect_noise(size, 50).convert(mode).save(stream, kind, exif=exif)
    return stream.getvalue()


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_the_size_is_that_of_the_upright_picture(kind: str, orientation: int) -> None:
    body = encoded(kind, orientation=orientation)
    header = read_header(StoredPicture(body, None))
    assert (header.width, header.height) == load_picture(body).size
    assert header.turned == (orientation >= 5)
    assert header.format == kind


@pytest.mark.parametrize("mode", ["RGB", "L", "P", "RGBA", "1", "LA"])
def test_the_mode_is_the_pictures_own(mode: str) -> None:
    assert read_header(StoredPicture(encoded("PNG", mode), None)).mode == mode


def test_a_name_says_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(encoded("PNG"))
    assert read_header("a.jpg", tmp_path) == PictureHeader(40, 24, "RGB", "PNG")


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_file_cut_off_anywhere_needs_decoding(kind: str) -> None:
    body = encoded(kind)
    for length in range(0, len(body) - 1, 7):
        with pytest.raises(NeedsDecoding):
            read_header(StoredPicture(body[:length], None))


def test_a_jpeg_is_whole_at_the_end_of_its_picture() -> None:
    body = encoded("JPEG")
    assert read_header(StoredPicture(body + b"more", None)).width == 40
    inner = encoded("JPEG", size=(8, 8))
    # A preview within an early segment ends as a picture does.
    cut = body[:2] + b"\xff\xef" + struct.pack(">H", len(inner) + 2) + inner + body[2:-300]
    with pytest.raises(NeedsDecoding):
        read_header(StoredPicture(cut, None))


def test_a_marker_among_the_pixels_needs_decoding() -> None:
    body = bytearray(encoded("JPEG"))
    body[-40:-38] = b"\xff\x05"
    with pytest.raises(NeedsDecoding):
        read_header(StoredPicture(bytes(body), None))


def test_a_changed_byte_of_a_png_needs_decoding() -> None:
    body = encoded("PNG")
    at = body.index(b"IDAT") + 9
    with pytest.raises(NeedsDecoding):
        read_header(StoredPicture(body[:at] + bytes([body[at] ^ 1]) + body[at + 1 :], None))


def test_an_orientation_behind_the_pixels_needs_decoding() -> None:
    body = encoded("PNG")
    exif = b"eXIf" + Image.Exif().tobytes()
    chunk = struct.pack(">I", len(exif) - 4) + exif + struct.pack(">I", zlib.crc32(exif))
    with pytest.raises(NeedsDecoding):
        read_header(StoredPicture(body[:-12] + chunk + body[-12:], None))


@pytest.mark.parametrize("value", [None, 3, "missing.png", "https://example.org/a.png", StoredPicture(None, None)])
def test_what_is_no_file_needs_decoding(value: object) -> None:
    with pytest.raises(NeedsDecoding):
        read_header(value)


def test_bombs_moving_pictures_and_other_formats_need_decoding() -> None:
    stream = io.BytesIO()
    Image.new("1", (20_000, 10_000)).save(stream, "PNG")
    moving = io.BytesIO()
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue")]
    frames[0].save(moving, "WEBP", save_all=True, append_images=frames[1:])
    for body in (stream.getvalue(), moving.getvalue(), encoded("GIF"), encoded("BMP"), b"", b"no picture"):
        with pytest.raises(NeedsDecoding):
            read_header(StoredPicture(body, None))

"""Pictures that are broken, bombs, no files, or at addresses that no parser takes or no server answers."""

from __future__ import annotations

import base64
import io
import json
import struct
import zlib
from collections.abc import Iterator
from functools import cache
from random import Random
from typing import Any

from tests.hostile.case import ROW, Case, Content, Fifo, Link, Sparse, recipe
from tests.hostile.strings import ATTACKS


def png(width: int, height: int, *, body: bytes = b"", kind: int = 2) -> bytes:
    """A PNG whose header says so, whatever its body holds."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", width, height, 8, kind, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", body or zlib.compress(b"\0" * 64))
        + chunk(b"IEND", b"")
    )


def picture(width: int, height: int, kind: str = "PNG", mode: str = "RGB", **options: Any) -> bytes:
    """A picture as PIL writes it."""
    from PIL import Image

    stream = io.BytesIO()
    Image.new(mode, (width, height)).save(stream, kind, **options)
    return stream.getvalue()


def _row(part: dict[str, Any]) -> str:
    asked = {"role": "user", "content": [part, {"type": "text", "text": "What is it?"}]}
    return json.dumps({"messages": [asked, {"role": "assistant", "content": "A square."}]}) + "\n"


def _case(chance: Random, name: str, part: Any, files: dict[str, Content | None], **more: Any) -> Case:
    rows = _row(part) if isinstance(part, dict) else part
    output = chance.choice(("text", "json", "html"))
    arguments = [chance.choice(("check", "inspect")), "recipe.yaml", "--rows", "2", "--format", output]
    return Case(name, arguments, {**files, "rows.jsonl": rows, "recipe.yaml": recipe()}, **more)


def cases(chance: Random) -> Iterator[Case]:
    """Files, addresses, base64, columns."""
    whole = picture(16, 16)
    files: dict[str, Content | None] = {
        "nothing": b"",
        "zeros": b"\0" * 5000,
        "text": b"not a picture",
        "svg": b"<svg onload='alert(1)' xmlns='http://www.w3.org/2000/svg'/>",
        "pdf": b"%PDF-1.4\n%%EOF",
        "postscript": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 100 100\n(x) show\n",
        "wmf": b"\xd7\xcd\xc6\x9a" + b"\0" * 60,
        "bomb by its header": png(60_000, 60_000),
        "bomb of a side": png(4_000_000_000, 1),
        "large": png(13_000, 13_000),
        "gif bomb": b"GIF89a"
        + struct.pack("<HH", 65_535, 65_535)
        + b"\x80\0\0"
        + b"\0" * 6
        + b",\0\0\0\0\xff\xff\xff\xff\0\x02\0;",
        "tiff bomb": b"II*\0\x08\0\0\0\x02\0\0\x01\x04\0\x01\0\0\0\xff\xff\xff\x7f"
        b"\x01\x01\x04\0\x01\0\0\0\xff\xff\xff\x7f\0\0\0\0",
        "bmp bomb": b"BM" + struct.pack("<IHHIIiiHHIIiiII", 60, 0, 0, 54, 40, 60_000, 60_000, 1, 24, 0, 0, 0, 0, 0, 0),
        "ico": b"\0\0\1\0\xff\xff" + b"\xff" * 200,
        "no pixels": png(0, 0),
        "one pixel": picture(1, 1),
        "a line": picture(3_000, 1),
        "a column": picture(1, 3_000),
        "cmyk": picture(16, 16, "JPEG", "CMYK"),
        "16 bits": picture(16, 16, "PNG", "I;16"),
        "one bit": picture(16, 16, "PNG", "1"),
        "palette": picture(16, 16, "PNG", "P"),
        "transparent": picture(16, 16, "PNG", "LA"),
        "cut": whole[: len(whole) // 2],
        "bad checksum": whole[:-8] + b"\0" * 8,
        "long text chunk": whole[:33] + struct.pack(">I", 2**31 - 1) + b"zTXt" + whole[33:],
        "zTXt bomb": _text_bomb(whole),
        "exif of nonsense": _exif(b"Exif\0\0II*\0\xff\xff\xff\xff" * 10),
        "FIFO": Fifo(),
        "endless": Link("/dev/zero"),
        "16 GiB": Sparse(16 << 30),
        "link to itself": Link("picture.png"),
        "folder": None,
    }
    for name, content in files.items():
        key = chance.choice(("path", "image"))
        yield _case(chance, name, {"type": "image", key: "picture.png"}, {"picture.png": content})
    for number in range(20):
        spoiled = bytearray(picture(24, 24, chance.choice(("PNG", "JPEG", "GIF", "BMP", "WEBP", "TIFF"))))
        for _ in range(6):
            spoiled[chance.randrange(len(spoiled))] = chance.randrange(256)
        yield _case(
            chance, f"spoiled #{number}", {"type": "image", "path": "picture.png"}, {"picture.png": bytes(spoiled)}
        )
    references = (
        "",
        " ",
        ".",
        "/",
        "..",
        "nowhere.png",
        "nul\0byte.png",
        "x" * 5_000 + ".png",
        "file://",
        "file:///nowhere.png",
        "file://[::1/x.png",
        "file://host/x.png",
        "http://",
        "http://[::1/x.png",
        "http://[v1.x]/x.png",
        "http://exa mple/x.png",
        "http://127.0.0.1:99999/x.png",
        "http://127.0.0.1:x/x.png",
        "http://127.0.0.1:1/x.png",
        "http://127.0.0.1:1/\x1b[2J<script>.png",
        "http://xn--\u202e/x.png",
        "http://" + "a" * 300 + "/x.png",
        "https://127.0.0.1:1/x.png",
        "s3://bucket/x.png",
        "gs://bucket/x.png",
        "ftp://127.0.0.1/x.png",
        "data:",
        "data:,",
        "data:image/png;base64,",
        "data:image/png;base64,%%%",
        "data:image/png;base64," + base64.b64encode(whole[:40]).decode(),
        "data:image/png;base64," + base64.b64encode(png(60_000, 60_000)).decode(),
        "\ud800.png",
        *(f"{attack}.png" for attack in ATTACKS),
        "A" * 70,
        "~root/x.png",
        "{here}/x.png",
        "/dev/zero",
        "/proc/self/mem",
    )
    for reference in references:
        part = {"type": "image", chance.choice(("path", "image", "url")): reference}
        yield _case(chance, f"reference {reference[:24]!r} of {len(reference)}", part, {})
    for content in (
        None,
        3,
        True,
        [],
        {},
        [1, 2],
        {"bytes": None},
        {"bytes": "x"},
        {"path": 3},
        1e308,
        [[[255, 0, 0]]],
    ):
        yield _case(chance, f"picture {content!r}", {"type": "image", "image": content}, {})
        column = json.dumps({**ROW, "images": [content]}) + "\n"
        yield _case(chance, f"images {content!r}", column, {})
        yield _case(chance, f"image {content!r}", json.dumps({**ROW, "image": content}) + "\n", {})
    for kind in ("video", "audio", "video_url", "audio_url", "image_url", "input_image", "document"):
        for content in ("nowhere.mp4", {"url": "http://[::1/x"}, None, 3, "\x1b[2J"):
            yield _case(chance, f"{kind} {content!r}", {"type": kind, kind: content}, {})
    yield from _servers(chance)


def _servers(chance: Random) -> Iterator[Case]:
    from tests.hostile.servers import ADDRESSES

    for name, address in ADDRESSES.items():
        part = {"type": "image", "url": f"{address}/x.png"}
        yield _case(chance, f"server: {name}", part, {})


def _exif(data: bytes) -> bytes:
    whole = picture(16, 16, "JPEG")
    return whole[:2] + b"\xff\xe1" + struct.pack(">H", len(data) + 2) + data + whole[2:]


@cache
def _text_bomb(whole: bytes) -> bytes:
    data = b"x\0\0" + zlib.compress(b"\0" * (80 << 20), 9)
    chunk = struct.pack(">I", len(data)) + b"zTXt" + data + struct.pack(">I", zlib.crc32(b"zTXt" + data))
    return whole[:33] + chunk + whole[33:]

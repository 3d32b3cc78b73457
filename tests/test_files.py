"""Files that somebody names: what is no file is refused before it is opened, and what is too large is not read."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from workbench.errors import InputError
from workbench.files import read_limited, refuse_special, special_kind


def test_a_fifo_a_device_and_a_socket_are_named(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("pipe")
    (tmp_path / "file").touch()
    server = socket.socket(socket.AF_UNIX)
    server.bind(str(tmp_path / "s"))
    kinds = {name: special_kind(tmp_path / name) for name in ("pipe", "link", "file", ".", "nowhere", "s")}
    assert kinds == {"pipe": "FIFO", "link": "FIFO", "file": None, ".": None, "nowhere": None, "s": "socket"}
    assert special_kind("/dev/zero") == "device"
    assert special_kind("a\0b") is None
    with pytest.raises(InputError, match="pipe: Not read\nIt is a FIFO"):
        refuse_special(tmp_path / "pipe", "Not read", "pipe")


def test_a_file_is_read_up_to_its_limit_and_no_further(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"12345")
    assert read_limited(file, 5, "Not read") == b"12345"
    with pytest.raises(InputError, match="larger") as refused:
        read_limited(file, 4, "Not read")
    assert refused.value.hint
    with file.open("wb") as stream:
        stream.truncate(1 << 40)
    with pytest.raises(InputError, match="larger"):
        read_limited(file, 1 << 20, "Not read")


@pytest.mark.parametrize("name", ["nowhere", ".", "a\0b", "x" * 300])
def test_what_cannot_be_opened_is_an_error_with_its_name(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match="Not read") as refused:
        read_limited(tmp_path / name, 10, "Not read", shown="shown")
    assert (refused.value.where.file, bool(refused.value.hint)) == ("shown", True)

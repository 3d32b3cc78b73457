"""The built site: strict, a page for each code at its address, and nothing is asked of another host."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from docs.making.offline import foreign
from tests.support.browser import dump, needs_browser, site
from workbench.answers.schemas import ANSWERS, file_name
from workbench.checks.registry import codes

ROOT = Path(__file__).resolve().parents[2]
KINDS = {".html": "text/html; charset=utf-8", ".css": "text/css", ".js": "text/javascript", ".json": "application/json"}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built as `make docs` builds it."""
    for name in ("mkdocs", "material", "mkdocstrings"):
        pytest.importorskip(name)
    folder = tmp_path_factory.mktemp("site") / "site"
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)]
    ran = subprocess.run(
        command, cwd=ROOT, env=os.environ | {"NO_MKDOCS_2_WARNING": "1"}, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return folder


def test_every_code_and_schema_has_its_address(built: Path) -> None:
    for name, code in codes().items():
        page = (built / "codes" / name / "index.html").read_text("utf-8")
        assert f"<title>{name}" in page
        assert "What to do" in page, code
    for name in ANSWERS:
        assert (built / "schemas" / file_name(name)).is_file()
    api = (built / "api" / "index.html").read_text("utf-8")
    for word in ("to_pandas", "compare", "axolotl_python", "InputError", "attention_mask"):
        assert word in api
    assert not list(built.rglob("*.py"))
    assert not list(built.rglob("examples.toml"))


def test_no_page_names_another_hosts_file(built: Path) -> None:
    assert len(list(built.rglob("*.html"))) > 90
    assert foreign(built) == []


@needs_browser
def test_a_browser_asks_nobody_else(built: Path, tmp_path: Path) -> None:
    with site() as here:
        for path in built.rglob("*"):
            if path.is_file():
                kind = KINDS.get(path.suffix, "application/octet-stream")
                name = f"/{path.relative_to(built)}"
                here.files[name] = (kind, path.read_bytes())
                here.files[name.removesuffix("index.html")] = here.files[name]
        drawn = dump(here, "/codes/M002/", tmp_path / "profile", milliseconds=4000)
        assert "a start marker that does not match" in drawn
        asked = [path for path in here.asked if path != "/favicon.ico"]
        assert asked
        assert [path for path in asked if path.split("?")[0] not in here.files] == []


def test_what_loads_from_elsewhere_is_found(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text(
        '<link rel="stylesheet" href="https://fonts.test/a.css"><link rel="canonical" href="https://here.test/">'
        '<a href="https://fine.test">x</a><img src="//pics.test/x.png"><img src="x.png"><script src="x.js"></script>'
        "<style>@import 'https://in.test/x.css'; a{background:url(https://bg.test/x)}</style>",
        "utf-8",
    )
    (tmp_path / "b.css").write_text("@font-face{src:url('https://font.test/x.woff')} a{background:url(x.png)}", "utf-8")
    assert foreign(tmp_path) == [
        "a.html: https://fonts.test/a.css",
        "a.html: //pics.test/x.png",
        "a.html: https://in.test/x.css",
        "a.html: https://bg.test/x",
        "b.css: https://font.test/x.woff",
    ]

"""Requests of a built site to other hosts: `python -m docs.making.offline build/site`."""

from __future__ import annotations

import re
import sys
from html.parser import HTMLParser
from pathlib import Path

_LOADED = {
    ("link", "href"),
    *((tag, "src") for tag in ("script", "img", "iframe", "audio", "video", "source", "embed", "input", "track")),
    *((tag, "srcset") for tag in ("img", "source")),
    ("object", "data"),
    ("use", "href"),
    ("video", "poster"),
}
"""Attributes whose address a browser asks for by itself; a link is followed by a person."""
_QUIET_LINKS = {"canonical", "next", "prev", "alternate", "license", "author"}
_IN_STYLES = re.compile(r"(?:url\(\s*['\"]?|@import\s+['\"])\s*((?:https?:)?//[^'\")\s]+)")
_FOREIGN = re.compile(r"(?:https?:)?//")


class _Asked(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = {name: value or "" for name, value in attrs}
        if tag == "link" and set(named.get("rel", "").split()) <= _QUIET_LINKS:
            return
        for name, value in named.items():
            if (tag, name) in _LOADED and _FOREIGN.match(value.strip()):
                self.found.append(value)
            if name == "style":
                self.found += _IN_STYLES.findall(value)


def foreign(folder: Path) -> list[str]:
    """Each address on another host that a page or style sheet of the site loads, as `file: address`."""
    found: list[str] = []
    for path in sorted(folder.rglob("*")):
        if path.suffix == ".html":
            text = path.read_text("utf-8")
            parser = _Asked()
            parser.feed(text)
            addresses = [*parser.found, *_IN_STYLES.findall("".join(re.findall(r"<style.*?</style>", text, re.DOTALL)))]
        elif path.suffix == ".css":
            addresses = _IN_STYLES.findall(path.read_text("utf-8"))
        else:
            continue
        found += [f"{path.relative_to(folder)}: {address}" for address in addresses]
    return found


def main(folder: str) -> int:
    """Print what is loaded from elsewhere; 1 where there is any, or no page."""
    found = foreign(Path(folder))
    pages = len(list(Path(folder).rglob("*.html")))
    print("\n".join([*found, f"{pages} pages, {len(found)} requests to other hosts"]))
    return int(bool(found) or not pages)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))

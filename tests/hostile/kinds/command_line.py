"""Arguments of every odd value, for every command."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from tests.hostile.case import ROWS, Case, Fifo, Link, recipe
from tests.hostile.strings import ATTACKS

_NUMBERS = (
    "-1",
    "0",
    "1.5",
    "nan",
    "inf",
    "9" * 30,
    "9" * 5000,
    "",
    " ",
    "x",
    "١",
    "1e3",
    "0x1",
    "--",
    "\x1b[2J",
    "all",
    "1_0",
)
_FILES = {"recipe.yaml": recipe(), "rows.jsonl": ROWS}
_REFUSED = frozenset((2, 3))


def cases(chance: Random) -> Iterator[Case]:
    """Options with odd values, then words that are no commands, then programs that misbehave."""
    numeric = (
        ("inspect", "--row"),
        ("inspect", "--rows"),
        ("inspect", "--dataset"),
        ("check", "--row"),
        ("check", "--rows"),
        ("infer", "--rows"),
        ("export", "--rows"),
    )
    for command, option in numeric:
        for number in _NUMBERS:
            yield Case(
                f"{command} {option} {number[:9]!r} of {len(number)}", [command, "recipe.yaml", option, number], _FILES
            )
    quick = (
        "--rows",
        "--steps",
        "--seed",
        "--max-minutes",
        "--max-memory",
        "--num-processes",
        "--device",
        "--launcher",
    )
    for option in quick:
        for number in chance.sample(_NUMBERS, 9):
            # A limit of no time at all: what is taken is a run that ends before it begins.
            arguments = ["overfit", "recipe.yaml", option, number, "--model", "./nowhere"]
            yield Case(f"overfit {option} {number[:9]!r} of {len(number)}", arguments, _FILES)
    for device in ("nonsense", "cuda:99", "cuda:-1", "cuda:x", "meta", "", "\x1b[2J", "cpu:7", "mps"):
        arguments = ["overfit", "recipe.yaml", "--device", device, "--steps", "1", "--rows", "1"]
        yield Case(f"device {device!r}", arguments, _FILES, codes=frozenset((2, 3)))
    words = (
        "",
        " ",
        "-",
        "--",
        "nowhere",
        "/",
        ".",
        "..",
        "\ud800",
        "nul\0",
        "x" * 5000,
        "file:///x",
        "http://[::1",
        *ATTACKS,
    )
    for word in words:
        for option in chance.sample(
            ("--model", "--data", "--family", "--revision", "--select", "--ignore", "--axolotl-version"), 4
        ):
            if "\0" in word:
                continue
            command = "check" if option in ("--select", "--ignore") else chance.choice(("check", "inspect"))
            arguments = [command, "recipe.yaml", option, word, "--rows", "1"]
            yield Case(f"{option} {word[:12]!r}", arguments, _FILES)
    for word in ("", "nonsense", "-x", "--nonsense", "@file", "INSPECT", "\x1b[2J", "\ud800"):
        yield Case(f"command {word!r}", [word], codes=frozenset((2,)))
    for command in ("inspect", "check", "infer", "export", "overfit", "families", "explain"):
        for more in (["a", "b", "c"], ["--format", "xml"], ["--format"], ["--unknown"], ["--format", "\x1b[2J"]):
            yield Case(f"{command} {more}", [command, *more], codes=frozenset((2,)))
    for code in ("", "M", "m001", "M999", "\x1b[2J", "M001 M002", "x" * 5000, "\ud800"):
        yield Case(f"explain {code[:9]!r}", ["explain", code])
        yield Case(f"families {code[:9]!r}", ["families", code])
    for assignment in (
        "",
        "=",
        "a",
        "=1",
        "a=",
        "a..b=1",
        ".=1",
        "datasets.9.path=x",
        "datasets.x=1",
        "lora_r.x=1",
        "lora_r=[",
        "lora_r=\x1b[2J",
        "lora_r=" + "9" * 5000,
        "a=&a [*a]",
        "a=" + "[" * 5000,
        "\ud800=1",
        "a=\ud800",
        "a=!!python/object:os.system x",
        "x" * 3000 + "=1",
        "learning_rate=1:30",
        "lora_r=.nan",
        "0=1",
        "datasets.-1.path=x",
    ):
        arguments = ["export", "recipe.yaml", "--set", assignment, "--rows", "1"]
        yield Case(f"--set {assignment[:14]!r}", arguments, _FILES)
    for target in (
        "",
        ".",
        "/",
        "nowhere/x.yaml",
        "x" * 300,
        "\ud800.yaml",
        "recipe.yaml/x",
        "\x1b[2J.yaml",
        "a\nb.yaml",
    ):
        arguments = ["export", "recipe.yaml", "--unvalidated", "--out", target, "--rows", "1"]
        yield Case(f"--out {target[:9]!r}", arguments, _FILES)
    arguments = ["export", "recipe.yaml", "--unvalidated", "--force", "--out", "pipe", "--rows", "1"]
    yield Case("--out FIFO", arguments, {**_FILES, "pipe": Fifo()}, codes=frozenset((2,)), names="pipe")
    yield Case("--out link to FIFO", arguments, {**_FILES, "pipe": Link("deep"), "deep": Fifo()}, codes=frozenset((2,)))
    yield from _programs()


def _programs() -> Iterator[Case]:
    """Programs given as axolotl's Python that sleep, speak another language, or are none."""
    scripts = {
        "sleeps": "#!/bin/sh\nexec sleep 60\n",
        "speaks no UTF-8": "#!/bin/sh\nprintf '\\377\\376\\033[2J'\n",
        "speaks without end": "#!/bin/sh\nexec yes\n",
        "writes escape codes and fails": "#!/bin/sh\nprintf '\\033[2Jowned' >&2\nexit 3\n",
        "says nothing": "#!/bin/sh\nexit 0\n",
        "is killed": "#!/bin/sh\nkill -9 $$\n",
        "answers JSON of another kind": "#!/bin/sh\necho '[1, null, {}]'\n",
        "answers deep JSON": "#!/bin/sh\nhead -c 100000 /dev/zero | tr '\\0' '['\n",
        "is no program": "text",
        "has no interpreter": "#!/nowhere/sh\n",
    }
    for name, text in scripts.items():
        arguments = ["check", "recipe.yaml", "--rows", "1", "--axolotl-python", "./python"]
        # The template is axolotl's, and has to be read there.
        files = {**_FILES, "python": text, "recipe.yaml": recipe(chat_template="gemma4")}
        yield Case(f"a Python that {name}", arguments, files, codes=_REFUSED, names="python")
    for path in ("", "nowhere", "/", "\x1b[2J", "/bin/false", "/bin/true", "~"):
        arguments = ["check", "recipe.yaml", "--rows", "1", "--axolotl-python", path]
        yield Case(f"--axolotl-python {path!r}", arguments, _FILES)
    for settings in (
        "axolotl-python: [",
        "axolotl-python = 3",
        "axolotl-python = ['a']",
        "\x00",
        "a = \x1b[2J",
        "[" * 5000,
        "x = 1\n" * 5000,
    ):
        yield Case(
            f".vlmbench.toml {settings[:24]!r}",
            ["check", "recipe.yaml", "--rows", "1"],
            {**_FILES, ".vlmbench.toml": settings},
        )
    yield Case(".vlmbench.toml FIFO", ["check", "recipe.yaml", "--rows", "1"], {**_FILES, ".vlmbench.toml": Fifo()})
    yield Case(
        ".vlmbench.toml endless",
        ["check", "recipe.yaml", "--rows", "1"],
        {**_FILES, ".vlmbench.toml": Link("/dev/zero")},
    )

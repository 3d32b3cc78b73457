"""The receipt: the head of an exported file, which says in YAML behind `#` what was proven, and on what.

It can be read back, and it carries a digest of the recipe below it, so that a later edit by hand is noticed.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Any

import yaml

from workbench.errors import InputError
from workbench.recipe.yaml_write import write_value

VERSION = 1
_FIRST = "# ---- vlmbench receipt"
_LAST = "# ---- end of the receipt; a later edit below makes it void"
_VALID = "Proven before the run; what each line says was measured on the rows below."
_INVALID = "NOT VALIDATED: written with --unvalidated. What is missing is listed below."


@dataclass(frozen=True, slots=True)
class Receipt:
    """What an exported file says of itself.

    `proofs`: step -> what was found; `missing`: what is not proven; `rows`: count, source, SHA-256 of content and of
    ids and labels; `needs`: what the trainer must have.
    """

    validated: bool
    date: str
    model: dict[str, str]
    rows: dict[str, Any]
    proofs: dict[str, str]
    missing: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    versions: dict[str, str] = field(default_factory=dict)
    recipe: str = ""

    def to_dict(self) -> dict[str, Any]:
        """As it is written, keys in order; what is empty is left out."""
        told: dict[str, Any] = {"receipt": VERSION, "validated": self.validated, "date": self.date}
        more = {
            "proofs": self.proofs,
            "missing": list(self.missing),
            "needs": list(self.needs),
            "model": self.model,
            "rows": self.rows,
            "versions": self.versions,
            "recipe": self.recipe,
        }
        return told | {key: value for key, value in more.items() if value}

    def write(self, body: str) -> str:
        """The file: this receipt with the digest of `body`, an empty line, and `body`."""
        told = self.to_dict() | {"recipe": body_digest(body)}
        lines = [_FIRST, f"# {_VALID if self.validated else _INVALID}"]
        for key, value in told.items():
            lines += [f"# {line}" for line in write_value(key, value).split("\n")]
        return "\n".join([*lines, _LAST, "", body])


def read_receipt(text: str) -> Receipt | None:
    """The receipt of a file's text, or None where it has none. Raises InputError where it cannot be read."""
    block = _block(text)
    if block is None:
        return None
    try:
        told = yaml.safe_load("\n".join(line[2:] for line in block[2:]))
        if told["receipt"] != VERSION:
            raise InputError("The receipt is of another version", f"It says {told['receipt']!r}, not {VERSION}.")
        return Receipt(
            bool(told["validated"]),
            str(told["date"]),
            dict(told.get("model", {})),
            dict(told.get("rows", {})),
            dict(told.get("proofs", {})),
            tuple(told.get("missing", ())),
            tuple(told.get("needs", ())),
            dict(told.get("versions", {})),
            str(told.get("recipe", "")),
        )
    except (yaml.YAMLError, KeyError, TypeError, ValueError) as problem:
        raise InputError("The receipt cannot be read", " ".join(str(problem).split())[:200]) from problem


def without_receipt(text: str) -> str:
    """The text below the receipt; the whole text where there is none."""
    block = _block(text)
    if block is None:
        return text
    rest = text.split("\n")[len(block) + 1 :]
    return "\n".join(rest[1:] if rest and not rest[0].strip() else rest)


def holds(text: str) -> bool:
    """Whether the text has a receipt, and below it the recipe that it was written for."""
    receipt = read_receipt(text)
    return receipt is not None and receipt.recipe == body_digest(without_receipt(text))


def body_digest(body: str) -> str:
    """SHA-256 of a recipe's text, line endings aside."""
    return hashlib.sha256(body.replace("\r\n", "\n").encode("utf-8", "surrogatepass")).hexdigest()


def _block(text: str) -> list[str] | None:
    """The lines of the receipt before its last one, which must be at the head of the text."""
    lines = [line.rstrip("\r") for line in text.removeprefix("\ufeff").split("\n")]
    if not lines or lines[0] != _FIRST or _LAST not in lines:
        return None
    block = lines[: lines.index(_LAST)]
    return block if all(line.startswith("# ") for line in block) else None

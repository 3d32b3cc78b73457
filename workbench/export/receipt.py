"""The receipt: the head of an exported file, which says in YAML behind `#` what was proven, and on what.

It can be read back, and it carries a digest of the recipe below it, so that a later edit by hand is noticed.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Any, Literal

import yaml

from workbench.errors import InputError
from workbench.recipe.yaml.write import write_value

VERSION = 1
_FIRST = "# ---- vlmbench receipt"
_LAST = "# ---- end of the receipt; a later edit below makes it void"
BENCH = "bench"
_VALID = "Proven by {}, which makes the same labels; what each line says was measured on the rows below."
_HERE = "Proven here; axolotl was not asked. What each line says was measured on the rows below."
_INVALID = "NOT VALIDATED: written with --unvalidated. What is missing is listed below."


@dataclass(frozen=True, slots=True)
class Receipt:
    """What an exported file says of itself.

    `validated`: False where something is missing, "bench" where nothing is but the trainer was not asked, else who of
    the trainers was asked and agrees: "axolotl 0.19.0". `proofs`: step -> what was found; `missing`: what is not
    proven; `rows`: count, source, SHA-256 of content and of ids and labels; `needs`: what the trainer must have.
    """

    validated: str | Literal[False]
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
        lines = [_FIRST, f"# {self._head()}"]
        for key, value in told.items():
            lines += [f"# {line}" for line in write_value(key, value).split("\n")]
        return "\n".join([*lines, _LAST, "", body])

    def _head(self) -> str:
        if not self.validated:
            return _INVALID
        return _HERE if self.validated == BENCH else _VALID.format(self.validated)


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
            _validated(told),
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


def _validated(told: dict[str, Any]) -> str | Literal[False]:
    """What a receipt says of its proof; older ones said only whether something was missing."""
    said = told["validated"]
    if said is not True:
        return str(said) if said else False
    trainer = told.get("versions", {}).get("axolotl")
    asked = not str(told.get("proofs", {}).get("consumer", "not asked")).startswith("not asked")
    return f"axolotl {trainer}" if asked and trainer else BENCH


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

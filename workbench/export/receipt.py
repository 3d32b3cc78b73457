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
_EXPORT_AGAIN = "Export the recipe again."
_FIRST = "# ---- vlmbench receipt"
_LAST = "# ---- end of the receipt; a later edit below makes it void"
BENCH = "bench"
_VALID = "Proven by {}, which makes the same labels; what each line says was measured on the rows below."
_HERE = "Proven here; axolotl was not asked. What each line says was measured on the rows below."
_INVALID = "NOT VALIDATED: written with --unvalidated. What is missing is listed below."


@dataclass(frozen=True, slots=True)
class Receipt:
    """The receipt at the head of an exported file.

    `validated`: False where something is missing, "bench" where nothing is but the trainer was not asked, else who of
    the trainers was asked and agrees: "axolotl 0.19.0". `proofs`: step -> what was found; `missing`: what is not
    proven; `rows`: count, source, SHA-256 of content and of ids and labels, how many were
    looked at, their rendering structures and how many of those were proven; `requirements`: what the trainer must have.
    """

    validated: str | Literal[False]
    date: str
    model: dict[str, str]
    rows: dict[str, Any]
    proofs: dict[str, str]
    missing: tuple[str, ...] = ()
    requirements: tuple[str, ...] = ()
    versions: dict[str, str] = field(default_factory=dict)
    recipe: str = ""

    def to_dict(self) -> dict[str, Any]:
        """The fields in the order of the file; empty ones are left out."""
        payload: dict[str, Any] = {"receipt": VERSION, "validated": self.validated, "date": self.date}
        more = {
            "proofs": self.proofs,
            "missing": list(self.missing),
            "needs": list(self.requirements),
            "model": self.model,
            "rows": self.rows,
            "versions": self.versions,
            "recipe": self.recipe,
        }
        return payload | {key: value for key, value in more.items() if value}

    def write(self, body: str) -> str:
        """The file: this receipt with the digest of `body`, an empty line, and `body`."""
        fields = self.to_dict() | {"recipe": body_digest(body)}
        lines = [_FIRST, f"# {self._head()}"]
        for key, value in fields.items():
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
        fields = yaml.safe_load("\n".join(line[2:] for line in block[2:]))
        if fields["receipt"] != VERSION:
            cause = f"It says {fields['receipt']!r}, not {VERSION}."
            raise InputError("The receipt is of another version", cause, _EXPORT_AGAIN)
        return Receipt(
            _validated(fields),
            str(fields["date"]),
            dict(fields.get("model", {})),
            dict(fields.get("rows", {})),
            dict(fields.get("proofs", {})),
            tuple(fields.get("missing", ())),
            tuple(fields.get("needs", ())),
            dict(fields.get("versions", {})),
            str(fields.get("recipe", "")),
        )
    except (yaml.YAMLError, KeyError, TypeError, ValueError) as problem:
        cause = " ".join(str(problem).split())[:200]
        raise InputError("The receipt cannot be read", cause, _EXPORT_AGAIN) from problem


def _validated(fields: dict[str, Any]) -> str | Literal[False]:
    """The prover in a receipt; older receipts held only true or false."""
    validated = fields["validated"]
    if validated is not True:
        return str(validated) if validated else False
    trainer = fields.get("versions", {}).get("axolotl")
    consumer_answered = not str(fields.get("proofs", {}).get("consumer", "not asked")).startswith("not asked")
    return f"axolotl {trainer}" if consumer_answered and trainer else BENCH


def without_receipt(text: str) -> str:
    """The text below the receipt; the whole text where there is none."""
    block = _block(text)
    if block is None:
        return text
    rest = text.split("\n")[len(block) + 1 :]
    return "\n".join(rest[1:] if rest and not rest[0].strip() else rest)


def is_intact(text: str) -> bool:
    """True where the text has a receipt, and below it the recipe that it was written for."""
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

"""Ask axolotl's loader: the recipe is rehearsed without weights in the Python that trains (`rehearsal.py`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from workbench.consumers.axolotl import client
from workbench.consumers.axolotl.rehearsal import SCHEMA
from workbench.consumers.cache import JsonStore
from workbench.consumers.content import question_key
from workbench.consumers.protocol import ASK_AGAIN, Question
from workbench.errors import EnvironmentProblem
from workbench.installed import installed
from workbench.paths import cache_dir
from workbench.recipe import plugin

_SCRIPT = Path(__file__).with_name("rehearsal.py")


@dataclass(frozen=True, slots=True)
class Refusal:
    """The stop of axolotl's loader: the stage, the exception's type and message, and the recipe's keys that it names.

    `environment`: the machine that was asked lacks something, so nothing is said of the recipe.
    """

    stage: str
    type: str
    message: str
    environment: bool = False
    keys: tuple[str, ...] = ()

    @property
    def line(self) -> str:
        """Type and message in one line of at most 300 characters."""
        return " ".join(f"{self.type}: {self.message}".split())[:300]


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """The result of axolotl's loader for a recipe, without weights; all but `versions` is empty where it refused.

    `modules` and `parameters` have adapters; `trained` counts the values of each trained parameter by its name in
    PEFT's wrapping, `frozen` are parameters of adapters that are not trained. `use_reentrant` is None where there is no
    checkpointing. `attention`: the backend of each part that is a model of its own, by name. `embeddings`: rows.
    `loss_by_tokens`: True where its trainer divides a step's loss by all its trained tokens, None where it did not say.
    """

    versions: Mapping[str, str]
    refused: Refusal | None = None
    loader: str = ""
    model_class: str = ""
    modules: tuple[str, ...] = ()
    parameters: tuple[str, ...] = ()
    trained: Mapping[str, int] = field(default_factory=dict)
    frozen: tuple[str, ...] = ()
    use_reentrant: bool | None = None
    attention: Mapping[str, str] = field(default_factory=dict)
    embeddings: int | None = None
    loss_by_tokens: bool | None = None

    @property
    def name(self) -> str:
        """axolotl with its version."""
        return f"axolotl {self.versions.get('axolotl', '?')}"


def rehearse(
    python: str, text: str, *, folder: Path, offline: bool = False, model_folders: tuple[Path, ...] = ()
) -> Rehearsal:
    """Let that Python's axolotl load the recipe `text` without weights: 2 to 6 s, beside the imports of its process.

    `folder` is where the paths in it start; `model_folders` are those of the model's configuration and tokenizer. What
    was asked before is answered from the cache, by the content of all that the answer depends on.

    Raises:
        EnvironmentProblem: the interpreter cannot be run, has no axolotl, dies, or does not answer in time.
    """
    store = JsonStore(cache_dir() / "rehearsed")
    question = Question(text, folder, beside=folder, offline=offline, what="rehearsal", model_folders=model_folders)
    environment = f"{Path(python).absolute()} {installed(python).digest}"
    script = _SCRIPT.read_bytes() + client.SCRIPT.read_bytes() + plugin.source()
    key = question_key(question, environment=environment, script=script)
    kept = store.read(key)
    if kept is not None:
        return read_rehearsal(kept)
    payload = client.consumer(python).rehearse(question)
    found = read_rehearsal(payload)
    if found.refused is None or not found.refused.environment:
        store.write(key, payload)
    return found


def read_rehearsal(payload: Mapping[str, Any]) -> Rehearsal:
    """An answer from its JSON. Raises EnvironmentProblem where it is of another version."""
    if payload.get("schema") != SCHEMA:
        cause = f"It says {payload.get('schema')!r}."
        raise EnvironmentProblem("The loader's answer is of another version", cause, ASK_AGAIN)
    refused = payload["refused"]
    if refused is not None:
        names = tuple(dict.fromkeys(refused["keys"]))
        stopped = Refusal(refused["stage"], refused["type"], refused["message"], refused["environment"], names)
        return Rehearsal(dict(payload["versions"]), stopped)
    told: dict[str, Any] = {
        name: tuple(payload[name]) if name in ("modules", "parameters", "frozen") else payload[name]
        for name in (field.name for field in fields(Rehearsal))
        if name not in ("versions", "refused")
    }
    return Rehearsal(dict(payload["versions"]), None, **told)

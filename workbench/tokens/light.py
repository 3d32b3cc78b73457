"""A model's tokenizer and chat template without transformers: tokenizer.json and the template's text, nothing else.

What comes of them is preliminary: it is there a few seconds before the processor, which expands pictures and has the
last word. Where a model or a recipe needs more than these two files, there is no such tokenizer.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

_CHANGED_BY = (
    "tokenizer_type",
    "tokenizer_config",
    "tokenizer_legacy",
    "tokenizer_use_mistral_common",
    "added_tokens_overrides",
    "tokens",
    "processor_config",
    "base_model_config",
)
"""Keys of a recipe with which axolotl makes another tokenizer than the model's files say."""
_MOST_BYTES = 64 << 20
_HIDDEN = re.compile(r"""\.\s*__|\[\s*['"]__|\|\s*attr\b|namespace\([^)]*__""")
"""Ways to what Python keeps to itself: no chat template needs them, and the sandbox is not left to be the only wall."""


class LightTokenizer:
    """As much of a transformers tokenizer as a `Renderer` and a `Vocabulary` ask for."""

    is_fast = True

    def __init__(self, backend: Any, names: Mapping[str, str]) -> None:
        """`names` are the special tokens by role, such as `bos_token`."""
        self.backend_tokenizer = backend
        self.special_tokens_map = dict(names)
        self._compiled: dict[str, Any] = {}

    @cached_property
    def added_tokens_decoder(self) -> dict[int, Any]:
        """The added tokens by id."""
        return dict(self.backend_tokenizer.get_added_tokens_decoder())

    @cached_property
    def all_special_ids(self) -> list[int]:
        """The ids of the special tokens."""
        ids = (self.backend_tokenizer.token_to_id(text) for text in self.special_tokens_map.values())
        return [number for number in ids if number is not None]

    def convert_ids_to_tokens(self, number: int) -> str:
        """The id's string in the vocabulary."""
        return str(self.backend_tokenizer.id_to_token(number))

    def apply_chat_template(
        self, conversations: Sequence[Any], *, tokenize: bool, chat_template: str, tools: Any = None, **variables: Any
    ) -> Any:
        """The text of each conversation of a batch, or of one; never ids. Raises what the template raises."""
        assert not tokenize
        template = self._compiled.get(chat_template)
        if template is None:
            template = self._compiled[chat_template] = _compiled(chat_template)
        given = {**self.special_tokens_map, "tools": tools, "documents": None, **variables}
        single = bool(conversations) and isinstance(conversations[0], Mapping)
        texts = [template.render(messages=talk, **given) for talk in ([conversations] if single else conversations)]
        return texts[0] if single else texts

    def encode(self, text: str, *, add_special_tokens: bool) -> Any:
        """The encoding of a text, neither padded nor cut."""
        self.backend_tokenizer.no_padding()
        self.backend_tokenizer.no_truncation()
        return self.backend_tokenizer.encode(text, add_special_tokens=add_special_tokens)


def light_tokenizer(folder: Path, recipe: Mapping[str, Any]) -> LightTokenizer | None:
    """The tokenizer of a model's folder; None where its files, or the recipe, ask for more than tokenizer.json."""
    if any(recipe.get(key) for key in _CHANGED_BY) or recipe.get("tokenizer_use_fast") is False:
        return None
    settings = read_object(folder / "tokenizer_config.json")
    file = folder / "tokenizer.json"
    if settings is None or not file.is_file() or file.stat().st_size > _MOST_BYTES:
        return None
    names = {**_names(settings.get("extra_special_tokens")), **_names(settings)}
    own = recipe.get("special_tokens") or {}
    if not isinstance(own, Mapping) or "additional_special_tokens" in own:
        return None
    names.update({str(role): text for role, text in own.items() if isinstance(text, str)})
    from tokenizers import Tokenizer

    try:
        backend = Tokenizer.from_file(str(file))
    except BaseException as error:
        # The library panics on some broken files, and a panic is no Exception.
        if isinstance(error, (KeyboardInterrupt, SystemExit, GeneratorExit)):
            raise
        return None
    listed = settings.get("added_tokens_decoder")
    added = [entry.get("content") for entry in listed.values()] if isinstance(listed, dict) else []
    # Such as transformers would add by itself.
    if any(not isinstance(text, str) or backend.token_to_id(text) is None for text in (*names.values(), *added)):
        return None
    return LightTokenizer(backend, names)


def templates_in(folder: Path) -> tuple[str | None, str | None]:
    """The chat templates that a folder's files hold: the tokenizer's and the processor's."""
    file = folder / "chat_template.jinja"
    if file.is_file() and file.stat().st_size <= _MOST_BYTES:
        text = file.read_text("utf-8", "replace")
        return text, text
    own = (read_object(folder / "tokenizer_config.json") or {}).get("chat_template")
    if isinstance(own, list):
        own = next((one.get("template") for one in own if isinstance(one, dict) and one.get("name") == "default"), None)
    other = (read_object(folder / "chat_template.json") or {}).get("chat_template")
    return (own if isinstance(own, str) else None), (other if isinstance(other, str) else None)


def read_object(file: Path) -> dict[str, Any] | None:
    """The object in a small JSON file; None where there is none."""
    try:
        if not file.is_file() or file.stat().st_size > _MOST_BYTES:
            return None
        found = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _names(settings: Any) -> dict[str, str]:
    """The special tokens by role, of texts and of objects with a content."""
    found: dict[str, str] = {}
    for role, value in settings.items() if isinstance(settings, dict) else ():
        text = value.get("content") if isinstance(value, dict) else value
        if role.endswith("_token") and isinstance(text, str):
            found[role] = text
    return found


def _compiled(text: str) -> Any:
    """A template in Jinja's sandbox, with what transformers gives to chat templates.

    Raises:
        ValueError: it holds what might lead out of the sandbox.
    """
    from jinja2.exceptions import TemplateError
    from jinja2.ext import Extension, loopcontrols
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    if _HIDDEN.search(text):
        raise ValueError("the template asks for what Python keeps to itself")

    class GenerationTags(Extension):
        """Lets `{% generation %}` pass, which is transformers' own and writes nothing."""

        tags = {"generation", "endgeneration"}  # noqa: RUF012

        def parse(self, parser: Any) -> list[Any]:
            parser.stream.skip(1)
            return []

    def refuse(message: str) -> None:
        raise TemplateError(message)

    def as_json(
        value: Any, ensure_ascii: bool = False, indent: Any = None, separators: Any = None, sort_keys: bool = False
    ) -> str:
        return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)

    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, autoescape=False, extensions=[GenerationTags, loopcontrols]
    )
    environment.filters["tojson"] = as_json
    environment.globals["raise_exception"] = refuse
    environment.globals["strftime_now"] = lambda form: datetime.now().strftime(form)
    return environment.from_string(text)

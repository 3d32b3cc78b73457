"""Recipes with values of every wrong type at every key, and YAML that is made to break its readers."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any

from tests.hostile.case import DEMO_MODEL, ROWS, Case, Content, Fifo, Link, Sparse, recipe
from tests.hostile.strings import ATTACKS, value
from workbench.recipe.model import DatasetSpec, Recipe

_MUTATED = 210
_OFTEN = (
    "processor_kwargs",
    "overrides_of_model_config",
    "special_tokens",
    "added_tokens_overrides",
    "tokens",
    "image_size",
    "image_resize_algorithm",
    "lora_r",
    "lora_alpha",
    "lora_dropout",
    "lora_target_modules",
    "lora_target_parameters",
    "lora_rank_pattern",
    "peft_layers_to_transform",
    "learning_rate",
    "sequence_len",
    "micro_batch_size",
    "gradient_accumulation_steps",
    "roles_to_train",
    "chat_template",
    "chat_template_kwargs",
    "plugins",
    "base_model",
    "tokenizer_config",
    "eot_tokens",
)
_NESTED = (
    "processor_kwargs: {size: %s}",
    "processor_kwargs: {max_pixels: %s}",
    "processor_kwargs: {image_seq_length: %s}",
    "overrides_of_model_config: {vocab_size: %s}",
    "overrides_of_model_config: {text_config: %s}",
    "overrides_of_model_config: {image_token_id: %s}",
    "special_tokens: {pad_token: %s}",
    "special_tokens: {eos_token: %s}",
    "special_tokens: {additional_special_tokens: [%s]}",
    "added_tokens_overrides: {5: %s}",
    "lora_rank_pattern: {q_proj: %s}",
    "bnb_config_kwargs: {load_in_4bit: %s}",
    "gradient_checkpointing_kwargs: {use_reentrant: %s}",
    "lr_scheduler_kwargs: {a: %s}",
    "fsdp_config: {transformer_layer_cls_to_wrap: %s}",
    "image_size: [%s, 3]",
    "test_datasets: [{path: %s}]",
    "datasets: [%s]",
    "datasets: [{path: rows.jsonl, type: %s}]",
)


def cases(chance: Random) -> Iterator[Case]:
    """Values first, then whole texts."""
    keys = list(Recipe.model_fields)
    fields = list(DatasetSpec.model_fields)
    for number in range(_MUTATED):
        new = value(chance)
        if number % 4 == 0:
            name, text = f"{(key := chance.choice(keys))}", recipe(**{key: new})
        elif number % 4 == 1:
            key = _OFTEN[number // 4 % len(_OFTEN)]
            name, text = key, recipe(**{key: new})
        elif number % 4 == 2:
            line = _NESTED[number // 4 % len(_NESTED)] % new
            key = line.partition(":")[0]
            name, text = line[:40], recipe(**{key: line.partition(":")[2]})
        else:
            name = chance.choice(fields)
            entry = {"path": "rows.jsonl", "type": "chat_template", name: new}
            inner = "".join(f"\n    {key}: {item}" for key, item in entry.items()).strip()
            name, text = f"datasets[].{name}", recipe(datasets=f"\n  - {inner}")
        yield _case(chance, f"{name} = {new[:24]} #{number}", text)
    yield from _texts(chance)
    yield from _files(chance)


def _case(chance: Random, name: str, content: Content | None, **more: Any) -> Case:
    command = chance.choice(("check", "check", "inspect", "export"))
    output = chance.choice(("text", "json") if command == "export" else ("text", "json", "html"))
    arguments = [command, "recipe.yaml", "--rows", "1", "--format", output]
    return Case(name, arguments, {"recipe.yaml": content, "rows.jsonl": ROWS}, **more)


def _texts(chance: Random) -> Iterator[Case]:
    whole, refused = recipe(), frozenset((2,))
    bomb = "a0: &a0 [x,x,x,x,x,x,x,x,x]\n" + "".join(
        f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 12)
    )
    merges = "b0: &b0 {k: v}\n" + "".join(
        f"b{n}: &b{n}\n  <<: [{', '.join([f'*b{n - 1}'] * 9)}]\n  k{n}: v\n" for n in range(1, 12)
    )
    yield _case(chance, "alias bomb", whole + bomb, codes=refused, names="recipe.yaml")
    yield _case(chance, "merge bomb", whole + merges, codes=refused, names="recipe.yaml")
    yield _case(chance, "alias of itself", whole + "a: &a [*a]\n", codes=refused, names="recipe.yaml")
    yield _case(chance, "30,000 keys", whole + "".join(f"key{n}: {n}\n" for n in range(30_000)))
    yield _case(chance, "30,000 misspelt keys", whole + "".join(f"lora_{n}: {n}\n" for n in range(30_000)))
    yield _case(
        chance, "30,000 keys in a section", whole + "dpo: {" + ", ".join(f"k{n}: {n}" for n in range(30_000)) + "}\n"
    )
    yield _case(
        chance,
        "30,000 boundaries",
        recipe(role_boundaries="".join(f"\n  - {{role: r{n}, start: s{n}}}" for n in range(30_000))),
    )
    yield _case(chance, "200 wrong values", whole + "".join(f"lora_rank_pattern{n}: [\n]\n" for n in range(200)))
    yield _case(
        chance, "500 wrong datasets", recipe(datasets="".join(f"\n  - {{path: {n}, split: []}}" for n in range(500)))
    )
    yield _case(chance, "one line of 900,000 characters", whole + "note: '" + "x" * 900_000 + "'\n")
    yield _case(
        chance, "a chain of mappings", whole + "".join("  " * n + f"k{n}:\n" for n in range(200)), codes=refused
    )
    yield _case(chance, "flow 100,000 deep", whole + "x: " + "[" * 100_000, codes=refused)
    yield _case(chance, "closed flow 40,000 deep", whole + "x: " + "[" * 40_000 + "]" * 40_000, codes=refused)
    yield _case(chance, "numbers of 100,000 digits", whole + f"seed: {'9' * 100_000}\nsave_steps: {'1:' * 20_000}1\n")
    yield _case(chance, "sexagesimal chain", recipe(learning_rate="1:" * 3000 + "1"))
    yield _case(chance, "hexadecimal of 100,000 digits", recipe(lora_r="0x" + "f" * 100_000))
    yield _case(chance, "exponents", recipe(learning_rate="1e999999999999", lora_dropout="1.0e+999999"))
    yield _case(chance, "two documents", whole + "---\n" + whole, codes=refused)
    for name, text in {
        "nothing": "",
        "a comment": "# nothing\n",
        "a list": "- a\n- b\n",
        "a text": "text\n",
        "a number": "1\n",
        "tabs": whole + "a:\n\t- b\n",
        "NUL": whole + "a: \0\n",
        "a control code": whole + "a: \x1b[2J\n",
        "unclosed quote": whole + 'a: "\n',
        "unclosed bracket": whole + "a: [\n",
        "undefined alias": whole + "a: *b\n",
        "anchor twice": whole + "a: &x 1\nb: &x 2\n",
        "no model": recipe(base_model=None),
        "no datasets": recipe(datasets=None),
        "a tag of Python": whole + "a: !!python/object/apply:os.system ['true']\n",
        "directives": "%YAML 9.9\n%FOO bar\n---\n" + whole,
        "keys of other types": whole + "1: a\ntrue: b\nnull: c\n2001-01-01: d\n? [x]\n: e\n",
        "keys twice": whole + whole,
        "escape of a lone half": whole + 'note: "\\ud800"\n',
        "wide escape": whole + 'note: "\\U00110000"\n',
    }.items():
        yield _case(chance, name, text)
    for attack in ATTACKS:
        shown = attack.encode("unicode_escape").decode().replace('"', '\\"')
        yield _case(chance, f"key {attack[:9]!r}", whole + f'"{shown}": "{shown}"\n')
        yield _case(chance, f"raw {attack[:9]!r}", whole + f"{attack}: {attack}\n")
    for number in range(16):
        at = chance.randrange(len(whole))
        yield _case(chance, f"cut at {at}", whole[:at])
        raw = whole.encode()
        spoiled = bytes(chance.randrange(256) for _ in range(1 + number % 3))
        yield _case(chance, f"bytes at {at} #{number}", raw[:at] + spoiled + raw[at + 1 :])


def _files(chance: Random) -> Iterator[Case]:
    refused, whole = frozenset((2,)), recipe()
    yield _case(chance, "FIFO", Fifo(), codes=refused, names="recipe.yaml")
    yield _case(chance, "endless device", Link("/dev/zero"), codes=refused, names="recipe.yaml")
    yield _case(chance, "16 GiB", Sparse(16 << 30), codes=refused, names="recipe.yaml")
    yield _case(chance, "link to itself", Link("recipe.yaml"), codes=refused, names="recipe.yaml")
    yield _case(chance, "folder", None, codes=refused, names="recipe.yaml")
    yield _case(chance, "UTF-16", whole.encode("utf-16"), codes=refused, names="recipe.yaml")
    yield _case(chance, "Latin-1", whole.encode() + b"note: caf\xe9\n", codes=refused, names="recipe.yaml")
    yield _case(chance, "BOM", b"\xef\xbb\xbf" + whole.encode())
    yield _case(chance, "CR LF", whole.replace("\n", "\r\n"))
    yield _case(chance, "CR", whole.replace("\n", "\r"))
    yield _case(chance, "zeros", b"\0" * 4096, codes=refused)
    broken: dict[str, Content | None] = {
        "config.json FIFO": Fifo(),
        "config.json endless": Link("/dev/zero"),
        "config.json deep": "[" * 100_000,
        "config.json list": "[]",
        "config.json numbers": '{"model_type": 3}',
        "config.json attack": '{"model_type": "\\u001b[2J<script>"}',
        "tokenizer.json FIFO": Fifo(),
        "tokenizer.json broken": "{",
        "tokenizer.json deep": '{"a":' * 50_000,
        "tokenizer.json of other types": '{"model": [], "added_tokens": 3}',
        "tokenizer_config.json list": "[]",
        "tokenizer_config.json types": '{"eos_token": {"a": 1}, "model_max_length": "x", "tokenizer_class": []}',
        "processor_config.json broken": '{"processor_class": 3}',
        "processor_config.json list": "[]",
        "generation_config.json text": '"text"',
        "generation_config.json types": '{"eos_token_id": "\\u001b[2J"}',
        "chat_template.jinja FIFO": Fifo(),
        "chat_template.jinja bytes": b"\xff\xfe{{",
    }
    kept = ("config.json", "tokenizer.json", "tokenizer_config.json", "processor_config.json", "chat_template.jinja")
    for name, content in broken.items():
        file = name.partition(" ")[0]
        files: dict[str, Content | None] = {f"model/{one}": Link(f"{DEMO_MODEL}/{one}") for one in kept if one != file}
        arguments = [chance.choice(("check", "inspect")), "--model", "./model", "--data", "rows.jsonl", "--rows", "1"]
        yield Case(f"model: {name}", arguments, {**files, f"model/{file}": content, "rows.jsonl": ROWS})

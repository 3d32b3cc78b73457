"""Attacks as the names of files, folders, roles, columns, keys and models, in every format."""

from __future__ import annotations

import json
from collections.abc import Iterator
from random import Random

from tests.hostile.case import DEMO_MODEL, ROW, ROWS, Case, Content, Link, recipe
from tests.hostile.kinds.events import recorded
from tests.hostile.strings import ATTACKS

_MODEL_FILES = (
    "config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "processor_config.json",
    "chat_template.jinja",
)


def cases(chance: Random) -> Iterator[Case]:
    """Each attack at each place where a name can enter, in a format that chance takes."""
    for attack in ATTACKS:
        file = attack.replace("/", "∕").replace("\0", "")
        quoted = json.dumps(attack)
        rows = json.dumps(ROW) + "\n"
        model: dict[str, Content | None] = {f"{file}/{name}": Link(f"{DEMO_MODEL}/{name}") for name in _MODEL_FILES}
        turns = [{"role": attack, "content": attack}, {"role": "assistant", "content": attack}]
        entries: list[tuple[str, list[str], dict[str, Content | None]]] = [
            ("recipe file", ["check", f"{file}.yaml"], {f"{file}.yaml": recipe(), "rows.jsonl": rows}),
            ("broken recipe file", ["check", f"{file}.yaml"], {f"{file}.yaml": "a: [\n"}),
            ("missing recipe file", ["check", f"{file}.yaml"], {}),
            ("data file", ["check", "--data", f"{file}.jsonl"], {f"{file}.jsonl": rows + "{\n"}),
            ("missing data file", ["inspect", "--data", f"{file}.jsonl"], {}),
            ("data folder", ["check", "--data", file], {f"{file}/{file}.jsonl": rows + "{\n"}),
            ("model folder", ["check", "--model", f"./{file}"], model),
            ("empty model folder", ["check", "--model", f"./{file}"], {file: None}),
            ("base_model", ["check", "r.yaml"], {"r.yaml": recipe(base_model=quoted), "rows.jsonl": rows}),
            ("role", ["check", "--data", "d.jsonl"], {"d.jsonl": json.dumps({"messages": turns})}),
            ("column", ["check", "--data", "d.jsonl"], {"d.jsonl": json.dumps({attack: attack, "image": attack})}),
            (
                "part type",
                ["check", "--data", "d.jsonl"],
                {
                    "d.jsonl": json.dumps(
                        {"messages": [{"role": "user", "content": [{"type": attack, attack: attack}]}]}
                    )
                },
            ),
            (
                "role of a boundary",
                ["check", "r.yaml"],
                {
                    "r.yaml": recipe(role_boundaries=f"[{{role: {quoted}, start: {quoted}, end: {quoted}}}]"),
                    "rows.jsonl": rows,
                },
            ),
            (
                "roles_to_train",
                ["check", "r.yaml"],
                {
                    "r.yaml": recipe(
                        datasets=f"[{{path: rows.jsonl, roles_to_train: [{quoted}], field_messages: {quoted}}}]"
                    ),
                    "rows.jsonl": rows,
                },
            ),
            ("chat_template", ["check", "r.yaml"], {"r.yaml": recipe(chat_template=quoted), "rows.jsonl": rows}),
            (
                "adapter",
                ["check", "r.yaml"],
                {"r.yaml": recipe(adapter=quoted, optimizer=quoted, lora_target_modules=quoted), "rows.jsonl": rows},
            ),
            (
                "tokens",
                ["check", "r.yaml"],
                {"r.yaml": recipe(tokens=f"[{quoted}]", special_tokens=f"{{eos_token: {quoted}}}"), "rows.jsonl": rows},
            ),
            (
                "plugin",
                ["check", "r.yaml"],
                {"r.yaml": recipe(plugins=f"[{quoted}]", output_dir=quoted), "rows.jsonl": rows},
            ),
            (
                "split",
                ["check", "r.yaml"],
                {"r.yaml": recipe(datasets=f"[{{path: rows.jsonl, split: {quoted}}}]"), "rows.jsonl": rows},
            ),
            (
                "picture",
                ["check", "--data", "d.jsonl"],
                {
                    "d.jsonl": json.dumps(
                        {"messages": [{"role": "user", "content": [{"type": "image", "path": attack}]}]}
                    )
                },
            ),
            ("events file", ["overfit", "--replay", file], {file: "\n".join(map(json.dumps, recorded()))}),
            ("broken events file", ["overfit", "--replay", file], {file: "{\n{\n"}),
            ("folder of events", ["overfit", "--replay", file], {file: None}),
        ]
        for place, arguments, files in entries:
            output = chance.choice(("text", "json", "html"))
            more = ["--format", output] if "--replay" in arguments else ["--rows", "2", "--format", output]
            yield Case(f"{place} {attack[:9]!r}", [*arguments, *more], {"rows.jsonl": ROWS, **files})
        if chance.random() < 0.5:
            exported = ["export", f"{file}.yaml", "--unvalidated", "--force", "--out", f"{file}.yaml", "--rows", "1"]
            yield Case(
                f"export over {attack[:9]!r}", exported, {f"{file}.yaml": recipe() + f"# {file}\n", "rows.jsonl": rows}
            )
            fixed = ["check", f"{file}.yaml", "--fix", "--yes", "--rows", "1"]
            broken = recipe(sample_packing="true", remove_unused_columns=None)
            yield Case(f"fix {attack[:9]!r}", fixed, {f"{file}.yaml": broken, "rows.jsonl": rows})

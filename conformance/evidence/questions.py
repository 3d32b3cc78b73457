"""The question that shows a finding, by its code: what axolotl answers before the fix and after it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from conformance.evidence.asked import Answer, stop
from conformance.evidence.case import ROWS, Case
from workbench.consumers.axolotl import rehearsal, worker
from workbench.findings import Edit, Finding, Fix

_LAYER = re.compile(r"\.layers\.(\d+)\.")
_BESIDE = ("vision", "audio", "projector", "other")
_MASKED = -100
_ABSENT = "not there"


@dataclass(frozen=True)
class Evidence:
    """A question to axolotl with its answers; `shown` where they bear the finding out."""

    question: str
    before: str
    after: str
    shown: bool


Question = Callable[[Case, Finding], "Evidence | None"]


def ask(case: Case, finding: Finding) -> Evidence | None:
    """The evidence for a finding; None where no question shows its code."""
    question = QUESTIONS.get(finding.code)
    return question(case, finding) if question is not None else None


def _stops(case: Case, finding: Finding) -> Evidence:
    """It says that axolotl stops: its validator first, then its loader."""
    before, after = case.before(finding), case.after(finding)
    for name, asked in (("validator and normalisation", case.asker.settled), ("loader", case.asker.loaded)):
        first = asked(before)
        if not first.get("refused") or first["refused"].get("environment"):
            continue
        if after is None:
            return Evidence(name, stop(first), "no fix is offered", True)
        second = asked(after)
        then = stop(second)
        gone = not then or bool(second["refused"].get("environment")) or then != stop(first)
        return Evidence(name, stop(first), then or "accepted", gone)
    answer = case.asker.loaded(before)
    return Evidence("loader", stop(answer) or "accepted", "", False)


def _unknown_key(case: Case, finding: Finding) -> Evidence:
    """It says that nothing reads a key: the configuration that training starts from has none of that name."""
    place = str(finding.where.field).split(".")
    fix = finding.fix or Fix(f"without {finding.where.field}", (Edit(tuple(place), remove=True),))
    before = case.asker.settled(case.before(finding))
    after = case.asker.settled(_path(case.after(finding, fix)))
    if before.get("refused") or after.get("refused"):
        return Evidence("normalised configuration", stop(before), stop(after), False)
    kept = _value(before["config"], place)
    renamed = next((one.rename for one in fix.edits if one.rename), "")
    if not renamed:
        same = before["config"] == after["config"] or _but_paths(before) == _but_paths(after)
        shown = kept == _ABSENT and same
        return Evidence(
            "normalised configuration",
            f"{finding.where.field}: {kept}",
            "without it the same" if same else "another",
            shown,
        )
    new = _value(after["config"], [*place[:-1], renamed])
    return Evidence(
        "normalised configuration",
        f"{finding.where.field}: {kept}",
        f"{renamed}: {new}",
        kept == _ABSENT and new != _ABSENT,
    )


def _but_paths(answer: Answer) -> dict[str, Any]:
    return {key: value for key, value in answer["config"].items() if key != "axolotl_config_path"}


def _value(config: Any, place: list[str]) -> Any:
    for key in place:
        if not isinstance(config, dict) or key not in config:
            return _ABSENT
        config = config[key]
    return config


def _outdated(case: Case, finding: Finding) -> Evidence:
    """A key that is gone stops the run; one that is renamed comes out under its new name."""
    if finding.severity == "error":
        return _stops(case, finding)
    return _changed_configuration(case, finding)


def _changed_configuration(case: Case, finding: Finding) -> Evidence:
    """It says that a key has another effect than it seems to: the values that training starts from, twice."""
    before = case.asker.settled(case.before(finding))
    if finding.fix is None:
        return _without_the_key(case, finding, before)
    after = case.asker.settled(_path(case.after(finding)))
    keys = [edit.path[0] for edit in (finding.fix.edits if finding.fix else ())] + [str(finding.where.field)]
    shown = {
        str(key): (_value(before.get("config"), [str(key)]), _value(after.get("config"), [str(key)])) for key in keys
    }
    return Evidence(
        "normalised configuration",
        stop(before) or ", ".join(f"{key}: {pair[0]}" for key, pair in shown.items()),
        stop(after) or ", ".join(f"{key}: {pair[1]}" for key, pair in shown.items()),
        any(first != second for first, second in shown.values()),
    )


def _without_the_key(case: Case, finding: Finding, before: Answer) -> Evidence:
    """C005 of evaluation: with the key and without it there are no rows to evaluate on, and nothing asks for any."""
    config = before.get("config") or {}
    sets = {key: config.get(key) for key in ("val_set_size", "test_datasets")}
    told = ", ".join(f"{key}: {value}" for key, value in (sets | {str(finding.where.field): "…"}).items())
    shown = "nothing is evaluated" in finding.message and not any(sets.values()) and not stop(before)
    return Evidence("normalised configuration", stop(before) or told, "no fix is offered", shown)


def _adapted(case: Case, finding: Finding) -> Evidence:
    """A001: which towers have adapters; without Liger's MLP, which does not go with every model."""
    others = [one.fix for one in case.stopping if one is not finding and one.fix is not None]
    if case.document.data.get("liger_glu_activation"):
        others.append(Fix("without liger_glu_activation", (Edit(("liger_glu_activation",), remove=True),)))
    assert finding.fix is not None
    before = case.asker.loaded(case.with_fixes(others))
    after = case.asker.loaded(case.with_fixes([*others, finding.fix]))
    if before.get("refused") or after.get("refused"):
        return Evidence("adapters by tower", stop(before), stop(after), False)
    first, second = case.towers(before), case.towers(after)
    named = [int(number.replace(",", "")) for number in re.findall(r"([\d,]+) modules? of", finding.message)]
    shown = sorted(named) == sorted(
        number for tower, number in first.items() if tower in _BESIDE or tower == "language"
    )
    clean = not any(second.get(tower) for tower in _BESIDE) and bool(second.get("language"))
    return Evidence("adapters by tower", _counts(first), _counts(second), shown and clean)


def _layers(case: Case, finding: Finding) -> Evidence:
    """A003: targets that nothing matches stop the run; else the layers that have adapters are counted."""
    if finding.severity == "error" and "match none" in finding.message:
        return _stops(case, finding)
    before, after = case.asker.loaded(case.before(finding)), case.asker.loaded(_path(case.after(finding)))
    if before.get("refused") or after.get("refused"):
        return Evidence("layers with adapters", stop(before), stop(after), False)
    first, second = _adapted_layers(case, before), _adapted_layers(case, after)
    missing = re.match(r"(\d+) of the language model's (\d+) layers", finding.message)
    total = case.bench.anatomy.config.get_text_config().num_hidden_layers
    shown = first == (int(missing[2]) - int(missing[1]) if missing else 0)
    return Evidence("layers with adapters", f"{first} of {total}", f"{second} of {total}", shown and second == total)


def _adapted_layers(case: Case, answer: Answer) -> int:
    language = [one for one in answer["modules"] if case.bench.anatomy.tower_of(one) == "language"]
    return len({found[1] for one in language if (found := _LAYER.search(one)) is not None})


def _counts(found: dict[str, int]) -> str:
    return ", ".join(f"{tower} {number:,}" for tower, number in sorted(found.items())) or "none"


def _wrapped(case: Case, finding: Finding) -> Evidence:
    """A002: what PEFT refuses stops the run; a warning is about wrapped layers, whose inner ones axolotl adapts."""
    if finding.severity == "error":
        return _stops(case, finding)
    answer = case.asker.loaded(case.before(finding))
    if answer.get("refused"):
        return Evidence("adapters inside of wrapped layers", stop(answer), "", False)
    inside = [one for one in answer["modules"] if one.endswith(".linear")]
    named = re.search(r"([\d,]+) targets?", finding.message)
    shown = named is not None and len(inside) == int(named[1].replace(",", ""))
    fix = next((one.fix for one in case.told.findings if one.code == "A001"), None)
    after = case.asker.loaded(_path(case.after(finding, fix))) if fix is not None else None
    left = len([one for one in after["modules"] if one.endswith(".linear")]) if after and not after["refused"] else None
    return Evidence(
        "adapters inside of wrapped layers",
        f"{len(inside)}",
        "" if left is None else f"{left}",
        shown and left in (0, None),
    )


def _trained_beside(case: Case, finding: Finding) -> Evidence:
    """A011: which towers train, and how many of their values; none of the adapters' where they are frozen again."""
    before, after = case.asker.loaded(case.before(finding)), case.asker.loaded(_path(case.after(finding)))
    if before.get("refused") or after.get("refused"):
        return Evidence("trained values by tower", stop(before), stop(after), False)
    first, second = case.trained(before), case.trained(after)
    if frozen := re.search(r"freezes ([\d,]+) of", finding.message):
        count = int(frozen[1].replace(",", ""))
        shown = len({one.partition(".lora_")[0] for one in before["frozen"]}) == count and not first and bool(second)
        return Evidence("trained values by tower", _counts(first), _counts(second), shown)
    named = [round(float(number.replace(",", "")), 1) for number in re.findall(r"([\d.,]+) M of", finding.message)]
    beside = [round(first[tower] / 1e6, 1) for tower in _BESIDE if first.get(tower)]
    less = sum(second.get(tower, 0) for tower in _BESIDE) < sum(first.get(tower, 0) for tower in _BESIDE)
    return Evidence(
        "trained values by tower", _counts(first), _counts(second), sorted(named) == sorted(beside) and less
    )


def _reentrant(case: Case, finding: Finding) -> Evidence:
    """A007: the kind of checkpointing, and gradients of the tower's adapters where it was tried."""
    before, after = case.asker.loaded(case.before(finding)), case.asker.loaded(_path(case.after(finding)))
    if before.get("refused") or after.get("refused"):
        return Evidence("kind of checkpointing", stop(before), stop(after), False)
    first, second = before["use_reentrant"], after["use_reentrant"]
    return Evidence("use_reentrant in the loader", str(first), str(second), first is True and second is False)


def _unquantized(case: Case, finding: Finding) -> Evidence:
    """A018: the experts' parameters, loaded in 4 bits on the CPU from a tiny checkpoint of the same type."""
    from conformance.evidence.quantized import loaded_in_bits

    before = case.asker.prepared("bits", case.before(finding), loaded_in_bits)
    after = case.asker.prepared("bits", _path(case.after(finding)), loaded_in_bits)
    if before.get("refused") or after.get("refused"):
        return Evidence("experts in 4 bits", stop(before), stop(after), False)
    first, second = before["experts"], after["experts"]
    return Evidence(
        "dtype of the experts' weights as loaded",
        ", ".join(first),
        ", ".join(second),
        first != second and "uint8" in second,
    )


def _all_trained(case: Case, finding: Finding) -> Evidence:
    """M010: every token but media and padding is a label; after the fix the user's are not."""
    path = case.after(finding)
    before, after = _labels(case, case.before(finding)), _labels(case, path) if path is not None else {}
    if stop(before) or stop(after):
        return Evidence("labels", stop(before), stop(after), False)
    masked = set(_ids(case))
    first = _share(before, masked)
    if path is None:
        return Evidence("labels, media left out", _trained_of(first), "no fix is offered", 0 < first[0] == first[1])
    second = _share(after, masked)
    return Evidence(
        "labels, media left out",
        _trained_of(first),
        _trained_of(second),
        first[0] == first[1] and 0 < second[0] < second[1],
    )


def _media_trained(case: Case, finding: Finding) -> Evidence:
    """M007: the ids that it names are labels; where only the roles with pictures bring them, not after M010's fix."""
    fix = finding.fix or next((one.fix for one in case.told.findings if one.code == "M010"), None)
    named = {int(one) for one in re.findall(r"\((\d+)\) ×", finding.message)}
    before = _labels(case, case.before(finding))
    after = _labels(case, _path(case.after(finding, fix))) if fix is not None else None
    if stop(before) or (after is not None and stop(after)):
        return Evidence("labels", stop(before), stop(after or {}), False)
    first, second = named & _trained_ids(before), named & _trained_ids(after or {})
    left = "no fix is offered" if after is None else f"{len(second)} of {len(named)} media ids trained"
    return Evidence("labels", f"{len(first)} of {len(named)} media ids trained", left, first == named and not second)


def _row_of(finding: Finding) -> int:
    return finding.where.row or 0


def _trained_place(case: Case, finding: Finding) -> Evidence:
    """M003, M004, M011: tokens that ought not to be labels are."""
    return _labels_at(case, finding, trained=True)


def _masked_place(case: Case, finding: Finding) -> Evidence:
    """M002, M005, M006: tokens that ought to be labels are not."""
    return _labels_at(case, finding, trained=False)


def _labels_at(case: Case, finding: Finding, *, trained: bool) -> Evidence:
    before = _labels(case, case.before(finding))
    path = case.after(finding)
    after = _labels(case, path) if path is not None else {}
    if stop(before) or stop(after):
        return Evidence("labels at the tokens", stop(before), stop(after), False)
    first, count = _at(before, finding), _width(finding)
    second = _at(after, finding) if after else None
    right = first > 0 if trained else first < count
    better = second is None or (second < first if trained else second > first)
    then = "no fix is offered" if second is None else f"{second} of {count} trained"
    return Evidence("labels at the tokens", f"{first} of {count} trained", then, right and better)


def _width(finding: Finding) -> int:
    start, end = finding.where.tokens or (0, 0)
    return end - start


def _at(answer: Answer, finding: Finding) -> int:
    start, end = finding.where.tokens or (0, 0)
    row = next((one for one in answer.get("rows", ()) if one["row"] == _row_of(finding) and "labels" in one), None)
    return sum(label != _MASKED for label in row["labels"][start:end]) if row is not None else 0


def _no_effect(case: Case, finding: Finding) -> Evidence:
    """M013, D009: without the key the labels are the same."""
    place = tuple(
        int(part) if part.isdigit() else part for part in re.split(r"[.\[\]]+", str(finding.where.field)) if part
    )
    gone = Fix(f"without {finding.where.field}", (Edit(place, remove=True),))
    before, after = _labels(case, case.before(finding)), _labels(case, _path(case.after(finding, gone)))
    if stop(before) or stop(after):
        return Evidence("labels with and without the key", stop(before), stop(after), False)
    same = before["rows"] == after["rows"]
    words = "the same" if same else "others"
    return Evidence("labels with and without the key", _trained_of(_share(before, set())), words, same)


def _cannot_build(case: Case, finding: Finding) -> Evidence:
    """A012: its collator stops; under a template that it has a strategy for, or with the plugin, it does not."""
    before = case.asker.labels(case.before(finding), ROWS)
    fix = finding.fix or Fix("chat_template: qwen2_vl", (Edit(("chat_template",), "qwen2_vl"),))
    after = case.asker.labels(_path(case.after(finding, fix)), ROWS)
    return Evidence(
        "collator",
        _stop_of(before) or "built",
        _stop_of(after) or "built",
        bool(_stop_of(before)) and not _stop_of(after),
    )


def _stop_of(answer: Answer) -> str:
    refused = answer.get("refused")
    return (
        f"{refused['stage']}: {refused['type']}: {' '.join(str(refused['message']).split())[:160]}" if refused else ""
    )


def _rendered_otherwise(case: Case, finding: Finding) -> Evidence:
    """T007: axolotl's bundled text gives other ids than the model's own template."""
    own = Fix("chat_template: tokenizer_default", (Edit(("chat_template",), "tokenizer_default"),))
    before, after = _labels(case, case.before(finding)), _labels(case, _path(case.after(finding, own)))
    if stop(before) or stop(after):
        return Evidence("ids under either template", stop(before), stop(after), False)
    ids = [[one.get("input_ids") for one in answer["rows"]] for answer in (before, after)]
    lengths = [sum(len(one or ()) for one in answer) for answer in ids]
    return Evidence(
        "ids under either template",
        f"{lengths[0]} tokens, bundled",
        f"{lengths[1]} tokens, the model's own",
        ids[0] != ids[1],
    )


def _alone(case: Case, finding: Finding) -> Evidence:
    """T002: the ids of a row that ends after the message are no beginning of the whole row's."""
    last = int(_found(r"up to message (\d+)", finding.message))
    entry = case.document.data["datasets"][0]
    column = entry.get("field_messages") or "messages"
    rows = [json.loads(line) for line in Path(entry["path"]).read_text("utf-8").splitlines()]
    cut = case.path.with_name(f"up-to-{last}.jsonl")
    cut.write_text("".join(json.dumps(row | {column: row[column][: last + 1]}) + "\n" for row in rows), "utf-8")
    shorter = Fix("", (Edit(("datasets", 0, "path"), str(cut)),))
    whole, alone = _labels(case, case.before(finding)), _labels(case, _path(case.after(finding, shorter)))
    if stop(whole) or stop(alone):
        return Evidence("ids of the messages alone", stop(whole), stop(alone), False)
    first, second = (answer["rows"][_row_of(finding)]["input_ids"] for answer in (whole, alone))
    same = next((at for at, pair in enumerate(zip(first, second, strict=False)) if pair[0] != pair[1]), len(second))
    told = f"{same} of {len(second)} ids begin the whole row"
    return Evidence("ids of the messages alone", told, "no fix is offered", same < len(second))


def _dated(case: Case, finding: Finding) -> Evidence:
    """T005: the ids of the same rows, asked as if it were another day."""
    path = case.before(finding)
    today, later = _labels(case, path), case.asker.prepared(f"labels on another day {ROWS}", path, _on_another_day)
    if stop(today) or stop(later):
        return Evidence("ids on two days", stop(today), stop(later), False)
    first, second = ([one.get("input_ids") for one in answer["rows"]] for answer in (today, later))
    others = sum(a != b for a, b in zip(first, second, strict=True))
    return Evidence("ids on two days", f"{others} of {len(first)} rows differ", "no fix is offered", others > 0)


def _asked_otherwise(case: Case, finding: Finding) -> Evidence:
    """T004: the ids with which the same tokenizer and template ask for an answer begin none of the row's."""
    row = _row_of(finding)
    answer = case.asker.prepared(f"prompt of {row}", case.before(finding), partial(_prompt_of, row=row))
    if stop(answer):
        return Evidence("prompt and row", stop(answer), "", False)
    told = f"of {answer['prompt']} ids of the prompt {answer['alike']} begin the row"
    return Evidence("prompt and row", told, "no fix is offered", answer["alike"] < answer["prompt"])


def _prompt_of(path: Path, row: int) -> Answer:
    """The ids of a row as axolotl has them, and of its messages before the last answer with what asks for it."""
    tokenizer, template, messages = _rendering(path, row)
    last = max(at for at, one in enumerate(messages) if one["role"] == "assistant")
    given = {"chat_template": template, "tokenize": True, "return_dict": False}
    prompt = tokenizer.apply_chat_template(messages[:last], add_generation_prompt=True, **given)
    whole = tokenizer.apply_chat_template(messages, **given)
    same = (at for at, pair in enumerate(zip(prompt, whole, strict=False)) if pair[0] != pair[1])
    return {"refused": None, "prompt": len(prompt), "alike": next(same, min(len(prompt), len(whole)))}


def _rendering(path: Path, row: int) -> tuple[Any, str, list[dict[str, Any]]]:
    """axolotl's tokenizer and template for a recipe, and a row's messages as texts under their usual names."""
    from axolotl.loaders import load_tokenizer
    from axolotl.utils.chat_templates import get_chat_template_from_config

    cfg = worker.read_config(path)
    tokenizer = load_tokenizer(cfg)
    template = get_chat_template_from_config(cfg, cfg.datasets[0], tokenizer)
    entry = cfg.datasets[0]
    raw = json.loads(Path(entry.path).read_text("utf-8").splitlines()[row])
    messages = []
    for one in raw[entry.field_messages or "messages"]:
        role, content = one.get("role", one.get("from")), one.get("content", one.get("value"))
        if isinstance(content, list):
            content = "".join(part.get("text") or "" for part in content)
        messages.append({"role": {"human": "user", "gpt": "assistant"}.get(role, role), "content": content})
    return tokenizer, template, messages


def _one_turn(case: Case, finding: Finding) -> Evidence:
    """T001 of merged turns: between the texts of two messages axolotl's rendering has no control token."""
    row = _row_of(finding)
    answer = case.asker.prepared(f"turns of {row}", case.before(finding), partial(_between, row=row))
    if stop(answer):
        return Evidence("control tokens between the texts", stop(answer), "", False)
    told = f"between {answer['roles']}: {answer['control']}"
    return Evidence("control tokens between the texts", told, "no fix is offered", answer["control"] == [])


def _between(path: Path, row: int) -> Answer:
    """The control tokens between the texts of a row's first two messages."""
    tokenizer, template, messages = _rendering(path, row)
    first, second = messages[0], messages[1]
    text = tokenizer.apply_chat_template(messages, chat_template=template, tokenize=False)
    start = text.index(first["content"].strip()) + len(first["content"].strip())
    between = text[start : text.index(second["content"].strip(), start)]
    ids = tokenizer(between, add_special_tokens=False)["input_ids"]
    control = [tokenizer.convert_ids_to_tokens(one) for one in ids if one in tokenizer.all_special_ids]
    return {"refused": None, "roles": f"{first['role']} and {second['role']}", "control": control}


def _refused_row(case: Case, finding: Finding) -> Evidence:
    """T006: axolotl's own processing of the row stops too, with the same kind of error."""
    answer = _labels(case, case.before(finding))
    if stop(answer):
        return Evidence("the row", stop(answer), "", False)
    row = next(one for one in answer["rows"] if one["row"] == _row_of(finding))
    kind, _, message = str(row.get("error", "")).partition(":")
    told = f"{kind}: {' '.join(message.split())[:160]}" if kind else "labels"
    return Evidence("the row", told, "no fix is offered", bool(kind) and kind in finding.message)


def _on_another_day(path: Path) -> Answer:
    from datetime import datetime

    from transformers.utils import chat_template_utils

    class Another(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return datetime(2033, 11, 12, 13, 14, 15, tzinfo=tz)

    # In a process of its own: nothing has to be put back.
    chat_template_utils.datetime = Another
    return worker.answer(path, list(range(ROWS)))


def _found(pattern: str, text: str) -> str:
    found = re.search(pattern, text)
    assert found is not None, text
    return found[1]


def _no_mask(case: Case, finding: Finding) -> Evidence:
    """D011: axolotl makes these labels by another strategy, or its rows have none."""
    before = case.before(finding)
    if case.bench.path.kind == "preference":
        answer = case.asker.prepared("columns", before, _columns)
        told = stop(answer) or f"columns {', '.join(answer['columns'])}"
        return Evidence(
            "rows as they are trained", told, "no fix is offered", "labels" not in answer.get("columns", ["labels"])
        )
    answer = _labels(case, before)
    told = stop(answer) or f"strategy {answer['strategy']}, {_trained_of(_share(answer, set()))}"
    shown = not stop(answer) and answer["strategy"] != "chat_template"
    if "mistral-common" in finding.message:
        tokenizer = case.asker.prepared("tokenizer", before, _tokenizer)
        told = stop(tokenizer) or f"tokenizer {tokenizer['name']}, template rendered: {tokenizer['template']}"
        shown = not stop(tokenizer) and "Mistral" in tokenizer["name"] and not tokenizer["template"]
    return Evidence("the strategy that makes the labels", told, "no fix is offered", shown)


def _packed(path: Path) -> Answer:
    """The values of the attention mask that axolotl's collator gives two rows, and the rows that they are then."""
    from axolotl.loaders import load_tokenizer

    cfg = worker.read_config(path)
    collator = worker.build_collator(cfg, load_tokenizer(cfg), None)
    row = {"input_ids": [5, 6, 7], "labels": [5, 6, 7], "attention_mask": [1, 1, 1], "position_ids": [0, 1, 2]}
    mask = collator([[row, dict(row)]] if cfg.sample_packing else [row, dict(row)])["attention_mask"]
    values = sorted({int(one) for one in mask.flatten().tolist()} - {0})
    return {"refused": None, "mask": values, "rows": int(mask.shape[0])}


def _tokenizer(path: Path) -> Answer:
    """The class of the tokenizer that axolotl loads, and whether transformers' own code renders a template with it."""
    from axolotl.loaders import load_tokenizer
    from transformers import PreTrainedTokenizerBase

    found = type(load_tokenizer(worker.read_config(path)))
    same = found.apply_chat_template is PreTrainedTokenizerBase.apply_chat_template
    return {"refused": None, "name": found.__name__, "template": same}


def _columns(path: Path) -> Answer:
    from axolotl.loaders import load_tokenizer
    from axolotl.utils.data.rl import prepare_preference_datasets

    cfg = worker.read_config(path)
    cfg["dataset_num_proc"], cfg["dataset_prepared_path"] = None, None
    train, _ = prepare_preference_datasets(cfg, load_tokenizer(cfg))
    return {"refused": None, "columns": sorted(train.column_names)}


def _labels(case: Case, path: Path) -> Answer:
    """The labels, with what transformers 5 took away from two of axolotl's strategies put back where it is missing."""
    answer = case.asker.labels(path, ROWS)
    refused = answer.get("refused") or {}
    if refused.get("stage") == "collator" and refused.get("type") in ("AttributeError", "ValueError"):
        return case.asker.prepared(f"labels with older names {ROWS}", path, _labels_with_older_names)
    return answer


def _labels_with_older_names(path: Path) -> Answer:
    with older_names():
        return worker.answer(path, list(range(ROWS)))


@contextmanager
def older_names() -> Iterator[None]:
    """Names that transformers 4 had and two strategies read: ids of special tokens, and of pictures for InternVL.

    And the arguments of its automatic classes that axolotl's tokenizer of mistral-common refuses.
    """
    from axolotl.utils.mistral import HFMistralTokenizer
    from transformers import InternVLProcessor
    from transformers.tokenization_utils_base import PreTrainedTokenizerBase

    def special(tokenizer: Any) -> list[int]:
        return list(tokenizer.convert_tokens_to_ids(list(tokenizer.all_special_tokens)))

    names: tuple[tuple[Any, str, Any], ...] = (
        (PreTrainedTokenizerBase, "additional_special_tokens", property(lambda one: list(one.all_special_tokens))),
        (PreTrainedTokenizerBase, "additional_special_tokens_ids", property(special)),
        (InternVLProcessor, "image_ids", property(lambda processor: processor.image_token_ids)),
    )
    added = [(owner, name) for owner, name, _ in names if name not in vars(owner)]
    for owner, name, value in names:
        if (owner, name) in added:
            setattr(owner, name, value)
    backend = HFMistralTokenizer.from_pretrained

    def load(*given: Any, subfolder: Any = None, _from_auto: Any = None, **more: Any) -> Any:
        return backend(*given, **more)

    try:
        with rehearsal.replaced(HFMistralTokenizer, "from_pretrained", load):
            yield
    finally:
        for owner, name in added:
            delattr(owner, name)


def _ids(case: Case) -> list[int]:
    return [media.id for media in case.bench.media] + [case.bench.masking.pad_id or 0]


def _share(answer: Answer, left_out: set[int]) -> tuple[int, int]:
    """(trained, all) of the tokens whose id is not left out."""
    pairs = [
        (token, label)
        for row in answer["rows"]
        if "labels" in row
        for token, label in zip(row["input_ids"], row["labels"], strict=True)
        if token not in left_out
    ]
    return sum(label != _MASKED for _, label in pairs), len(pairs)


def _trained_of(share: tuple[int, int]) -> str:
    return f"{share[0]:,} of {share[1]:,} trained"


def _trained_ids(answer: Answer) -> set[int]:
    return {label for row in answer.get("rows", ()) for label in row.get("labels", ()) if label != _MASKED}


def _path(path: Path | None) -> Path:
    assert path is not None, "a finding of this code has a fix"
    return path


def _said_otherwise(case: Case, finding: Finding) -> Evidence:
    """C005: what Trainer stops at is put to it; a key without effect to the configuration that training starts from."""
    if finding.message.startswith("packed rows"):
        apart = Fix("attn_implementation: sdpa", (Edit(("attn_implementation",), "sdpa"),))
        before = case.asker.prepared("packed", case.before(finding), _packed)
        after = case.asker.prepared("packed", _path(case.after(finding, apart)), _packed)
        if stop(before) or stop(after):
            return Evidence("mask of two packed rows", stop(before), stop(after), False)
        first, second = before["mask"], after["mask"]
        told, apart = f"with sdpa values {second}", len(second) == 2
        if not apart:
            # The hint names two ways.
            unpacked = Fix("sample_packing: false", (Edit(("sample_packing",), False),))
            third = case.asker.prepared("packed", _path(case.after(finding, unpacked)), _packed)
            told = f"{told}; without packing {third.get('rows')} rows"
            apart = not stop(third) and third["rows"] == 2
        return Evidence("mask of two packed rows", f"values {first}", told, len(first) == 1 and apart)
    if "Trainer stops" in finding.message:
        from conformance.evidence.trainers import built

        before = case.asker.prepared("trainer", case.before(finding), built)
        after = case.asker.prepared("trainer", _path(case.after(finding)), built)
        shown = bool(stop(before)) and (not stop(after) or stop(after) != stop(before))
        return Evidence("trainer", stop(before) or before["trainer"], stop(after) or after["trainer"], shown)
    return _stops(case, finding) if finding.severity == "error" else _changed_configuration(case, finding)


QUESTIONS: dict[str, Question] = {
    "A001": _adapted,
    "A002": _wrapped,
    "A003": _layers,
    "A006": _stops,
    "A007": _reentrant,
    "A010": _stops,
    "A011": _trained_beside,
    "A012": _cannot_build,
    "A014": _stops,
    "A015": _stops,
    "A017": _stops,
    "A018": _unquantized,
    "C002": _unknown_key,
    "C003": _outdated,
    "C004": _stops,
    "C005": _said_otherwise,
    "C010": _stops,
    "D009": _no_effect,
    "D011": _no_mask,
    "M002": _masked_place,
    "M003": _trained_place,
    "M004": _trained_place,
    "M005": _masked_place,
    "M006": _masked_place,
    "M007": _media_trained,
    "M010": _all_trained,
    "M011": _trained_place,
    "M013": _no_effect,
    "T001": _one_turn,
    "T002": _alone,
    "T004": _asked_otherwise,
    "T005": _dated,
    "T006": _refused_row,
    "T007": _rendered_otherwise,
}

"""Every fix that is offered, held against the trace by a count of its own: on random damage to families' recipes.

On no row may a fix lose a token that ought to be trained or train one that ought not to be, its finding must go, and no
other error may come. What ought to be trained is counted here anew, and not as the trials count it.
"""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from tests.checks.support import HEAD, SETS, Make, bad, row, said
from workbench.bench import Bench
from workbench.checks.apply_fixes import mend
from workbench.checks.report import Report
from workbench.checks.run import check_rows
from workbench.findings import Finding, Fix, apply_fix
from workbench.paths import sample_dir
from workbench.recipe.knobs import LOADING_KEYS
from workbench.recipe.new import boundary_row
from workbench.row import Row
from workbench.tokens.trace import Owner

FAMILIES = ("qwen2_5_vl", "gemma4", "llama3_2_vision", "pixtral", "smolvlm2")
SEEDS = 8
# Of the demo's rows; whatever the recipes do wrong is wrong in each of them.
MOST = 8
RECIPES = sorted((Path(__file__).parent / "recipes").glob("*.yaml"))
# Lines that are wrong in ways that have nothing to do with the mask, beside what is damaged of that.
BESIDE = (
    "",
    "sample_packing: true\n",
    "adapter: lora\nlora_target_modules: [q_proj]\n",
    "adapter: qlora\nload_in_4bit: true\nlora_r: 8\nlora_target_modules: [q_proj]\nfsdp_version: 2\n"
    "fsdp_config: {cpu_ram_efficient_loading: true, transformer_layer_cls_to_wrap: X}\n",
    "plugins: [mine.Plugin]\nfreeze_mm_module: true\n",
    "model_type: AutoModelForVision2Seq\n",
)
ROWS = [
    row("What is 2 + 2?", "It is 4."),
    row("Hi", "Hello there.", "How many?", "\n- one\n- two"),
    row("a", "\n\nText", "b", "7", "c", " d"),
    {"messages": [said("system", "Be brief."), *row("Who?", "Me.")["messages"]]},
    {"messages": [*row("Sun?", "I look.")["messages"], said("tool", "yes"), said("assistant", "It shines.")]},
    row("Say it.", ""),
    row("Only a question", "An answer", "and a question"),
]


def wanted(one: Row, roles: list[str]) -> np.ndarray:
    """Text of these roles, and the first control token that the template writes after it and before the next text."""
    trace, ids = one.trace, one.rendering.input_ids
    special = np.isin(ids, list(one.rendering.vocabulary.special_ids))
    names = [message.get("role") for message in one.conversation.messages]
    found = np.zeros(len(ids), dtype=bool)
    for number, name in enumerate(names):
        at = np.flatnonzero((trace.kind == Owner.CONTENT) & (trace.message == number))
        if name not in roles or not len(at):
            continue
        found[at] = True
        for token in range(int(at[-1]) + 1, len(ids)):
            if trace.message[token] >= 0:
                break
            if special[token]:
                found[token] = True
                break
    return found


@dataclass
class Counted:
    """Per row: wanted tokens that are trained, and trained tokens that are unwanted."""

    good: list[int]
    wrong: list[int]


def counted(bench: Bench, roles: list[str]) -> Counted:
    good, wrong = [], []
    for one in bench.head(MOST):
        if one.error is not None:
            continue
        ought = wanted(one, roles)
        # Of a token that text shares with the template nobody can say whose it is; nor of one in a turn without text.
        texts = np.concatenate(([0], np.cumsum(one.trace.message >= 0)))
        spans = one.mask.spans
        bare = np.append(
            texts[np.minimum(spans.end, len(ought))] == texts[np.minimum(spans.content, len(ought))], False
        )
        sure = (one.trace.kind != Owner.SPLIT) & ~bare[one.mask.span]
        good.append(int((ought & one.mask.keep).sum()))
        wrong.append(int((~ought & sure & one.mask.keep).sum()))
    return Counted(good, wrong)


def place(one: Finding) -> tuple[Any, ...]:
    return one.code, one.where.row, one.where.message, str(one.where.field)


def checked(bench: Bench) -> Report:
    return check_rows(bench, bench.head(MOST))


def hold(bench: Bench, told: str) -> int:
    """Apply every fix that is offered, alone, and hold it against the promise; gives how many there were."""
    report = checked(bench)
    distinct: dict[str, tuple[Finding, Fix]] = {}
    for one in report.findings:
        if one.fix is not None:
            distinct.setdefault(f"{place(one)} {one.fix.edits}", (one, one.fix))
    before = Counter(place(one) for one in report.findings)
    errors = Counter(place(one) for one in report.findings if one.severity == "error")
    roles = list(bench.recipe.roles_to_train)
    for finding, fix in distinct.values():
        text = bench.document.text
        apply_fix(bench.document, fix)
        said = f"{told}: {finding.code} {fix.title}"
        assert bench.document.text != text, said
        judged = roles
        loads = any(edit.path[0] in LOADING_KEYS for edit in fix.edits)
        bench.load() if loads else bench.apply()
        if fix.retrains:
            judged = list(bench.recipe.roles_to_train)
        new, now = checked(bench), counted(bench, judged)
        bench.document.undo()
        assert bench.document.text == text
        bench.load() if loads else bench.apply()
        old = counted(bench, judged)
        assert all(b >= a for a, b in zip(old.good, now.good, strict=True)), said
        assert all(b <= a for a, b in zip(old.wrong, now.wrong, strict=True)), said
        after = Counter(place(one) for one in new.findings)
        assert after[place(finding)] < before[place(finding)], said
        # What a row loses weighs more once the turn after it is trained: known before, it is no harm of the fix.
        known = before if fix.retrains else errors
        come = Counter(place(one) for one in new.findings if one.severity == "error") - known
        assert not come, f"{said}: {come}"
    return len(distinct)


def damage(dice: random.Random, one: dict[str, Any], other: dict[str, Any], knobs: dict[str, Any]) -> str:
    """Do one thing to a boundary or to the first dataset's knobs, and say what."""
    start, end = one["start"], str(one.get("end", ""))
    faults: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
        "start cut": (one, {"start": start[:-1] or start}),
        "start grown": (one, {"start": start + dice.choice(["\n", " ", "x"])}),
        "start of another": (one, {"start": other["start"]}),
        "start foreign": (one, {"start": dice.choice(["<|im_start|>assistant\n", "### A:", "\n"])}),
        "end foreign": (one, {"end": dice.choice(["</s>", "wrong", "\n", "eos_token", "<|im_end|>"])}),
        "end grown": (one, {"end": end + "\n"}),
        "no end": (one, {"end": None}),
        "end not included": (one, {"include_end": False}),
        "start included": (one, {"include_start": True}),
        "role": (one, {"role": dice.choice(["asistant", "bot", "user", "assistant"])}),
        "eos": (knobs, {"train_on_eos": dice.choice(["none", "all", "last"])}),
        "roles": (knobs, {"roles_to_train": dice.choice([["asistant"], ["user"], [], ["assistant", "usr"]])}),
        "typo": (knobs, {dice.choice(["roles_to_trian", "train_on_eso"]): ["assistant"]}),
    }
    name = dice.choice(sorted(faults))
    target, change = faults[name]
    target.update(change)
    return f"{name} of {one['role']}"


def damaged(rows: list[dict[str, Any]], dice: random.Random) -> tuple[list[dict[str, Any]], dict[str, Any], str]:
    """Boundaries and the first dataset's knobs with one to three faults in them, and what they are."""
    rows, knobs = [dict(one) for one in rows], dict[str, Any]()
    done = [damage(dice, dice.choice(rows), dice.choice(rows), knobs) for _ in range(dice.randint(1, 3))]
    if dice.random() < 0.2 and len(rows) > 1:
        rows.pop(dice.randrange(len(rows)))
        done.append("one less")
    return rows, knobs, ", ".join(done)


@pytest.mark.parametrize("family", FAMILIES)
def test_no_fix_that_is_offered_does_harm(family: str, make: Make) -> None:
    plain = make(ROWS, HEAD + SETS, family)
    assert plain.family is not None
    own = [boundary_row(one) for one in plain.family.boundaries]
    assert own
    made = 0
    for seed in range(SEEDS):
        dice = random.Random(f"{family} {seed}")
        rows, knobs, told = damaged(own, dice)
        flow = dice.random() < 0.3
        listed = yaml.safe_dump(rows, default_flow_style=flow, sort_keys=False, allow_unicode=True, width=4096)
        sets = yaml.safe_dump({"datasets": [{"path": "rows.jsonl", "type": "chat_template", **knobs}]}, sort_keys=False)
        rest = "chat_template: tokenizer_default\nremove_unused_columns: false\nsample_packing: false\n"
        rest = BESIDE[seed % len(BESIDE)] + rest
        bench = make(ROWS, f"{HEAD}{rest}role_boundaries:{' ' if flow else chr(10)}{listed}{sets}", family)
        made += hold(bench, f"{family} {seed} ({told})")
    assert made >= SEEDS // 2


@pytest.mark.parametrize("name", [file.stem for file in RECIPES])
def test_no_fix_of_the_recipes_does_harm(name: str, tmp_path: Path) -> None:
    from tests.checks.test_recipes import opened
    from workbench.models.load import load

    hold(opened(name, tmp_path, load(str(sample_dir() / "demo-model"))), name)


@pytest.mark.parametrize("family", FAMILIES)
def test_what_is_mended_together_does_no_harm_and_ends(family: str, make: Make) -> None:
    plain = make(ROWS, HEAD + SETS, family)
    assert plain.family is not None
    own = [boundary_row(one) for one in plain.family.boundaries]
    for seed in range(SEEDS // 2):
        rows, knobs, told = damaged(own, random.Random(f"{family} together {seed}"))
        knobs.pop("roles_to_train", None)
        text = yaml.safe_dump({"role_boundaries": rows}, sort_keys=False, allow_unicode=True)
        sets = yaml.safe_dump({"datasets": [{"path": "rows.jsonl", "type": "chat_template", **knobs}]}, sort_keys=False)
        bench = make(ROWS, HEAD + "chat_template: tokenizer_default\n" + text + sets, family)
        roles = list(bench.recipe.roles_to_train)
        old, first = counted(bench, roles), checked(bench)
        mended = mend(bench, lambda bench=bench: checked(bench))
        if list(bench.recipe.roles_to_train) != roles:
            continue
        now = counted(bench, roles)
        assert all(b >= a for a, b in zip(old.good, now.good, strict=True)), told
        assert all(b <= a for a, b in zip(old.wrong, now.wrong, strict=True)), told
        assert len(bad(mended.report.findings)) <= len(bad(first.findings)), told
        assert not [one.code for one in mended.report.findings if one.fix is not None and one.severity == "error"], told

"""D codes of the checks: each on a real tokenizer, with a clean twin."""

from __future__ import annotations

from tests.checks.support import HEAD, QWEN, SETS, Make, of, row, said
from tests.tokens.conversations import picture
from workbench.checks.row_checks import check_row
from workbench.checks.run import check_recipe

SHOWN = {"messages": [said("user", {"type": "image", "path": "p.png"}, "What?"), said("assistant", "Blue.")]}


def test_d004_the_models_own_token_and_another_models(make: Make) -> None:
    bench = make([row("See <|image_pad|> here", "ok"), row("<image>\nWhat?", "ok"), row("an image", "ok")])
    own = of(check_row(bench.row(0)), "D004")
    assert [(one.severity, one.where.message) for one in own] == [("error", 0)]
    assert "<|image_pad|>" in own[0].message
    other = of(check_row(bench.row(1)), "D004")
    assert [(one.severity, one.where.row) for one in other] == [("warning", 1)]
    assert check_row(bench.row(2)) == []


def test_d006_and_d007_name_the_limit(make: Make) -> None:
    limited = HEAD + "sequence_len: 20\n" + QWEN + SETS
    bench = make([SHOWN, row("a", "b")], limited)
    picture(64, 48)["image"].resize((224, 224)).save(bench.recipe_dir / "p.png")
    shown = bench.row(0)
    length = len(shown.rendering)
    (long,) = of(check_row(shown), "D006")
    assert f"{length:,} tokens" in long.message
    assert "trained whole" in long.message
    assert (long.where.line, long.where.row, long.where.tokens) == (4, 0, (20, length))
    # What is trained whole is cut nowhere.
    assert not of(check_row(shown), "D007")
    run = shown.rendering.media
    cut = "excess_length_strategy: truncate\n" + limited.replace("skip_prepare_dataset: true\n", "")
    bench = make([SHOWN, row("a", "b")], cut)
    # The limit just before, inside and just behind the picture.
    for limit, count in ((int(run.start[0]), 0), (int(run.start[0]) + 1, 1), (int(run.stop[0]), 0)):
        bench.document.set(("sequence_len",), limit)
        bench.apply()
        found = of(check_row(bench.row(0)), "D007")
        assert len(found) == count
        assert all(one.where.tokens == (run.start[0], run.stop[0]) for one in found)
        (long,) = of(check_row(bench.row(0)), "D006")
        assert "it is cut" in long.message
    bench.document.set(("sequence_len",), length)
    bench.apply()
    assert check_row(bench.row(0)) == [] or all(one.severity == "note" for one in check_row(bench.row(0)))


def test_d009_takes_the_place_of_m013(make: Make) -> None:
    second = "  - path: rows.jsonl\n    type: chat_template\n    roles_to_train: [user]\n"
    bench = make([row("a", "b")], HEAD + QWEN + SETS + second)
    found = check_recipe(bench)
    (one,) = of(found, "D009")
    assert one.where.line == 20
    assert "[user]" in one.message
    assert "[assistant]" in one.message
    assert not of(found, "M013")
    same = make([row("a", "b")], HEAD + QWEN + SETS + second.replace("[user]", "[assistant]"))
    assert not of(check_recipe(same), "D009")

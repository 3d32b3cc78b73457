"""The exported file: what is in it, what is kept, and that it comes back as the same labels."""

from __future__ import annotations

import datetime
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from tests.export.support import record
from tests.test_cli import run
from workbench.bench import Bench, open
from workbench.errors import InputError
from workbench.export.compose import compose
from workbench.export.defaults import full_run, parameters
from workbench.export.prepare import prepare_export
from workbench.export.receipt import Receipt, is_intact, read_receipt, without_receipt
from workbench.recipe.model import Recipe
from workbench.recipe.yaml.document import Document

Make = Callable[..., Bench]
DAY = datetime.date(2026, 1, 2)
ROWS = range(4)


def bare(text: str) -> str:
    """The demo's recipe with only model, adapter, template and data left."""
    keep = yaml.safe_load(text)
    kept = ("base_model", "chat_template", "role_boundaries", "datasets", "adapter", "lora_target_modules")
    data = {key: keep[key] for key in kept} | {"processor_type": "AutoProcessor"}
    for key in ("roles_to_train", "train_on_eos"):
        del data["datasets"][0][key]
    return "# mine\n" + yaml.safe_dump(data, sort_keys=False) + "my_own_key: {kept: true}  # and this\n"


def test_what_is_missing_is_filled_in_and_what_was_there_stays(make: Make) -> None:
    bench = make(bare)
    before = bench.document.text
    made = compose(bench, rows=ROWS)
    data = yaml.safe_load(made.text)
    for key, value in bench.document.data.items():
        if key != "datasets":
            assert data[key] == value
    assert (data["skip_prepare_dataset"], data["remove_unused_columns"], data["sample_packing"]) == (True, False, False)
    assert data["datasets"][0]["roles_to_train"] == ["assistant"]
    assert data["datasets"][0]["train_on_eos"] == "turn"
    assert data["freeze_mm_modules"] is True
    assert data["gradient_checkpointing_kwargs"] == {"use_reentrant": False}
    assert (data["lora_r"], data["lora_alpha"]) == (16, 32)
    assert "attn_implementation" not in data
    assert "# mine" in made.text
    assert "my_own_key: {kept: true}  # and this" in made.text
    assert bench.document.text == before
    for change in made.changes:
        assert change.why


def test_every_default_of_the_full_run_has_its_reason_above_it(make: Make) -> None:
    bench = make(bare)
    made = compose(bench, rows=ROWS)
    lines = made.text.splitlines()
    given = bench.document.data
    for one in full_run(bench.recipe, given, rows=8, size=parameters(bench.loaded.config)):
        at = next(number for number, line in enumerate(lines) if line.startswith(f"{one.key}:"))
        assert lines[at - 1].startswith("# ")


def test_a_second_export_adds_nothing(make: Make, tmp_path: Path) -> None:
    made = prepare_export(make(bare), tmp_path / "full.yaml", today=DAY)
    path = made.write(unvalidated=True)
    again = compose(open(path), rows=ROWS, out=path)
    assert again.text == made.composed.text
    assert again.changes == ()


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_awkward_texts_are_kept(ending: str, make: Make) -> None:
    def awkward(text: str) -> str:
        data = yaml.safe_load(text)
        whole = yaml.safe_dump(data, sort_keys=False) + "note: |+\n  a text\n\n  with an end\n\n\n"
        return whole.replace("\n", ending)

    bench = make(awkward)
    data = yaml.safe_load(compose(bench, rows=ROWS).text)
    assert data["note"] == bench.document.data["note"] == "a text\n\nwith an end\n\n\n"
    flow = make(lambda text: json.dumps(yaml.safe_load(text)))
    data = yaml.safe_load(compose(flow, rows=ROWS).text)
    assert data["saves_per_epoch"] == 1
    assert data["adapter"] == "lora"


def test_values_can_be_set(make: Make, tmp_path: Path) -> None:
    bench = make()
    record(bench)
    asked = {("num_epochs",): 7, ("datasets", 0, "split"): "train", ("learning_rate",): 0.5}
    made = prepare_export(bench, tmp_path / "full.yaml", overrides={("num_epochs",): 7, ("learning_rate",): 0.5})
    assert made.proven_by == "bench"
    data = yaml.safe_load(prepare_export(bench, tmp_path / "full.yaml", overrides=asked).text)
    assert (data["num_epochs"], data["learning_rate"], data["datasets"][0]["split"]) == (7, 0.5, "train")
    stale = prepare_export(bench, tmp_path / "full.yaml", overrides={("lora_r",): 64})
    assert [one.code for one in stale.missing] == ["stale_recipe"]


def test_paths_hold_where_the_file_will_lie(make: Make, tmp_path: Path) -> None:
    bench = make()
    assert (
        yaml.safe_load(compose(bench, rows=ROWS, out=tmp_path / "x.yaml").text)["datasets"][0]["path"] == "shapes.jsonl"
    )
    (tmp_path / "out").mkdir()
    out = tmp_path / "out" / "full.yaml"
    made = prepare_export(bench, out)
    assert yaml.safe_load(made.text)["datasets"][0]["path"] == str(tmp_path / "shapes.jsonl")
    made.write(unvalidated=True)
    again = open(out)
    for index in range(8):
        assert again.row(index).mask.labels.tolist() == bench.row(index).mask.labels.tolist()
    assert any("to be started in" in need for need in made.composed.requirements)


def test_the_receipt_reads_back_and_notices_an_edit() -> None:
    receipt = Receipt(
        False, "2026-01-02", {"name": "a: b"}, {"count": 3}, {"check": "no: error # here"}, ("x",), ("y",)
    )
    body = "# head\nbase_model: x\n"
    text = receipt.write(body)
    told = read_receipt(text)
    assert told is not None
    assert told.to_dict() | {"recipe": ""} == receipt.to_dict() | {"recipe": ""}
    assert without_receipt(text) == body
    assert is_intact(text)
    assert is_intact(text.replace("\n", "\r\n"))
    assert not is_intact(text.replace("base_model: x", "base_model: y"))
    assert Document(text).data == {"base_model": "x"}
    assert read_receipt(body) is None
    assert without_receipt(body) == body
    with pytest.raises(InputError):
        read_receipt(text.replace("# receipt: 1", "# receipt: 9"))


def test_sizes_and_lengths_decide_the_defaults() -> None:
    recipe = Recipe(adapter="lora")

    def values(**options: object) -> dict[str, object]:
        return {one.key: one.value for one in full_run(recipe, {}, **options)}  # type: ignore[arg-type]

    few, many = values(rows=100, size=2e9), values(rows=50_000, size=31e9)
    assert (few["num_epochs"], many["num_epochs"]) == (3, 1)
    assert (few["learning_rate"], many["learning_rate"]) == (0.0002, 0.0001)
    # Rows that are kept for an evaluation are not trained.
    assert "val_set_size" not in few.keys() | many.keys()
    assert [few[key] for key in ("micro_batch_size", "gradient_accumulation_steps")] == [2, 4]
    full = {one.key: one.value for one in full_run(Recipe(), {}, rows=None, size=31e9)}
    assert (full["learning_rate"], full["optimizer"], full["num_epochs"]) == (0.000005, "adamw_8bit", 1)
    dense = {"hidden_size": 4096, "num_hidden_layers": 32, "intermediate_size": 14336, "vocab_size": 128256}
    heads = {"num_attention_heads": 32, "num_key_value_heads": 8}
    assert parameters({"text_config": dense | heads}) == pytest.approx(7.5e9, rel=0.05)
    assert parameters({}) is None


def test_the_command_refuses_writes_and_never_overwrites(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    bench = make()
    refused = run("export", "recipe.yaml", "--out", "full.yaml")
    assert refused.returncode == 1
    assert "no overfit run" in refused.stderr
    assert refused.stdout == ""
    assert not Path("full.yaml").exists()

    record(bench)
    written = run("export", "recipe.yaml", "--out", "full.yaml")
    assert (written.returncode, "wrote full.yaml" in written.stderr) == (0, True)
    first = Path("full.yaml").read_text("utf-8")
    assert is_intact(first)

    there = run("export", "recipe.yaml", "--out", "full.yaml", "--set", "num_epochs=9")
    assert there.returncode == 2
    assert "exists already" in there.stderr
    assert "+num_epochs: 9" in there.stderr
    assert Path("full.yaml").read_text("utf-8") == first

    # What lies there is nobody's word: none of it reaches the terminal as a control code.
    Path("full.yaml").write_text(first + "# \x1b[2J\n", "utf-8")
    hostile = run("export", "recipe.yaml", "--out", "full.yaml")
    assert "-# ␛[2J" in hostile.stderr
    assert "\x1b" not in hostile.stderr

    nowhere = run("export", "recipe.yaml", "--out", "nowhere/full.yaml")
    assert (nowhere.returncode, "no folder nowhere" in nowhere.stderr) == (2, True)

    told = run("export", "recipe.yaml", "--out", "full.yaml", "--force", "--set", "num_epochs=9", "--format", "json")
    payload = json.loads(told.stdout)
    assert (told.returncode, payload["schema"], payload["written"]) == (0, "vlmbench.export/1", "full.yaml")
    assert (payload["validated"], payload["proven_by"], payload["receipt"]["validated"]) == (False, "bench", "bench")
    assert payload["text"] == Path("full.yaml").read_text("utf-8")

    itself = run("export", "recipe.yaml", "--out", "recipe.yaml", "--force")
    assert (itself.returncode, "the recipe itself" in itself.stderr) == (2, True)
    assert run("export", "recipe.yaml", "--set", "novalue").returncode == 2

    same = [run("inspect", name, "--rows", "all", "--format", "json") for name in ("recipe.yaml", "full.yaml")]
    rows = [json.loads(one.stdout)["rows"] for one in same]
    assert [(row["input_ids"], row["labels"]) for row in rows[0]] == [
        (row["input_ids"], row["labels"]) for row in rows[1]
    ]


def test_an_export_goes_to_stdout_and_never_takes_the_place_of_a_fifo(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make()
    monkeypatch.chdir(tmp_path)
    plain = run("export", "recipe.yaml", "--unvalidated", "--rows", "2")
    dashed = run("export", "recipe.yaml", "--unvalidated", "--rows", "2", "--out", "-")
    assert plain.returncode == dashed.returncode == 0
    assert yaml.safe_load(dashed.stdout) == yaml.safe_load(plain.stdout)
    assert not (tmp_path / "-").exists()
    os.mkfifo(tmp_path / "pipe")
    refused = run("export", "recipe.yaml", "--unvalidated", "--force", "--out", "pipe")
    assert refused.returncode == 2
    assert "FIFO" in refused.stderr
    assert "--out -" in refused.stderr
    assert (tmp_path / "pipe").is_fifo()


def test_unvalidated_is_said_in_the_file(make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    make()
    ran = run("export", "recipe.yaml", "--unvalidated")
    assert ran.returncode == 0
    assert ran.stdout.splitlines()[1].startswith("# NOT VALIDATED")
    receipt = read_receipt(ran.stdout)
    assert receipt is not None
    assert not receipt.validated
    assert receipt.missing == ("overfit: no overfit run of this recipe is recorded",)

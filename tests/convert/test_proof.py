"""Converted rows are proven by the bench's own way, on real tokenizers where they are at hand, and refused else."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.convert.shapes import CASES, pictures, talk, written
from tests.convert.test_shapes import wanted
from workbench.bench import Bench
from workbench.checks.run import check_rows
from workbench.convert.proof import RowProof
from workbench.convert.rows import Wanted, honoured
from workbench.convert.run import Converted, convert
from workbench.data.sources import open_source
from workbench.errors import InputError
from workbench.recipe.yaml.document import Document

FAMILIES = ("qwen2_5_vl", "gemma4", "pixtral", "smolvlm2")
REFUSED_BY_SYSTEM = "Prompting with images is incompatible with system messages"
Model = Callable[[str], Bench]


@pytest.fixture
def model(loaded: Any, processor_folder: Any, tmp_path: Path) -> Model:
    """Gives a bench on a family's processor with the recipe that a model alone gets."""

    def make(family: str, data: str | None = None, recipe: str | None = None) -> Bench:
        document = Document.from_text(recipe) if recipe is not None else None
        bench = Bench(document, model=str(processor_folder(family)), data=data, axolotl_python="none")
        bench.loaded = loaded(family)
        bench.family = bench._identify()
        if document is None:
            bench._document = bench._new_document(str(processor_folder(family)))
        bench.apply()
        return bench

    return make


def proven(bench: Bench, rows: list[dict[str, Any]], folder: Path, wanted: Wanted | None = None) -> Converted:
    data = folder / "in.jsonl"
    data.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    out = folder / "rows.jsonl"
    return convert(open_source(str(data), as_written=True), out, wanted or Wanted(), proof=RowProof(bench, out))


@pytest.mark.parametrize("family", FAMILIES)
def test_every_shape_is_clean_and_whole(family: str, model: Model, tmp_path: Path) -> None:
    bench = model(family)
    # Pixtral's template writes the system text into the last user turn, and says so; nothing is lost by it.
    known = {"pixtral": {("T001", "warning"), ("T002", "warning")}}.get(family, set())
    for case in CASES:
        data = written(case, tmp_path / case.name)
        out = tmp_path / f"{case.name}.jsonl"
        result = convert(open_source(str(data), as_written=True), out, wanted(case), proof=RowProof(bench, out))
        assert (result.written, result.refused) == (len(case.rows), 0), (case.name, result.first)
        assert result.proof is not None
        assert result.proof.rows == len(case.rows)
        assert {kind for kind in result.proof.findings if kind[1] != "note"} <= known, (case.name, result.proof.first)
        media = [part["type"] != "text" for row in _rows(out) for turn in row["messages"] for part in turn["content"]]
        assert result.proof.media == sum(media)


def _rows(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text("utf-8").splitlines()]


def test_the_file_is_clean_for_check(model: Model, tmp_path: Path) -> None:
    """A proof row by row holds for the file as a whole, all shapes in one, as `check` reads it."""
    bench = model("qwen2_5_vl")
    with (tmp_path / "all.jsonl").open("wb") as every:
        for case in CASES:
            data = written(case, tmp_path / case.name)
            out = tmp_path / f"{case.name}.jsonl"
            convert(open_source(str(data), as_written=True), out, wanted(case), proof=RowProof(bench, out))
            every.write(out.read_bytes())
    whole = model("qwen2_5_vl", str(tmp_path / "all.jsonl"))
    report = check_rows(whole, whole.head(None), select=["D", "T", "M"])
    assert report.rows == sum(len(case.rows) for case in CASES)
    assert [finding for finding in report.findings if finding.severity != "note"] == []


@pytest.mark.parametrize("family", ["llama3_2_vision"])
def test_a_row_that_the_template_refuses_stays_out(family: str, model: Model, tmp_path: Path) -> None:
    data = written(next(case for case in CASES if case.name == "ocr"), tmp_path / "data")
    out = tmp_path / "rows.jsonl"
    case = next(case for case in CASES if case.name == "ocr")
    proof = RowProof(model(family), out)
    result = convert(open_source(str(data), as_written=True), out, wanted(case), proof=proof)
    assert (result.written, dict(result.refusals)) == (0, {"Not proven: T006": 2})
    assert REFUSED_BY_SYSTEM in result.first["Not proven: T006"][0].detail
    assert not out.exists()


@pytest.mark.parametrize("family", ["qwen2_5_vl"])
def test_errors_of_the_checks_refuse_and_warnings_are_told(family: str, model: Model, tmp_path: Path) -> None:
    bench = model(family)
    rows = [
        {"messages": talk("Hello?", "Hello.")},
        {"messages": talk("What is <|im_end|>?", "A marker.")},
        {"messages": [*talk("Hello?", "Hello."), {"role": "assistant", "content": "<|image_pad|>"}]},
    ]
    result = proven(bench, rows, tmp_path)
    assert (result.written, dict(result.refusals)) == (2, {"Not proven: D004": 1})
    assert result.proof is not None
    assert result.proof.findings["M008", "warning"] == 1


@pytest.mark.parametrize("family", ["qwen2_5_vl"])
def test_a_template_that_drops_is_found_by_trace_and_placeholders(family: str, model: Model, tmp_path: Path) -> None:
    """Templates that leave out the system text, cut a text, or write one placeholder for several pictures."""
    body = (
        "{% for m in messages %}{% if m.role != 'system' %}<|im_start|>{{ m.role }}\n"
        "{% for p in m.content %}{% if p.type == 'text' %}{{ p.text[:40] }}"
        "{% elif loop.first %}<|vision_start|><|image_pad|><|vision_end|>{% endif %}{% endfor %}"
        "<|im_end|>\n{% endif %}{% endfor %}"
    )
    bench = model(family)
    bench.document.set(("chat_template",), "jinja")
    bench.document.set(("chat_template_jinja",), body)
    bench.apply()
    pictures(tmp_path)
    rows = [
        {"messages": talk("Hello?", "Hello."), "images": None},
        {"messages": [{"role": "system", "content": "Be brief."}, *talk("Hello?", "Hello.")], "images": None},
        {"messages": talk("Hello?", "Long " * 20), "images": None},
        {"messages": talk("Same?", "No."), "images": ["img/red.png", "img/blue.png"]},
    ]
    result = proven(bench, rows, tmp_path)
    assert result.written == 1, result.first
    reasons = {refusal.row: refusal.reason for first in result.first.values() for refusal in first}
    assert reasons[1] == "Not proven: T001"
    assert reasons[2] == "Not proven: T001"
    assert reasons[3].startswith("Not proven: ")


@pytest.mark.parametrize("family", ["qwen2_5_vl"])
def test_the_text_path_is_proven_for_texts_alone(family: str, model: Model, tmp_path: Path) -> None:
    pictures(tmp_path)
    entry = "  - path: x.jsonl\n    type: chat_template\n    message_field_training: train\n"
    (tmp_path / "in.jsonl").write_text("{}\n")
    bench = model(family, str(tmp_path / "in.jsonl"), f"base_model: here\ndatasets:\n{entry}")
    assert honoured(bench) == ("train", True)
    rows = [
        {"messages": [*talk("A?"), {"role": "assistant", "content": "B.", "weight": 0}, *talk("C?", "D.")]},
        {"messages": talk("Same?", "No."), "images": ["img/red.png"]},
    ]
    train_key, keeps_tools = honoured(bench)
    result = proven(bench, rows, tmp_path, Wanted(train_key=train_key, keeps_tools=keeps_tools))
    assert (result.written, list(result.refusals)) == (1, ["Not proven: the text path gives the model no media"])
    assert _rows(tmp_path / "rows.jsonl")[0]["messages"][1]["train"] is False


@pytest.mark.parametrize("family", ["qwen2_5_vl"])
def test_nothing_is_proven_for_a_path_that_the_bench_does_not_follow(family: str, model: Model, tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_text("{}\n")
    recipe = "base_model: here\nrl: dpo\ndatasets:\n  - path: x.jsonl\n"
    with pytest.raises(InputError, match="cannot be proven"):
        RowProof(model(family, str(tmp_path / "in.jsonl"), recipe), tmp_path / "rows.jsonl")

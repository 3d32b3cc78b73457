"""`workbench.open` with what Python already has: paths, parts of a model, rows, tables, pictures; and what is none."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

import workbench
from workbench.errors import BenchError, InputError
from workbench.notebook.given import sort_out
from workbench.notebook.model_files import as_folder
from workbench.notebook.row_file import as_source
from workbench.paths import sample_dir

ROWS: list[dict[str, Any]] = [
    json.loads(line) for line in (sample_dir() / "text.jsonl").read_text("utf-8").splitlines()[:3]
]
MODEL = sample_dir() / "demo-model"
PICTURE = sample_dir() / "pictures" / "shapes-00.png"
TABLE = datasets.Dataset.from_list(ROWS)


@pytest.fixture(scope="module")
def parts() -> dict[str, Any]:
    import transformers

    return {
        "processor": transformers.AutoProcessor.from_pretrained(MODEL),
        "tokenizer": transformers.AutoTokenizer.from_pretrained(MODEL),
        "config": transformers.AutoConfig.from_pretrained(MODEL),
    }


@pytest.mark.parametrize(
    "given",
    [
        ROWS,
        tuple(ROWS),
        TABLE,
        datasets.DatasetDict(train=TABLE, test=TABLE.select([0])),
        datasets.DatasetDict(only=TABLE),
        pa.Table.from_pylist(ROWS),
        pd.DataFrame(ROWS),
        pd.DataFrame([ROWS[2], *ROWS])[lambda frame: frame.index > 0],
        sample_dir() / "text.jsonl",
    ],
    ids=["list", "tuple", "Dataset", "DatasetDict", "one split", "pyarrow", "pandas", "chosen", "path"],
)
def test_rows_in_any_form_are_the_same_rows(given: Any) -> None:
    from workbench.data.sources import open_source

    source = open_source(sort_out(given, None, None, None).data or "")
    for index, row in enumerate(ROWS):
        assert source.row(index).data == row


def test_a_state_that_cannot_be_written_is_named(
    parts: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("VLMBENCH_STATE", str(tmp_path / "file"))
    for keep in (lambda: as_source(ROWS), lambda: as_source(TABLE), lambda: as_folder(parts["tokenizer"])):
        with pytest.raises(InputError, match="cannot be kept"):
            keep()


def test_a_split_is_chosen() -> None:
    splits = datasets.DatasetDict(train=TABLE, test=TABLE.select([0]))
    assert as_source(splits, split="test") == as_source(TABLE.select([0]))
    with pytest.raises(InputError, match="no split 'dev'"):
        as_source(splits, split="dev")
    with pytest.raises(InputError, match="Which split"):
        as_source(datasets.DatasetDict(a=TABLE, b=TABLE))
    with pytest.raises(InputError, match="split"):
        as_source(ROWS, split="train")


def test_one_conversation_is_one_row() -> None:
    messages = ROWS[0]["messages"]
    for given in (messages, ROWS[0]):
        file = Path(as_source(given))
        assert [json.loads(line) for line in file.read_text("utf-8").splitlines()] == [ROWS[0]]
    said = [{"from": "human", "value": "Hi"}, {"from": "gpt", "value": "Ho"}]
    assert json.loads(Path(as_source(said)).read_text("utf-8")) == {"conversations": said}


def test_parts_of_a_model_are_kept_as_its_folder(parts: dict[str, Any], tmp_path: Path) -> None:
    home = workbench.open(model=MODEL, data=ROWS)
    wanted = home.rows[1].mask()
    folders = set()
    for given in (parts["processor"], [parts["config"], parts["processor"]], parts["tokenizer"]):
        bench = workbench.open(given, data=ROWS)
        mine = bench.rows[1].mask()
        assert np.array_equal(mine.input_ids, wanted.input_ids)
        assert np.array_equal(mine.labels, wanted.labels)
        assert bench.bench.family is not None
        # What another process opens is the same.
        folder = Path(as_folder(given))
        assert str(folder) in bench.recipe.yaml
        folders.add(folder)
    assert len(folders) >= 2
    assert workbench.open(model=parts["processor"], data=ROWS).bench.loaded.processor is not None
    # A change in memory is seen, and is another folder.
    parts["tokenizer"].chat_template = "{% for m in messages %}{{ m['role'] }}{% endfor %}"
    changed = Path(as_folder(parts["tokenizer"]))
    assert changed not in folders
    assert "m['role']" in (changed / "chat_template.jinja").read_text("utf-8")
    for wrong in (parts["config"], [parts["tokenizer"]] * 2, [], 3, [parts["tokenizer"], "x"]):
        with pytest.raises(InputError):
            as_folder(wrong)


def test_a_recipe_as_a_dict_is_the_recipe_in_its_file() -> None:
    import yaml

    values = yaml.safe_load((sample_dir() / "demo.yaml").read_text("utf-8"))
    values |= {"base_model": str(MODEL)}
    values["datasets"][0]["path"] = str(sample_dir() / "shapes.jsonl")
    bench = workbench.open(values)
    assert bench.recipe.to_dict() == values
    file = workbench.open(Path(sample_dir() / "demo.yaml"), data=sample_dir() / "shapes.jsonl")
    assert np.array_equal(bench.rows[2].mask().labels, file.rows[2].mask().labels)
    with pytest.raises(BenchError):
        bench.save()


def test_pictures_in_rows_are_what_the_processor_gets(tmp_path: Path) -> None:
    def row(*pictures: Any) -> dict[str, Any]:
        content = [{"type": "image", "image": one} for one in pictures] + [{"type": "text", "text": "What?"}]
        answer = [{"type": "text", "text": "A shape."}]
        return {"messages": [{"role": "user", "content": content}, {"role": "assistant", "content": answer}]}

    red = Image.new("RGB", (50, 40), "red")
    pictures = [Image.open(PICTURE), red, red.convert("CMYK"), red.convert("P"), red.convert("RGBA"), red.convert("L")]
    bench = workbench.open(data=[row(*pictures), row(str(PICTURE))])
    first = bench.rows[0]
    assert first.findings == []
    assert [one.size for one in first.images] == [one.size for one in pictures]
    assert np.array_equal(np.asarray(first.images[0]), np.asarray(pictures[0].convert("RGB")))
    assert np.array_equal(np.asarray(first.images[1]), np.asarray(red))
    assert len(first.row.rendering.media) == len(pictures)
    # One content, one file; and a row that names the file renders alike.
    kept = Path(bench.bench.rows.name)
    assert np.array_equal(np.asarray(bench.rows[1].images[0]), np.asarray(pictures[0].convert("RGB")))
    assert as_source([row(*pictures), row(str(PICTURE))]) == str(kept)
    shown = bench.render(row(red))
    assert [one.size for one in shown.images] == [(50, 40)]
    assert np.array_equal(np.asarray(shown.images[0]), np.asarray(red))
    assert bench.render(row(tmp_path / "no.png")).row.error is not None
    # A photograph that lies on its side stays one that is shown upright.
    side = Image.new("RGB", (30, 20))
    exif = side.getexif()
    exif[0x0112] = 6
    side.info["exif"] = exif.tobytes()
    file = tmp_path / "side.jpg"
    side.save(file, exif=exif)
    columns = {"images": [Image.open(file)], "messages": row()["messages"]}
    assert workbench.open(data=[columns]).rows[0].images[0].size == (20, 30)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (((3,), {}), "the first argument of open cannot be 3"),
        (((object(),), {}), "cannot be <object"),
        (((b"demo.yaml",), {}), ""),
        (((), {"model": 3}), "model cannot be 3"),
        (((), {"data": 3}), "data cannot be 3"),
        (((), {"data": b"rows"}), "data cannot be"),
        (((), {"data": [3]}), "This is no row"),
        (((), {"data": {"messages": [object()]}}), "no form as JSON"),
        (((), {"data": [{"messages": [{"role": "user", "content": [np.zeros((2, 2))]}]}]}), "no form as JSON"),
        (((), {"rows": -1}), "rows cannot be -1"),
        (((), {"rows": "all"}), "rows cannot be 'all'"),
        (((), {"rows": True}), "rows cannot be True"),
        (((), {"dataset": 1.5}), "dataset cannot be 1.5"),
        (((), {"family": 3}), "family cannot be 3"),
        (((), {"family": "nobody"}), "There is no family"),
        (((), {"axolotl_python": 3}), "axolotl_python cannot be 3"),
        (((), {"axolotl_version": "9.9"}), ""),
        (((), {"split": "train"}), "split cannot be"),
        (((), {"split": 3}), "split cannot be 3"),
        (((MODEL,), {"model": MODEL}), "The model is given twice"),
        ((([],), {"data": ROWS}), "The data is given twice"),
        ((({3: 4},), {}), "A key of the recipe"),
        ((({"base_model": object()},), {}), ""),
        ((({},), {}), "names no model"),
        ((("org/name",), {}), "There is no recipe org/name"),
        ((("nowhere.yaml",), {}), "cannot be opened"),
        ((("",), {}), ""),
        (((Path("/"),), {}), "cannot be opened"),
    ],
)
def test_every_wrong_argument_of_open_is_named(arguments: Any, words: str) -> None:
    positional, named = arguments
    with pytest.raises(BenchError) as raised:
        workbench.open(*positional, **named)
    assert words in str(raised.value)
    assert raised.value.hint


def test_a_dataset_that_only_streams_is_read_to_its_end(capfd: pytest.CaptureFixture[str]) -> None:
    stream = TABLE.to_iterable_dataset()
    assert pq.read_table(as_source(stream)).to_pylist() == ROWS
    # The library's bars stay off the screen, and are as they were afterwards.
    assert capfd.readouterr().err == ""
    assert not datasets.utils.are_progress_bars_disabled()

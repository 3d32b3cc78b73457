from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import datasets
import pytest

from tests.support.hub_server import silent_server, use
from workbench import hub_timeout
from workbench.data import hub
from workbench.data.sources import open_source
from workbench.errors import EnvironmentProblem, InputError


def lines(path: Path, first: int, last: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps({"i": i}) + "\n" for i in range(first, last)))
    return path


def numbers(path: str | Path, **options: Any) -> list[int]:
    return [row.data["i"] for row in open_source(str(path), **options) if row.data is not None]


def test_file_beside_the_recipe_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines(tmp_path / "r" / "d.jsonl", 0, 2)
    monkeypatch.chdir(tmp_path)
    source = open_source("d.jsonl", base_dir=tmp_path / "r")
    assert [row.data for row in source] == [{"i": 0}, {"i": 1}]
    assert source.base_dir == tmp_path / "r"


def test_missing_file_is_named_with_the_places_looked_at(tmp_path: Path) -> None:
    for path in ("none.jsonl", "./none", "/no/such/place", str(tmp_path / "x.parquet")):
        with pytest.raises(InputError, match="No such data file") as caught:
            open_source(path, base_dir=tmp_path)
        assert path in str(caught.value)


@pytest.mark.parametrize(
    "split",
    ["train", "train[:3]", "train[2:5]", "train[-2:]", "train[:25%]", "train[50%:]", "train[-25%:]"],
)
def test_split_slices_count_as_datasets_counts(split: str, tmp_path: Path) -> None:
    path = lines(tmp_path / "d.jsonl", 0, 7)
    loaded = datasets.load_dataset("json", data_files=str(path), split=split, cache_dir=str(tmp_path / "c"))
    assert numbers(path, split=split) == loaded["i"][:]
    assert len(open_source(str(path), split=split)) == len(loaded)


def test_other_splits_of_a_file_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="No such split"):
        open_source(str(lines(tmp_path / "d.jsonl", 0, 1)), split="test")


def test_slice_renumbers_rows_and_their_errors(tmp_path: Path) -> None:
    (tmp_path / "d.jsonl").write_text('{"i": 0}\n{bad\n{"i": 2}\n')
    source = open_source(str(tmp_path / "d.jsonl"), split="train[1:]", limit=1)
    (row,) = source
    assert row.error is not None
    assert (row.index, row.error.where.row, row.line, len(source)) == (0, 0, 2, 1)


def test_limit_does_not_index_the_whole_file(tmp_path: Path) -> None:
    path = lines(tmp_path / "d.jsonl", 0, 10)
    source = open_source(str(path), limit=4)
    assert (numbers(path, limit=4), len(source)) == ([0, 1, 2, 3], 4)
    with pytest.raises(IndexError):
        source.row(4)
    assert len(open_source(str(path), limit=40)) == 10


def test_folder_joins_files_and_each_row_knows_its_folder(tmp_path: Path) -> None:
    lines(tmp_path / "a" / "x.jsonl", 0, 3)
    lines(tmp_path / "b" / "y.jsonl", 3, 5)
    (tmp_path / "notes.md").write_text("no rows")
    source = open_source(str(tmp_path))
    assert numbers(tmp_path) == [0, 1, 2, 3, 4]
    row = source.row(4)
    assert (row.index, row.base_dir, row.line) == (4, tmp_path / "b", 2)
    assert row.source == str(tmp_path / "b" / "y.jsonl")
    assert source.row(0).index == 0
    assert len(source) == 5
    with pytest.raises(IndexError):
        source.row(5)


def test_folder_splits_by_file_name_as_datasets(tmp_path: Path) -> None:
    lines(tmp_path / "train-0.jsonl", 0, 2)
    lines(tmp_path / "train-1.jsonl", 2, 4)
    lines(tmp_path / "test.jsonl", 4, 6)
    loaded = datasets.load_dataset(str(tmp_path), streaming=True)
    for split in loaded:
        assert numbers(tmp_path, split=split) == [row["i"] for row in loaded[split]]
    assert numbers(tmp_path) == [0, 1, 2, 3]
    assert numbers(tmp_path, split="train[1:3]") == [1, 2]
    with pytest.raises(InputError, match="No such split"):
        open_source(str(tmp_path), split="validation")


def test_folder_without_split_names_is_all_train(tmp_path: Path) -> None:
    lines(tmp_path / "x.jsonl", 0, 2)
    with pytest.raises(InputError, match="No such split"):
        open_source(str(tmp_path), split="test")
    (tmp_path / "e").mkdir()
    with pytest.raises(InputError, match="empty"):
        open_source(str(tmp_path / "e"))


def test_glob_is_read_and_noted(tmp_path: Path) -> None:
    lines(tmp_path / "a.jsonl", 0, 2)
    lines(tmp_path / "b.jsonl", 2, 3)
    source = open_source(str(tmp_path / "*.jsonl"))
    assert [row.data for row in source] == [{"i": 0}, {"i": 1}, {"i": 2}]
    assert [(f.code, f.severity) for f in source.findings] == [("D008", "note")]
    with pytest.raises(InputError, match="No such data file"):
        open_source(str(tmp_path / "*.parquet"))


def test_data_files_of_a_folder_and_of_a_type(tmp_path: Path) -> None:
    lines(tmp_path / "d" / "x.jsonl", 0, 2)
    lines(tmp_path / "d" / "y.jsonl", 2, 3)
    assert numbers(tmp_path / "d", data_files="y.jsonl") == [2]
    assert numbers("json", data_files=[str(tmp_path / "d" / "y.jsonl"), str(tmp_path / "d" / "x.jsonl")]) == [2, 0, 1]
    with pytest.raises(InputError):
        open_source(str(tmp_path / "d"), data_files="z.jsonl")


def test_ds_type_wins_over_the_extension(tmp_path: Path) -> None:
    assert numbers(lines(tmp_path / "d.parquet.bak", 0, 2), ds_type="json") == [0, 1]


def test_other_file_types_go_through_datasets(tmp_path: Path) -> None:
    (tmp_path / "d.csv").write_text("i,t\n1,a\n2,b\n")
    source = open_source(str(tmp_path / "d.csv"))
    assert [row.data for row in source] == [{"i": 1, "t": "a"}, {"i": 2, "t": "b"}]
    assert source.base_dir == tmp_path


def test_findings_of_a_joined_file_reach_the_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workbench.data.jsonl.COLUMNS_FROM_BYTES", 3)
    (tmp_path / "a.jsonl").write_text('{"i": 1}\n{"j": 2}\n')
    lines(tmp_path / "b.jsonl", 0, 1)
    source = open_source(str(tmp_path))
    list(source)
    assert [f.code for f in source.findings] == ["D008"]


class TestHub:
    def open(self, monkeypatch: pytest.MonkeyPatch, outcome: Any, path: str = "owner/name", **options: Any) -> Any:
        self.asked: list[dict[str, Any]] = []

        def load_dataset(path: str, **given: Any) -> Any:
            self.asked.append({"path": path, **given})
            if isinstance(outcome, Exception):
                raise outcome
            return outcome

        monkeypatch.setattr(datasets, "load_dataset", load_dataset)
        return open_source(path, **options)

    def test_train_is_the_default_split_and_only_asked_rows_are_read(self, monkeypatch: pytest.MonkeyPatch) -> None:
        read = []

        def rows() -> Any:
            for i in range(100):
                read.append(i)
                yield {"i": i}

        splits = datasets.IterableDatasetDict({"train": datasets.IterableDataset.from_generator(rows)})
        source = self.open(monkeypatch, splits, revision="abc", name="cfg")
        assert self.asked[0]["path"] == "owner/name"
        assert (self.asked[0]["streaming"], self.asked[0]["revision"], self.asked[0]["name"]) == (True, "abc", "cfg")
        assert source.row(2).data == {"i": 2}
        assert len(read) <= 4
        assert source.base_dir is None

    def test_missing_split_names_those_there(self, monkeypatch: pytest.MonkeyPatch) -> None:
        splits = datasets.DatasetDict({"test": datasets.Dataset.from_dict({"i": [1]})})
        with pytest.raises(InputError, match="No split `train`") as caught:
            self.open(monkeypatch, splits)
        assert "test" in caught.value.cause

    @pytest.mark.parametrize(
        ("error", "kind", "title"),
        [
            (
                datasets.exceptions.DatasetNotFoundError("Dataset 'x' doesn't exist"),
                EnvironmentProblem,
                "No such dataset",
            ),
            (datasets.exceptions.DatasetNotFoundError("Dataset 'x' is a gated dataset"), EnvironmentProblem, "gated"),
            (ConnectionError("no route"), EnvironmentProblem, "cannot be reached"),
            (RuntimeError("Dataset scripts are no longer supported, but found x.py"), InputError, "is a program"),
            (ValueError("BuilderConfig 'x' not found"), InputError, "as asked"),
            (MemoryError(), EnvironmentProblem, "cannot be loaded"),
        ],
    )
    def test_troubles_are_told_apart(
        self, error: Exception, kind: type[Exception], title: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with pytest.raises(kind, match=title) as caught:
            self.open(monkeypatch, error)
        assert caught.value.where.file == "owner/name"

    def test_hub_names(self) -> None:
        assert hub.is_hub_id("owner/name.v1")
        assert hub.is_hub_id("squad")
        for path in ("a/b/c", "./a", "../a", "a b", "", "/a", "a//b"):
            assert not hub.is_hub_id(path)


def test_a_dataset_of_a_hub_that_never_answers_ends_as_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub_timeout, "LIMIT", 0.3)
    with silent_server() as endpoint:
        use(monkeypatch, endpoint, tmp_path)
        monkeypatch.setattr(datasets.config, "HF_ENDPOINT", endpoint)
        with pytest.raises(EnvironmentProblem) as caught:
            open_source("org/rows")
    assert caught.value.exit_code == 3
    assert "cannot be reached" in caught.value.title


def test_an_endpoint_that_is_no_address_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, "huggingface", tmp_path)
    with pytest.raises(EnvironmentProblem, match="HF_ENDPOINT is no address"):
        open_source("org/rows")

"""Other trainers' own files: their rows and settings, the mask that is asked, its findings, and the commands."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.lanes.test_lane import lane
from workbench.cli import main
from workbench.consumers.trainers.client import RowsAnswer, RowsQuestion
from workbench.errors import EnvironmentProblem, InputError, Where
from workbench.lanes.alignment import alike, columns
from workbench.lanes.asking import Named
from workbench.lanes.lane_findings import lane_findings
from workbench.lanes.own_compare import spoken
from workbench.lanes.own_file import rows_of, settings_of
from workbench.lanes.own_mask import own_python, question_of
from workbench.recipe.trainer_file import TrainerFile, read_trainer_file


def message(role: str, text: str) -> dict[str, Any]:
    return {"role": role, "content": [{"type": "text", "text": text}]}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A LLaMA-Factory, a TRL and an ms-swift file with two rows, in the form of each."""
    data = tmp_path / "data"
    (data / "pictures").mkdir(parents=True)
    Image.new("RGB", (8, 8)).save(data / "pictures" / "a.png")
    turns = [{"from": "human", "value": "<image>Hi"}, {"from": "gpt", "value": "Yes"}]
    rows = [{"conversations": turns, "images": ["pictures/a.png"]}, {"conversations": [], "images": []}]
    (data / "rows.json").write_text(json.dumps(rows), "utf-8")
    info = {"mine": {"file_name": "rows.json", "formatting": "sharegpt", "columns": {"images": "images"}}}
    (data / "dataset_info.json").write_text(json.dumps(info), "utf-8")
    parts = [{"type": "image"}, {"type": "text", "text": "Hi"}]
    row = {"messages": [{"role": "user", "content": parts}, message("assistant", "Yes")], "images": ["pictures/a.png"]}
    (data / "trl.jsonl").write_text(json.dumps(row) + "\n", "utf-8")
    head = "model_name_or_path: some/model\n"
    (tmp_path / "lf.yaml").write_text(
        f"{head}stage: sft\ndataset: mine\ndataset_dir: data\ntemplate: qwen2_vl\ntrust_remote_code: true\n"
        "packing: true\n",
        "utf-8",
    )
    (tmp_path / "trl.yaml").write_text(f"{head}dataset_name: data/trl.jsonl\nmax_length: 64\n", "utf-8")
    swift = {"model": "some/model", "dataset": ["data/trl.jsonl#5"], "loss_scale": "last_round", "max_length": 9}
    (tmp_path / "swift.json").write_text(json.dumps(swift), "utf-8")
    return tmp_path


def file_of(path: Path) -> TrainerFile:
    found = read_trainer_file(path)
    assert found is not None
    return found


def test_rows_go_to_the_trainer_as_they_stand(home: Path, tmp_path: Path) -> None:
    file = file_of(home / "lf.yaml")
    rows = rows_of(file, 5, tmp_path / "data")
    assert rows.entry["formatting"] == "sharegpt"
    first, second = rows.rows
    picture = str(home / "data" / "pictures" / "a.png")
    assert first.raw["images"] == [picture]
    assert first.raw["conversations"][0]["value"] == "<image>Hi"
    assert first.messages[0]["content"] == [{"type": "image", "path": picture}, {"type": "text", "text": "Hi"}]
    # A row that is no conversation is asked about all the same.
    assert (second.messages, second.raw["conversations"]) == ([], [])
    assert second.unread
    question, lost = question_of(file, rows, model=None, offline=True, trust=False)
    sent = json.loads(question.config)
    assert "trust_remote_code" not in sent
    assert "packing" not in sent
    assert sent["media_dir"] == str(home / "data")
    assert [line.partition(":")[0] for line in lost] == ["trust_remote_code", "packing"]
    assert question.to_dict("llamafactory")["content"][0]["raw"] == first.raw
    assert settings_of(file, trust=True).values["trust_remote_code"] is True


def test_data_sets_are_found_or_named(home: Path, tmp_path: Path) -> None:
    for name in ("trl.yaml", "swift.json"):
        assert [row.index for row in rows_of(file_of(home / name), [0], tmp_path / "data").rows] == [0]
        with pytest.raises(InputError, match="There is no dataset 3"):
            rows_of(file_of(home / name), 1, tmp_path, dataset=3)
        with pytest.raises(InputError, match="There is no row 7"):
            rows_of(file_of(home / name), [7], tmp_path)
    (home / "data" / "dataset_info.json").write_text("{}", "utf-8")
    with pytest.raises(InputError, match="no data set 'mine'"):
        rows_of(file_of(home / "lf.yaml"), 1, tmp_path)
    (home / "data" / "dataset_info.json").write_text("[", "utf-8")
    with pytest.raises(InputError, match="is not JSON"):
        rows_of(file_of(home / "lf.yaml"), 1, tmp_path)


def test_what_others_can_be_told(home: Path) -> None:
    assert spoken(file_of(home / "trl.yaml")).train_all
    assert spoken(file_of(home / "trl.yaml")).sequence_len == 64
    said = spoken(file_of(home / "swift.json"))
    assert (said.train_all, said.sequence_len, said.lost) == (False, 9, ("loss_scale: last_round",))
    assert spoken(file_of(home / "lf.yaml")).lost == ("template: qwen2_vl",)


def test_the_python_is_named_or_missing(home: Path) -> None:
    python = home / "python"
    python.touch(mode=0o755)
    assert own_python(file_of(home / "trl.yaml"), [f"trl={python}"]) == str(python)
    with pytest.raises(EnvironmentProblem, match="no Python with llamafactory") as raised:
        own_python(file_of(home / "lf.yaml"), [f"trl={python}"])
    assert "package llamafactory" in raised.value.hint
    (home / ".vlmbench.toml").write_text('[trainers]\nms-swift = "python"\n', "utf-8")
    assert own_python(file_of(home / "swift.json"), []) == str(python)


ROW = [message("user", "Hi"), message("assistant", "Yes")]


@pytest.mark.parametrize(
    ("made", "codes"),
    [
        (lane(("U:Hi;A:", False), ("Yes¤", True)), set()),
        (lane(("U:Hi;A:Yes¤", False)), {"X001"}),
        (lane(("U:Hi;A:Yes¤", True)), {"X002"}),
        (lane(("U:Hi;A:Y", False), ("es¤", True)), {"X003"}),
        (lane(("U:Hi;A:", False), ("Yes", True), ("¤", False)), {"X005"}),
        (lane(("U:Hi;A:", False), ("Yes", True)), {"X005"}),
        (lane(("U:", False), ("¤¤", True), ("Hi;A:", False), ("Yes¤", True)), {"X004"}),
        (lane(("U:Hi;A:", False), ("No¤", True)), {"X003"}),
    ],
)
def test_findings_of_a_lane(made: Any, codes: set[str]) -> None:
    found = lane_findings(made, ROW, "trl 1", Where(row=0))
    assert {one.code for one in found} == codes
    assert all(one.hint for one in found)


def test_columns_hold_what_is_the_same_under_each_other() -> None:
    first, second = lane(("ab cd", False)), lane(("ab ", False), ("xx cd", True))
    made = columns([first, second])
    assert "".join(one[0].char for one in made) == first.text
    assert "".join(one[1].char for one in made) == second.text
    assert alike(made[0])
    assert [one[0].char for one in made if one[1].char == "x"] == ["", ""]
    assert columns([]) == []


def run(capsys: pytest.CaptureFixture[str], *words: str | Path) -> tuple[int, str]:
    """Exit code and stdout of the command."""
    with pytest.raises(SystemExit) as ended:
        main(list(map(str, words)))
    return int(ended.value.code or 0), capsys.readouterr().out


def answering(name: str, python: str, question: RowsQuestion, label: str = "") -> RowsAnswer:
    """A trainer that trains the answer of row 0, and leaves the others out."""
    text = "Hi\x1b[2J Yes<e>"
    ids = [*map(ord, "Hi\x1b[2J "), *map(ord, "Yes"), 5000]
    pieces = {**{ord(char): char for char in text}, 5000: "<e>"}
    labels = [*[-100] * 7, *ids[7:]]
    rows = {0: (ids, labels)} if 0 in question.content else {}
    dropped = dict.fromkeys([one for one in question.content if one], "too long")
    return RowsAnswer(
        label or name, name, {name: "9.9"}, rows=rows, dropped=dropped, pieces=pieces, added=frozenset([5000])
    )


def test_inspect_prints_the_mask_of_a_trainers_file(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("workbench.lanes.own_mask.ask_trainer", answering)
    python = home / "python"
    python.touch(mode=0o755)
    words = ("inspect", home / "lf.yaml", "--python", f"llamafactory={python}", "--rows", "2")
    code, text = run(capsys, *words)
    assert code == 1
    assert "mask asked of llamafactory 9.9" in text
    assert "⟦Yes<e>⟧" in text
    assert "\x1b" not in text
    assert "X006" in text
    assert "not told: packing" in text
    assert "not written yet" in text
    payload = json.loads(run(capsys, *words, "--format", "json")[1])
    assert payload["schema"] == "vlmbench.trainer-file/1"
    assert payload["rows"][0]["text"][1] == ["Yes<e>", True]
    assert payload["rows"][1]["reason"] == "left out: too long"
    assert "<mark>Yes&lt;e&gt;</mark>" in run(capsys, *words, "--format", "html")[1]


def test_a_refusal_is_shown_with_its_stage(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    refused = {"stage": "interface", "type": "InterfaceChanged", "message": "trl has no SFTConfig"}

    def refusing(name: str, python: str, question: RowsQuestion, label: str = "") -> RowsAnswer:
        return RowsAnswer(name, name, {name: "9.9"}, refused)

    monkeypatch.setattr("workbench.lanes.own_mask.ask_trainer", refusing)
    monkeypatch.setattr("workbench.lanes.own_mask.own_python", lambda file, given: "python")
    code, text = run(capsys, "inspect", home / "trl.yaml")
    assert code == 1
    assert "trl 9.9 stops at interface: InterfaceChanged: trl has no SFTConfig" in " ".join(text.split())
    assert "row 0" not in text


def test_trainers_compares_a_trainers_own_file(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = []

    def ask(name: str, python: str, question: RowsQuestion, label: str = "") -> RowsAnswer:
        asked.append(question)
        return answering(name, python, question, label)

    monkeypatch.setattr("workbench.lanes.own_compare.ask_trainer", ask)
    python = home / "python"
    python.touch(mode=0o755)
    code, text = run(capsys, "trainers", home / "lf.yaml", "--python", f"llamafactory={python}", "--rows", "2")
    assert code == 0, text
    assert "llamafactory 9.9" in text
    assert "llamafactory cannot be told: trust_remote_code" in text
    assert "One trainer was asked" in text
    assert "alike" not in text
    assert "row 1 was not asked" in text
    assert [*asked[0].raw] == [0]
    assert json.loads(asked[0].config)["template"] == "qwen2_vl"


def test_what_another_cannot_be_told_is_of_the_file(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The recipe that is made for the others has boundaries and a template; the file has not."""
    made = ("role_boundaries: it finds turns in its own way", "chat_template: x; it has its own", "image_size")

    def other(bench: object, one: Named, content: dict[int, object]) -> tuple[RowsAnswer, tuple[str, ...]]:
        return answering(one.trainer, one.python, RowsQuestion("m", content), one.label), made

    monkeypatch.setattr("workbench.lanes.own_compare.ask_trainer", answering)
    monkeypatch.setattr("workbench.lanes.own_compare._bench", lambda *_: None)
    monkeypatch.setattr("workbench.lanes.own_compare.ask_one", other)
    python = home / "python"
    python.touch(mode=0o755)
    words = ("--python", f"llamafactory={python}", "--python", f"trl={python}", "--rows", "2")
    code, text = run(capsys, "trainers", home / "lf.yaml", *words)
    assert code == 0, text
    assert "trl cannot be told: template: qwen2_vl; image_size\n" in text
    assert "1 of 1 rows are alike" in text

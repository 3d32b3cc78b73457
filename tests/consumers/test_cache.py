"""A question asked before is answered without a process, and never where anything has changed since."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.consumers.fake import FakeAxolotl
from workbench.consumers import content
from workbench.consumers.axolotl.client import AxolotlConsumer
from workbench.consumers.cache import AnswerCache
from workbench.consumers.content import question_key, row_digest
from workbench.consumers.protocol import Question
from workbench.installed import installed

Ask = Callable[..., AxolotlConsumer]


@pytest.fixture
def fake(tmp_path: Path) -> FakeAxolotl:
    return FakeAxolotl(tmp_path / "environment")


@pytest.fixture
def anew(fake: FakeAxolotl) -> Iterator[Ask]:
    """Gives the consumer as another start of the bench would have it."""
    made: list[AxolotlConsumer] = []

    def new(cache: AnswerCache | None = None) -> AxolotlConsumer:
        made.append(AxolotlConsumer(fake.python, cache=cache, seconds=30))
        return made[-1]

    yield new
    for one in made:
        one.close()


def about(folder: Path, *rows: int, recipe: str = "a: 1") -> Question:
    return Question(recipe, folder, rows, digests={row: f"digest of {row}" for row in rows})


def test_the_second_time_no_process_is_started(fake: FakeAxolotl, anew: Ask, tmp_path: Path) -> None:
    question = about(tmp_path, 0, 1)
    assert anew().known(question) is None
    first = anew().ask_one(question)
    again = anew()
    second = again.ask_one(question)
    assert (fake.starts, again.starts) == (1, 0)
    assert str(second) == str(first)
    assert str(anew().known(question)) == str(first)
    # Nor for some of the rows.
    assert list(again.ask_one(about(tmp_path, 1)).rows) == [1]
    assert fake.starts == 1


def test_rows_that_are_missing_are_asked_alone(fake: FakeAxolotl, anew: Ask, tmp_path: Path) -> None:
    anew().ask_one(about(tmp_path, 0, 1))
    answer = anew().ask_one(about(tmp_path, 0, 1, 2, 3))
    assert sorted(answer.rows) == [0, 1, 2, 3]
    changed = Question("a: 1", tmp_path, (0, 1), digests={0: "digest of 0", 1: "another"})
    assert sorted(anew().ask_one(changed).rows) == [0, 1]
    assert [question["rows"] for question in fake.questions] == [[0, 1], [2, 3], [1]]
    assert anew().known(about(tmp_path, 0, 2, 3)) is not None


def test_rows_that_nobody_knows_the_content_of_are_not_kept(fake: FakeAxolotl, anew: Ask, tmp_path: Path) -> None:
    for _ in range(2):
        anew().ask_one(Question("a: 1", tmp_path, (0,)))
    assert fake.starts == 2


def test_a_refusal_is_kept_and_what_can_pass_is_not(fake: FakeAxolotl, anew: Ask, tmp_path: Path) -> None:
    refused = {"stage": "validate", "type": "ValueError", "message": "no"}
    fake.tell(answer={"refused": refused, "rows": []})
    for _ in range(2):
        assert anew().ask_one(about(tmp_path, 0, 1)).refused == refused
    assert fake.starts == 1
    fake.tell(answer={"refused": refused | {"type": "ConnectionError"}, "rows": [], "passing": True})
    for _ in range(2):
        anew().ask_one(about(tmp_path, 0, recipe="b: 1"))
    assert fake.starts == 3
    for _ in range(2):
        assert anew().ask_one(about(tmp_path, 0, recipe="please exit: 1")).died
    assert fake.starts == 5


@pytest.mark.parametrize(
    "harm",
    [
        lambda text: text[: len(text) // 2],
        lambda text: text.replace('"input_ids":[0', '"input_ids":[9'),
        lambda text: "",
        lambda text: "{}\n{}",
    ],
)
def test_a_harmed_entry_is_asked_again(
    harm: Callable[[str], str], fake: FakeAxolotl, anew: Ask, tmp_path: Path
) -> None:
    first = anew().ask_one(about(tmp_path, 0))
    (entry,) = (Path(os.environ["VLMBENCH_CACHE"]) / "asked").glob("*.json")
    entry.write_text(harm(entry.read_text("utf-8")), "utf-8")
    assert str(anew().ask_one(about(tmp_path, 0))) == str(first)
    assert fake.starts == 2
    anew().ask_one(about(tmp_path, 0))
    assert fake.starts == 2


def test_the_oldest_entries_go_first(fake: FakeAxolotl, anew: Ask, tmp_path: Path) -> None:
    folder = tmp_path / "kept"
    anew(AnswerCache(folder)).ask_one(about(tmp_path, 0, recipe="a: 1"))
    (first,) = folder.glob("*.json")
    size = first.stat().st_size
    os.utime(first, (1, 1))
    small = AnswerCache(folder, most_bytes=3 * size)
    for number in (2, 3):
        anew(small).ask_one(about(tmp_path, 0, recipe=f"a: {number}"))
    # Used again, it is not the oldest any more.
    assert anew(small).known(about(tmp_path, 0, recipe="a: 1")) is not None
    for number, file in enumerate(set(folder.glob("*.json")) - {first}):
        os.utime(file, (2 + number, 2 + number))
    anew(small).ask_one(about(tmp_path, 0, recipe="a: 4"))
    left = [anew(small).known(about(tmp_path, 0, recipe=f"a: {number}")) is not None for number in (1, 2, 3, 4)]
    assert (left[0], left[3], sum(left)) == (True, True, 3)
    assert sum(file.stat().st_size for file in folder.iterdir()) <= 3 * size


def test_a_full_disk_is_no_error(fake: FakeAxolotl, anew: Ask, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", "utf-8")
    assert anew(AnswerCache(tmp_path / "file" / "kept")).ask_one(about(tmp_path, 0)).rows


# What a key is of


RECIPE = """
base_model: model
chat_template_jinja: mine.jinja
deepspeed: zero.json
plugins: [mine.Plugin]
output_dir: out
datasets:
  - path: rows
    data_files: ["rows/*.csv"]
"""
ROW = {"messages": [{"role": "user", "content": "What is it?"}], "images": ["pictures/a.png"]}
INPUTS = (
    *("model/config.json", "model/tokenizer.json", "model/tokenizer.model", "model/preprocessor_config.json"),
    *("model/chat_template.jinja", "model/templates/tool.jinja", "model/processor_config.json", "model/vocab.txt"),
    *("mine.jinja", "zero.json", "mine.py", "helper.py", "mine_package/__init__.py", "mine_package/deep/more.py"),
    *("rows/a.jsonl", "rows/deep/b.parquet", "rows/c.csv", "pictures/a.png"),
)
OTHERS = ("model/model.safetensors", "out/checkpoint/config.json", "unnamed.json", "rows/readme.md")


def everything(folder: Path, recipe: str = RECIPE, row: object = ROW) -> str:
    question = Question(recipe, folder, (0,), beside=folder, model_folders=(folder / "model",))
    key = question_key(question, environment="an environment", script=b"a script")
    return f"{key} {row_digest(row, (folder,))}"  # type: ignore[arg-type]


@pytest.fixture
def inputs(tmp_path: Path) -> Path:
    for name in (*INPUTS, *OTHERS):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(f"the content of {name}".encode())
    return tmp_path


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(INPUTS), st.integers(0, 10_000), st.integers(1, 255), st.booleans())
def test_no_byte_of_any_input_can_change_unnoticed(
    inputs: Path, name: str, place: int, by: int, same_time: bool
) -> None:
    before = everything(inputs)
    file = inputs / name
    old, state = file.read_bytes(), file.stat()
    changed = bytearray(old)
    changed[place % len(old)] ^= by
    file.write_bytes(bytes(changed))
    if same_time:
        os.utime(file, ns=(state.st_atime_ns, state.st_mtime_ns))
    assert everything(inputs) != before
    file.write_bytes(old)
    assert everything(inputs) == before


def test_a_file_that_is_old_is_read_once_and_again_when_it_changes(
    inputs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = inputs / "mine.jinja"
    # As if it had been written a minute ago.
    monkeypatch.setattr(content, "_RACY_NS", -60 * 10**9)
    first = content.file_digest(file)
    reads: list[object] = []
    whole = content.hashlib.file_digest  # type: ignore[attr-defined]
    monkeypatch.setattr(content.hashlib, "file_digest", lambda *one: reads.append(one) or whole(*one))  # type: ignore[attr-defined]
    assert content.file_digest(file) == first
    assert reads == []
    state = file.stat()
    file.write_bytes(b"THE content of mine.jinja")
    os.utime(file, ns=(state.st_atime_ns, state.st_mtime_ns))
    assert content.file_digest(file) != first


def test_what_does_not_decide_labels_changes_no_key(inputs: Path) -> None:
    before = everything(inputs)
    for name in OTHERS:
        (inputs / name).write_bytes(b"otherwise")
    assert everything(inputs) == before
    # A receipt is a head of comments.
    assert everything(inputs, "# a receipt\n#\n\n" + RECIPE.lstrip()) == everything(inputs, RECIPE.lstrip())


@pytest.mark.parametrize(
    "change",
    [
        {"recipe": RECIPE + "num_epochs: 2\n"},
        {"recipe": RECIPE.replace("path: rows", "path: ./rows")},
        {"row": ROW | {"more": None}},
        {"row": {"messages": [], "images": ["pictures/a.png"]}},
    ],
)
def test_what_is_asked_is_in_the_key(change: dict[str, object], inputs: Path) -> None:
    assert everything(inputs, **change) != everything(inputs)  # type: ignore[arg-type]


def test_each_part_of_a_question_is_in_the_key(tmp_path: Path) -> None:
    plain = Question("a: 1", tmp_path)
    others = [
        Question("a: 1", tmp_path / "b"),
        Question("a: 1", tmp_path, model="m"),
        Question("a: 1", tmp_path, data="d"),
        Question("a: 1", tmp_path, dataset=1),
        Question("a: 1", tmp_path, offline=True),
        Question("a: 1", tmp_path, what="validate"),
        Question("a: 1", tmp_path, consumer="trl"),
    ]
    keys = [question_key(one, environment="e", script=b"s") for one in (plain, *others)]
    keys += [
        question_key(plain, environment="other", script=b"s"),
        question_key(plain, environment="e", script=b"t"),
    ]
    assert len(set(keys)) == len(keys) == 10


def test_versions_are_read_from_folders_alone(fake: FakeAxolotl, monkeypatch: pytest.MonkeyPatch) -> None:
    fake.install("transformers", "5.20.1", url="https://x", vcs_info={"commit_id": "0123456789abcdef"})
    # The shell script is no environment of the usual shape: it is asked for its folders, once.
    found = installed(fake.python)
    assert found.versions["axolotl"] == "0.19.0"
    assert found.versions["transformers"] == "5.20.1 (0123456789ab)"
    assert found.package == fake.folder / "site" / "axolotl"
    monkeypatch.setattr("workbench.installed.subprocess.run", None)
    digests = [installed(fake.python).digest]
    assert digests == [found.digest]
    fake.install("transformers", "5.20.1", url="https://x", vcs_info={"commit_id": "f123456789abcdef"})
    digests.append(installed(fake.python).digest)
    fake.install("axolotl", "0.21.0")
    digests.append(installed(fake.python).digest)
    (fake.folder / "site" / "axolotl" / "patched.py").write_text("x = 1\n", "utf-8")
    digests.append(installed(fake.python).digest)
    fake.install("numpy", "1.0")
    digests.append(installed(fake.python).digest)
    assert len(set(digests)) == 5


def test_an_environment_of_the_usual_shape_is_never_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workbench.installed.subprocess.run", None)
    site = tmp_path / "lib" / "python3.12" / "site-packages"
    source = tmp_path / "checkout"
    for folder in (site / "axolotl-0.22.0.dev0.dist-info", source / "src" / "axolotl", tmp_path / "bin"):
        folder.mkdir(parents=True)
    (source / "src" / "axolotl" / "__init__.py").write_text("", "utf-8")
    url = {"url": source.as_uri(), "dir_info": {"editable": True}}
    (site / "axolotl-0.22.0.dev0.dist-info" / "direct_url.json").write_text(json.dumps(url), "utf-8")
    (site / "axolotl.pth").write_text(f"{source / 'src'}\n", "utf-8")
    (tmp_path / "pyvenv.cfg").write_text("home = /usr/bin\n", "utf-8")
    python = tmp_path / "bin" / "python"
    python.write_text("", "utf-8")
    found = installed(str(python))
    assert (found.versions, found.package) == ({"axolotl": "0.22.0.dev0"}, source / "src" / "axolotl")
    (source / "src" / "axolotl" / "core.py").write_text("x = 1\n", "utf-8")
    assert installed(str(python)).digest != found.digest

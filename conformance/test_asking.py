"""The trainer asked across the process boundary: one process, every kind of question, on both of axolotl's paths."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import pytest

from conformance.environment import here
from workbench.bench import open
from workbench.checks.asking import ask_rows, make_question
from workbench.checks.row_checks import row_findings
from workbench.consumers.axolotl.client import AxolotlConsumer, close_all, consumer
from workbench.consumers.axolotl.loader import rehearse
from workbench.consumers.protocol import Question
from workbench.installed import installed
from workbench.paths import sample_dir
from workbench.recipe.yaml.document import Document


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AxolotlConsumer]:
    """The axolotl of this environment, in one process for this whole file."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VLMBENCH_CACHE", str(tmp_path_factory.mktemp("cache")))
        patch.setenv("VLMBENCH_ASK", "1")
        # Another file's would have its own cache.
        close_all()
        yield consumer(sys.executable)
        close_all()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the demo, with rows for the text path beside its own."""
    folder = tmp_path_factory.mktemp("demo")
    for name in ("demo.yaml", "shapes-heldout.jsonl", "vlmbench_axolotl.py"):
        shutil.copy(sample_dir() / name, folder / name)
    for name in ("demo-model", "pictures"):
        shutil.copytree(sample_dir() / name, folder / name)
    long = [{"role": "user", "content": "Count."}, {"role": "assistant", "content": "One, two, three. " * 400}]
    said = [{"role": "user", "content": "How many?"}, {"role": "assistant", "content": "Two."}]
    rows = [{"messages": said}, {"messages": long}]
    (folder / "text.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return folder


def question(folder: Path, *rows: int, text: str | None = None, **changed: object) -> Question:
    document = Document(text if text is not None else (folder / "demo.yaml").read_text("utf-8"))
    for key, value in changed.items():
        if value is None:
            document.delete((key,))
        else:
            document.set((key,), value)
    return Question(document.text, folder, rows, beside=folder, offline=True)


def test_versions_of_the_environment_are_read_and_not_asked(asked: AxolotlConsumer, folder: Path) -> None:
    told = asked.ask_one(question(folder))
    found = installed(sys.executable).versions
    assert told.versions == found == asked.versions
    assert found["axolotl"] == version("axolotl")


def test_the_demo_is_answered_for(asked: AxolotlConsumer, folder: Path) -> None:
    bench = open(folder / "demo.yaml", axolotl_python=sys.executable, offline=True)
    told = ask_rows(bench, range(8))
    assert told is not None
    assert told.answer is not None, told.problem
    answer = told.answer
    assert (answer.refused, answer.strategy, answer.resolved["path"]) == (None, "ProcessingStrategy", "multimodal")
    assert (answer.resolved["loader"], answer.resolved["use_reentrant"]) == ("Gemma4ForConditionalGeneration", False)
    assert answer.resolved["media_ids"] == [media.id for media in bench.media]
    assert {"base_model", "role_boundaries", "lora_r"} < {*answer.keys}
    assert [finding.code for index in range(8) for finding in row_findings(bench.row(index))] == []
    # Asked again, in another life of the bench: from what was kept.
    again = AxolotlConsumer(sys.executable)
    assert again.known(make_question(bench, range(8))) is not None
    assert again.starts == 0


def test_a_recipe_in_bf16_is_answered_without_a_gpu(asked: AxolotlConsumer, folder: Path) -> None:
    told = asked.ask_one(question(folder, 0, bf16=True, tf32=True))
    assert told.refused is None, told.refused
    assert told.resolved["bf16"] is True
    assert sorted(told.rows) == [0]


def test_the_kernels_are_tried_anew_for_every_question(asked: AxolotlConsumer, folder: Path) -> None:
    """A second try in one process would say that all is patched already."""
    on = dict.fromkeys(("lora_mlp_kernel", "lora_qkv_kernel", "lora_o_kernel"), True)
    first, second = asked.ask([question(folder, 0, **on), question(folder, 1, num_epochs=2, **on)])
    assert (first.refused, second.refused) == (None, None)
    assert first.resolved["kernels"] is True
    llava = {"model_type": "llava", "architectures": ["LlavaForConditionalGeneration"]}
    other = folder / "llava"
    shutil.copytree(folder / "demo-model", other, dirs_exist_ok=True)
    (other / "config.json").write_text(json.dumps(llava), "utf-8")
    for _ in range(2):
        refused = asked.ask_one(question(folder, 0, base_model="llava", **on)).refused
        assert refused is not None
        assert refused["stage"] == "kernels"


def test_a_refusal_names_stage_and_type(asked: AxolotlConsumer, folder: Path) -> None:
    told = asked.ask_one(question(folder, 0, lora_r="many"))
    assert told.refused is not None
    assert told.refused["stage"] == "validate"
    assert "lora_r" in told.refused["message"]
    told = asked.ask_one(question(folder, 0, datasets=[{"path": "nowhere.jsonl", "type": "chat_template"}]))
    assert told.refused is not None
    assert told.refused["stage"] == "rows"
    # Boundaries without the plugin: the labels that they mean, and that it cannot start.
    told = asked.ask_one(question(folder, 0, plugins=None))
    assert (told.unwrapped, sorted(told.rows)) == (True, [0])


def test_the_text_path_is_answered_for_row_by_row(asked: AxolotlConsumer, folder: Path) -> None:
    text = question(
        folder,
        0,
        1,
        5,
        processor_type=None,
        skip_prepare_dataset=None,
        role_boundaries=None,
        plugins=None,
        datasets=[{"path": "text.jsonl", "type": "chat_template"}],
    )
    told = asked.ask_one(text)
    assert told.refused is None
    assert (told.resolved["path"], told.strategy) == ("text", "chat_template")
    ids, labels = told.rows[0]
    assert len(ids) == len(labels)  # type: ignore[arg-type]
    assert 0 < sum(label != -100 for label in labels) < len(labels)
    assert "sequence_len is 512" in told.dropped[1]
    assert "IndexError" in str(told.rows[5])


SUPPORT = """
from axolotl.model_support.base import ModelSupport
from axolotl.model_support.profile import ModelProfile, ModelStrategyOverrides
from axolotl.model_support.templates import IMAGE_TEXT_TO_TEXT


def strategy():
    from axolotl.processing_strategies import ProcessingStrategy

    class LastTokenAlone(ProcessingStrategy):
        def process_labels(self, input_ids):
            labels = input_ids.clone()
            labels[:, :-1] = -100
            return labels

    return LastTokenAlone


class Support(ModelSupport):
    model_types = ("gemma4",)
    profile = ModelProfile(
        family=IMAGE_TEXT_TO_TEXT, strategies=ModelStrategyOverrides(processing_strategy_cls=strategy)
    )
"""


@pytest.mark.skipif(here().release in ("0.19", "0.20"), reason="it looks for no entry points")
def test_a_strategy_of_a_package_that_is_installed_there_is_asked(
    asked: AxolotlConsumer, folder: Path, tmp_path: Path
) -> None:
    """The bench knows nothing of it: its labels are the answer, and where they differ that is a finding."""
    site = tmp_path / "site"
    info = site / "theirs-1.0.dist-info"
    info.mkdir(parents=True)
    (site / "theirs.py").write_text(SUPPORT, "utf-8")
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: theirs\nVersion: 1.0\n", "utf-8")
    (info / "entry_points.txt").write_text("[axolotl.model_support]\ntheirs = theirs:Support\n", "utf-8")
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nPYTHONPATH="{site}" exec "{sys.executable}" "$@"\n', "utf-8")
    python.chmod(0o755)
    bench = open(folder / "demo.yaml", axolotl_python=str(python), offline=True)
    told = ask_rows(bench, range(2))
    assert told is not None
    assert told.answer is not None, told.problem
    assert (told.answer.refused, told.answer.strategy) == (None, "LastTokenAlone")
    for index in range(2):
        ids, labels = told.answer.rows[index]
        assert [label for label in labels if label != -100] == [ids[-1]]
        assert "M020" in [finding.code for finding in row_findings(bench.row(index))]
    # The same environment without the package is asked anew, and has its own strategy.
    again = ask_rows(open(folder / "demo.yaml", axolotl_python=sys.executable, offline=True), range(2))
    assert again is not None
    assert again.answer is not None
    assert again.answer.strategy == "ProcessingStrategy"


def test_the_loader_is_rehearsed_by_the_process_that_answers_for_rows(asked: AxolotlConsumer, folder: Path) -> None:
    """One import for rows and rehearsals; what one recipe's patches change is there for no other."""
    text = (folder / "demo.yaml").read_text("utf-8")
    before = asked.starts
    asked.ask_one(question(folder, 0, num_epochs=5))
    for changed in ("\nwandb_name: a\n", "\nwandb_name: b\n"):
        found = rehearse(sys.executable, text + changed, folder=folder, offline=True)
        assert found.refused is None, found.refused
        assert found.model_class == "Gemma4ForConditionalGeneration"
        assert found.modules
    wrong = rehearse(sys.executable, text.replace("lora_r: ", "lora_r: many"), folder=folder, offline=True)
    assert wrong.refused is not None
    assert wrong.refused.stage == "validate"
    assert not asked.ask_one(question(folder, 0, num_epochs=6)).died
    assert asked.starts <= max(before, 1)


def test_all_of_it_was_one_process(asked: AxolotlConsumer, folder: Path) -> None:
    asked.ask_one(question(folder, 0))
    assert asked.starts == 1

"""The exported file, given to its consumer: axolotl takes it and makes the labels of the bench, and so does the bench.

Each family twice: with axolotl's own template and boundaries by name, and as a new recipe that says neither.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest
import yaml

from conformance.corpus import Corpus
from conformance.pair import model_folder, opened, parsed_once
from workbench.bench import Bench, open
from workbench.consumers.axolotl import worker
from workbench.consumers.axolotl.client import AxolotlConsumer
from workbench.consumers.protocol import Answer, Question, read_answer
from workbench.export import prepare
from workbench.export.compose import first_difference, reopen
from workbench.export.readiness import Proof
from workbench.recipe import plugin
from workbench.recipe.yaml.document import Document

# SmolVLM is not among them: axolotl cannot build its collator.
NAMED = (
    *("gemma3", "gemma4", "qwen2_vl", "qwen2_5_vl", "qwen3_vl", "qwen3_5"),
    *("llama3_2_vision", "llama4", "pixtral", "mistral3"),
)
UNNAMED = ("llava_1_5", "internvl")
# transformers 5 has no `image_ids`, at which axolotl builds the strategy of the processor's class.
STUCK = {"internvl": "ValueError: 'image_ids' missing from InternVL Processor."}
ROWS, PICTURES = 16, 8


def in_process(_: str, question: Question) -> Answer:
    """The client's `ask` without the child process: this one has axolotl, and has read the tokenizer already."""
    with tempfile.TemporaryDirectory() as folder:
        recipe = Path(folder) / "asked.yaml"
        recipe.write_text(question.recipe, "utf-8")
        plugin.write_beside(yaml.safe_load(question.recipe), recipe)
        return read_answer(json.loads(json.dumps(worker.answer(recipe, list(question.rows)))))


@pytest.fixture(scope="module", params=(*NAMED, *UNNAMED))
def new(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """A new recipe for the family's model, on rows with pictures in many schemas, message column `messages`."""
    folder = tmp_path_factory.mktemp(request.param)
    made = Corpus(request.param, [], [], folder / "pictures").rows(ROWS, PICTURES, field="messages")
    data = folder / "rows.jsonl"
    data.write_text("".join(json.dumps(one.row, ensure_ascii=False) + "\n" for one in made), "utf-8")
    bench = opened(request.param, model=str(model_folder(request.param)), data=str(data))
    with parsed_once(request.param), pytest.MonkeyPatch.context() as patch:
        patch.setattr(prepare, "ask", in_process)
        yield bench


@pytest.fixture
def family(request: pytest.FixtureRequest) -> str:
    return str(request.node.callspec.params["new"])


def exported(bench: Bench, out: Path) -> tuple[prepare.Export, Answer, Proof]:
    """Export to `out`: the export, axolotl's answer and its proof. Read again, the text gives the same labels."""
    made = prepare.prepare_export(bench, out)
    made.write(unvalidated=True)
    assert made.answer is not None
    proofs = {one.step: one for one in made.proofs}
    assert proofs["round trip"].ok
    return made, made.answer, proofs["consumer"]


def enough(bench: Bench, answer: Answer) -> bool:
    """True where axolotl labelled most rows and most with pictures, and trains some tokens of them but not all."""
    given = [one for one in answer.rows.values() if not isinstance(one, str)]
    pictures = sum(bool(np.isin(ids, [one.id for one in bench.media]).any()) for ids, _ in given)
    trained = sum(int((labels != -100).sum()) for _, labels in given)
    most = len(given) > ROWS / 2 and pictures > PICTURES / 2
    return most and 0 < trained < sum(len(ids) for ids, _ in given)


def test_a_new_recipe(new: Bench, family: str, tmp_path: Path) -> None:
    """A file that keeps its boundaries lists the plugin with which axolotl starts, and gives the same labels."""
    made, answer, proof = exported(new, tmp_path / "full.yaml")
    needs = " ".join(made.composed.requirements)
    if family in STUCK:
        assert (proof.code, answer.unwrapped) == ("consumer_refuses", False)
        assert STUCK[family] in proof.message
        assert new.strategy.class_name in needs
        return
    kept = "role_boundaries" in Document(made.text).data
    assert (proof.ok, proof.code) == (True, "ok"), proof.message
    # The plugin goes with the boundaries.
    assert (plugin.is_listed(Document(made.text).data), plugin.FILE in needs) == (kept, kept)
    assert (answer.refused, answer.unwrapped) == (None, False)
    assert enough(new, answer)


@pytest.mark.parametrize("new", ["gemma4", "llava_1_5"], indirect=True)
def test_without_the_plugin_axolotl_cannot_start(new: Bench, tmp_path: Path) -> None:
    """The file means what the bench shows all the same."""
    asked = {("plugins",): [], ("chat_template",): "tokenizer_default"}
    made = prepare.prepare_export(new, tmp_path / "full.yaml", overrides=asked)
    proof = next(one for one in made.proofs if one.step == "consumer")
    assert made.answer is not None
    assert (proof.code, made.answer.unwrapped) == ("consumer_cannot_start", True)
    assert enough(new, made.answer)


@pytest.mark.parametrize("new", NAMED, indirect=True)
def test_the_named_strategy(new: Bench, family: str, tmp_path: Path) -> None:
    """axolotl's validator takes the file, and its collator gives ids and labels of every row as the bench does."""
    assert new.family is not None
    document = Document(new.document.text)
    document.set(("chat_template",), new.family.axolotl.chat_template)
    for key in ("role_boundaries", "chat_template_jinja"):
        document.delete((key,))
    bench = reopen(new, document.text)
    _, answer, proof = exported(bench, tmp_path / "full.yaml")
    assert (proof.ok, proof.code) == (True, "ok"), proof.message
    assert answer.refused is None
    assert answer.strategy == bench.strategy.class_name != "ProcessingStrategy"
    assert enough(bench, answer)
    # As `inspect` opens the file: everything is loaded anew.
    assert first_difference(bench, open(tmp_path / "full.yaml"), range(ROWS)) is None


@pytest.mark.parametrize("new", ["llava_1_5"], indirect=True)
def test_it_is_asked_across_the_process_boundary(new: Bench, tmp_path: Path) -> None:
    text = Document(new.document.text)
    text.set(("chat_template",), "pixtral")
    text.delete(("role_boundaries",))
    asked = AxolotlConsumer(sys.executable)
    told = asked.ask_one(Question(text.text, tmp_path, (0, 1, 2), offline=True))
    here = in_process("", Question(text.text, tmp_path, (0, 1, 2)))
    assert told.versions["axolotl"] == version("axolotl")
    assert (told.refused, told.strategy) == (None, "PixtralProcessingStrategy")
    assert str(told.rows) == str(here.rows)
    # The plugin is found by the other process, too.
    (tmp_path / "apart").mkdir()
    plugged = Document(new.document.text)
    for edit in plugin.plugin_edits(plugged.data):
        plugged.set(edit.path, edit.value)
    told = asked.ask_one(Question(plugged.text, tmp_path / "apart", (0, 1, 2), offline=True))
    assert (told.refused, told.unwrapped, len(told.rows), asked.starts) == (None, False, 3, 1)
    asked.close()

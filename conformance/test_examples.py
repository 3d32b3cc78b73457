"""axolotl's own multimodal example recipes, through import, check and export: nothing is lost, and all stays accepted.

They come from axolotl's source distribution, which `python -m conformance` fetches; none is kept here. Their models and
data cannot be had: a small processor of the family stands in where there is a builder for one, and a file of rows.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from conformance.corpus import Corpus
from conformance.environment import here
from conformance.example_runs import FAMILIES
from conformance.once import FULL
from conformance.pair import model_folder
from tests.support.processors import BUILDERS, ensure_num2words
from workbench.bench import Bench
from workbench.checks.ineffective_keys import broken
from workbench.checks.run import check_rows
from workbench.consumers.axolotl import worker
from workbench.data.sources import open_source
from workbench.errors import InputError
from workbench.export import prepare
from workbench.export.compose import compose
from workbench.export.receipt import without_receipt
from workbench.families.library import family
from workbench.models.load import load
from workbench.recipe.lora_kernels import kernel_error
from workbench.recipe.model import Recipe
from workbench.recipe.yaml.document import Document

# Whose processor stands in for the examples of a folder.
FOLDERS = {folder: name for folder, name in FAMILIES.items() if name in BUILDERS}
# Families without a builder: LLaVA's processor stands in, and their own spec says what they need.
SPECS = {
    "LiquidAI": "lfm2_vl",
    "cohere-north-micro-vision-instruct": "cohere_compass",
    "glm46v": "glm46v",
    "muse-glimmer": "muse_glimmer",
    "paddleocr-vl": "paddleocr_vl",
    "qwen3.8-flash-next": "qwen4_exp",
    "voxtral": "voxtral",
}
# What axolotl itself refuses of its examples, by release: the bench cannot open the first either, nor mends the others.
REFUSED = {
    "0.19": {
        "mistral-medium-3_5/qlora-vision.yml": "output_dir",
        "mistral4/fft-vision.yml": "FSDP2 not compatible with adamw_bnb_8bit",
    },
    "0.20": {
        "mistral-medium-3_5/qlora-vision.yml": "output_dir",
        "mistral4/fft-vision.yml": "FSDP2 not compatible with adamw_bnb_8bit",
        "archived/llama-4/do-no-use-fa2/scout-vision-qlora-fsdp.yaml": "`fsdp` list is no longer supported",
    },
    "0.21": {
        "mistral-medium-3_5/qlora-vision.yml": "output_dir",
        "mistral4/fft-vision.yml": "FSDP2 not compatible with adamw_bnb_8bit",
        "archived/llama-4/do-no-use-fa2/scout-vision-qlora-fsdp.yaml": "`fsdp` list is no longer supported",
    },
}[here().release]
COUNT = {"0.19": 36, "0.20": 37, "0.21": 37}[here().release]
EXAMPLES = here().examples
ADDED = {("datasets", 0, "roles_to_train"), ("datasets", 0, "train_on_eos")}
ROWS = 4
_COMMENT = re.compile(r"(?:^|\s)(#.*\S)\s*$")


@pytest.fixture(scope="module")
def examples() -> list[Path]:
    """Every example that names a processor."""
    if not EXAMPLES.is_dir():
        pytest.skip("axolotl's source distribution could not be fetched: `python -m conformance` says why")
    found = sorted(EXAMPLES.rglob("*.y*ml"))
    return [path for path in found if re.search("^processor_type:", path.read_text("utf-8"), re.MULTILINE)]


@pytest.fixture(scope="module")
def stand_in(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Any]:
    """The model that stands in for a folder of examples."""
    ensure_num2words()
    kept: dict[str, Any] = {}

    def loaded(folder: str) -> Any:
        name = FOLDERS.get(folder, "llava_1_5")
        if name not in kept:
            kept[name] = load(str(model_folder(name, real=False)))
        return kept[name]

    return loaded


def refusal(path: Path) -> tuple[dict[str, Any], str]:
    """The configuration that axolotl's validator returns for a file, and its refusal; "" where it accepts."""
    from axolotl.integrations.base import PluginManager

    try:
        return dict(worker.validate(path)), ""
    except (ValueError, DeprecationWarning, ImportError) as problem:
        # An ImportError: a plugin of the example wants a package that is not here.
        return {}, str(problem)
    finally:
        PluginManager.get_instance().plugins.clear()


def comments(text: str) -> list[str]:
    return [found[1] for line in text.splitlines() if (found := _COMMENT.search(line))]


def test_every_example_comes_out_as_it_went_in_and_more(
    examples: list[Path], stand_in: Callable[[str], Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = Corpus("examples", [], [], tmp_path / "pictures").rows(ROWS, ROWS // 2, field="messages")
    data = tmp_path / "rows.jsonl"
    data.write_text("".join(json.dumps(one.row) + "\n" for one in made), "utf-8")
    monkeypatch.setattr(Bench, "_open_rows", lambda _: open_source(str(data)))
    monkeypatch.setattr(prepare, "consumer_python", lambda _: None)
    full = tmp_path / "full.yaml"
    for path in examples:
        name = path.relative_to(EXAMPLES)
        document = Document.from_file(path)
        text, before = document.text, dict(document.data)
        was, refused = refusal(path)
        assert bool(refused) == (str(name) in REFUSED), f"{name}: {refused}"
        assert REFUSED.get(str(name), "") in refused
        if problems := Recipe.check(document):
            assert [one.where.field for one in problems] == [REFUSED[str(name)]]
            continue

        bench = Bench(document)
        bench.loaded = stand_in(name.parts[0])
        bench.family = family(SPECS[name.parts[0]]) if name.parts[0] in SPECS else bench._identify()
        assert bench.family is not None
        bench.apply()
        report = check_rows(bench, bench.head(None))
        assert report.rows == ROWS
        codes = {one.code for one in report.findings if one.severity == "error"}
        assert not codes & {"C002", "C010"}, f"{name}: {report.findings}"

        prepare.prepare_export(bench, full).write(unvalidated=True, force=True)
        exported = Document.from_file(full)
        # Nothing that is added contradicts what is there, and the path stays the same.
        assert broken(exported.data, here().release) <= broken(before, here().release), name
        assert Recipe.from_document(exported).multimodal == bench.recipe.multimodal, name
        assert kernel_error(exported.data, bench.loaded.model_type, bench.axolotl.kernels) is None, name
        for key in ADDED:
            exported.delete(key)
        assert {key: exported.data.get(key) for key in before} == before, name
        body = iter(comments(without_receipt(full.read_text("utf-8"))))
        assert all(comment in body for comment in comments(text)), name
        now, refused_now = refusal(full)
        assert (REFUSED.get(str(name), "") in refused_now, bool(refused_now)) == (True, bool(refused)), refused_now
        assert {key for key in before.keys() & was.keys() if was[key] != now.get(key)} <= {"datasets"}, name


def test_what_the_validator_took_of_text_recipes_it_takes_of_their_exports(
    stand_in: Callable[[str], Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every twelfth of axolotl's examples without a processor, in the full run every fourth; one model for all."""
    if not EXAMPLES.is_dir():
        pytest.skip("axolotl's source distribution could not be fetched: `python -m conformance` says why")
    data, full = tmp_path / "rows.jsonl", tmp_path / "full.yaml"
    said = [{"role": "user", "content": "How many?"}, {"role": "assistant", "content": "One."}]
    data.write_text(json.dumps({"messages": said}) + "\n", "utf-8")
    monkeypatch.setattr(Bench, "_open_rows", lambda _: open_source(str(data)))
    texts = {path: path.read_text("utf-8") for path in sorted(EXAMPLES.rglob("*.y*ml"))}
    plain = [
        path
        for path, text in texts.items()
        if re.search("^base_model:", text, re.MULTILINE) and not re.search("^processor_type:", text, re.MULTILINE)
    ]
    assert len(plain) > 200
    without_end = compared = 0
    for path in plain[:: 4 if FULL else 12]:
        document = Document.from_file(path)
        was, refused = refusal(path)
        if refused or Recipe.check(document):
            continue
        bench = Bench(document)
        bench.loaded = stand_in("qwen2_5-vl")
        bench.family = bench._identify()
        try:
            bench.apply()
        except InputError as problem:
            if problem.where is None or problem.where.field != "eot_tokens":
                raise
            # The model that stands in has no such token; axolotl refuses that too.
            without_end += 1
            continue
        compared += 1
        full.write_text(compose(bench, rows=()).text, "utf-8")
        exported = Document.from_file(full)
        assert refusal(full)[1] == "", path
        assert not Recipe.from_document(exported).multimodal
        assert broken(exported.data, here().release) <= broken(document.data, here().release), path
        now = refusal(full)[0]
        assert {key for key in document.data.keys() & was.keys() if was[key] != now.get(key)} <= {"datasets"}, path
    assert compared > (30 if FULL else 10)
    assert without_end < 10


def test_every_example_has_a_stand_in(examples: list[Path]) -> None:
    assert {path.relative_to(EXAMPLES).parts[0] for path in examples} <= FOLDERS.keys() | SPECS.keys()
    assert len(examples) == COUNT

"""Each family's new recipe on its real classes, every tower present: through check, a step of overfit, and export.

The models are of no size, with weights of chance, around small tokenizers with the family's control tokens. Nothing is
learned in a step; what is under test is that a recipe which the bench itself wrote loads and trains, on the oldest and
on the newest transformers.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch
import transformers
from packaging import version
from PIL import Image

from tests.support import processors
from workbench.bench import Bench
from workbench.checks.run import check_recipe
from workbench.export.compose import compose, reopen
from workbench.findings import Finding
from workbench.models.build import auto_class
from workbench.overfit import runner
from workbench.overfit.events import Event, every, last, read
from workbench.overfit.plan import make_plan
from workbench.overfit.runs import EVENTS, PLAN
from workbench.overfit.verdict import judge
from workbench.recipe.yaml.document import Document

FAMILIES = tuple(name for name in processors.BUILDERS if name != "mistral_v7_tekken")
ATTENTION = ("attn_implementation", "flash_attention", "sdp_attention", "flex_attention", "eager_attention")
LoadedModel = Callable[[str], Path]


@pytest.fixture(scope="session")
def small_model(tmp_path_factory: pytest.TempPathFactory) -> LoadedModel:
    """The folder of a family's model: processor, configuration and weights."""
    home = tmp_path_factory.mktemp("models")

    def make(name: str) -> Path:
        folder = home / name
        if not folder.exists():
            processors.build_processor(name, processors.fallback_folder(name, home), folder)
            from transformers import AutoConfig

            config = AutoConfig.from_pretrained(folder)
            torch.manual_seed(0)
            auto_class(config).from_config(config).save_pretrained(folder)
        return folder

    return make


def rows(folder: Path) -> Path:
    """A row with a picture and one of text alone."""
    Image.new("RGB", (48, 32), "red").save(folder / "red.png")
    asked = [{"type": "image", "path": str(folder / "red.png")}, {"type": "text", "text": "What is in the picture?"}]
    answer = {"role": "assistant", "content": [{"type": "text", "text": "A red square."}]}
    text = {"role": "user", "content": [{"type": "text", "text": "How many?"}]}
    made = [{"messages": [{"role": "user", "content": asked}, answer]}, {"messages": [text, answer]}]
    file = folder / "rows.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in made), "utf-8")
    return file


def new_bench(model: Path, folder: Path) -> Bench:
    """A bench on the new recipe of a model, as a file of its own."""
    made = Bench(model=str(model), data=str(rows(folder))).load()
    file = folder / "recipe.yaml"
    file.write_text(made.document.text, "utf-8")
    return Bench(Document.from_file(file)).load()


def overfitted(bench: Bench, folder: Path) -> list[Event]:
    """The events of a step of overfit, run by the child's own code in this process."""
    folder.mkdir()
    make_plan(bench, rows=2, steps=1, device="cpu").write(folder / PLAN)
    runner.main(folder)
    return read(folder / EVENTS)


def errors(findings: list[Finding]) -> list[Finding]:
    return [one for one in findings if one.severity == "error"]


@pytest.mark.parametrize("family", FAMILIES)
def test_a_new_recipe_loads_trains_and_is_exported(family: str, small_model: LoadedModel, tmp_path: Path) -> None:
    if family == "gemma3n":
        pytest.importorskip("timm", reason="its vision tower is timm's")
    if family == "qwen3_5" and find_spec("fla") is not None and not torch.cuda.is_available():
        # axolotl brings it along; transformers then uses it whatever the device.
        pytest.skip("flash-linear-attention is installed, whose kernels need a GPU")
    processors.ensure_num2words()
    bench = new_bench(small_model(family), tmp_path)
    assert errors(check_recipe(bench)) == []
    events = overfitted(bench, tmp_path / "run")
    assert last(events, "error") is None
    assert [one["step"] for one in every(events, "step")] == [1]
    made = compose(bench, rows=range(2), out=tmp_path / "full.yaml")
    exported = reopen(bench, made.text, tmp_path / "full.yaml")
    assert not set(ATTENTION) & exported.document.data.keys()
    assert errors(check_recipe(exported)) == []
    assert exported.recipe.multimodal


@pytest.mark.skipif(
    version.parse(transformers.__version__) < version.parse("5.20"), reason="every tower has sdpa and flex there"
)
@pytest.mark.parametrize("key", ["sdp_attention", "flex_attention", "attn_implementation"])
def test_overfit_names_the_tower_that_lacks_the_attention(key: str, small_model: LoadedModel, tmp_path: Path) -> None:
    bench = new_bench(small_model("gemma4"), tmp_path)
    bench.document.set((key,), "sdpa" if key == "attn_implementation" else True)
    bench.apply()
    events = overfitted(bench, tmp_path / "run")
    (found,) = [one for one in judge(events).findings if one.severity == "error"]
    assert found.code == "R017"
    assert "Gemma4AudioModel (the audio tower) does not support " in found.message
    assert "no class" not in found.message
    assert found.hint.startswith(f"Remove {key}: ")
    assert found.where.field == key
    bench.document.delete((key,))
    bench.apply()
    assert last(overfitted(bench, tmp_path / "again"), "error") is None


def test_overfit_says_what_else_stops_the_loading(small_model: LoadedModel, tmp_path: Path) -> None:
    bench = new_bench(small_model("qwen2_vl"), tmp_path)
    bench.document.set(("attn_implementation",), "no_such_attention")
    bench.apply()
    (found,) = [one for one in judge(overfitted(bench, tmp_path / "run")).findings if one.severity == "error"]
    assert found.code == "R017"
    assert "no_such_attention" in found.message
    assert "no class" not in found.message

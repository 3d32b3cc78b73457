"""The release of axolotl that a bench goes by: how it is chosen, how it travels, and what it changes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import workbench
from tests.checks.support import HEAD, SETS, bench_of, of, row
from tests.test_cli import run
from workbench.bench import Bench
from workbench.bench import open as open_bench
from workbench.checks.recipe_checks import recipe_findings, text_findings
from workbench.consumers.axolotl import at_hand
from workbench.errors import InputError
from workbench.export.compose import reopen
from workbench.findings import apply_fix
from workbench.overfit.plan import make_plan
from workbench.paths import sample_dir
from workbench.recipe.axolotl_table import releases, table
from workbench.recipe.yaml.document import Document

OLD, NEW = releases()[0], releases()[-1]


@pytest.fixture(autouse=True)
def none_beside(monkeypatch: pytest.MonkeyPatch) -> None:
    """No axolotl but the one that a test puts at hand."""
    monkeypatch.setattr("workbench.tokens.template.axolotl_package", lambda python: None)


@pytest.fixture
def beside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Puts an axolotl of a version at hand, whose code nobody looks at."""

    def put(version: str) -> None:
        package = tmp_path / version / "axolotl"
        package.mkdir(parents=True)
        (package.parent / f"axolotl-{version}.dist-info").mkdir()
        monkeypatch.setattr("workbench.tokens.template.axolotl_package", lambda python: package)

    return put


# -- how it is chosen


def test_the_newest_where_nothing_is_said() -> None:
    chosen = at_hand.choose_table()
    assert (chosen.table.release, chosen.findings) == (releases()[-1], ())


@pytest.mark.parametrize(
    ("version", "release"), [("0.19.0", OLD), ("0.19.2.dev0", OLD), ("0.20.1", "0.20"), ("0.21.5", NEW)]
)
def test_that_of_the_axolotl_at_hand(beside: Callable[[str], None], version: str, release: str) -> None:
    beside(version)
    chosen = at_hand.choose_table()
    assert (chosen.table.release, chosen.findings) == (release, ())


@pytest.mark.parametrize(("version", "release"), [("0.17.1", OLD), ("0.18.0", OLD), ("0.24.0", NEW)])
def test_the_nearest_for_another_release_and_it_is_said(
    beside: Callable[[str], None], version: str, release: str
) -> None:
    beside(version)
    chosen = at_hand.choose_table()
    (found,) = chosen.findings
    assert (chosen.table.release, found.code, found.severity) == (release, "L008", "note")
    assert f"axolotl {version} is at hand" in found.message
    assert f"the table of axolotl {release}" in found.message
    # The bench tells it with the rest; a release that is asked for is no guess.
    bench = open_bench()
    assert of(bench.findings, "L008") == [found]
    assert of(open_bench(axolotl_version=OLD).findings, "L008") == []


def test_what_is_asked_for_goes_before_what_is_at_hand(beside: Callable[[str], None]) -> None:
    beside("0.21.0")
    assert open_bench(axolotl_version=OLD).axolotl is table(OLD)
    assert open_bench().axolotl is table(NEW)


def test_a_release_that_there_is_no_table_of() -> None:
    for opened in (open_bench, workbench.open):
        with pytest.raises(InputError, match=r"no table of axolotl 0\.18"):
            opened(axolotl_version="0.18")
    told = run("inspect", "--plain", "--axolotl-version", "0.18.0")
    assert told.returncode == 2
    assert f"there are {', '.join(releases())}" in told.stderr


# -- how it travels


def test_it_goes_wherever_the_bench_goes() -> None:
    bench = open_bench(axolotl_version=OLD)
    assert bench.options["axolotl_version"] == OLD
    assert reopen(bench, bench.document.text).axolotl is table(OLD)
    assert reopen(bench, bench.document.text, same_model=False).axolotl is table(OLD)
    assert make_plan(bench).bench["axolotl_version"] == OLD


def test_the_command_line_names_it(tmp_path: Path) -> None:
    file = tmp_path / "recipe.yaml"
    demo = open_bench()
    file.write_text(demo.document.text + "\neval_on_start: true\nbalance_label: true\n", "utf-8")
    told = {}
    for release in ("0.19.0", NEW):
        beside = ("--model", str(sample_dir() / "demo-model"), "--data", str(sample_dir() / "shapes.jsonl"))
        ran = run("check", str(file), *beside, "--rows", "1", "--select", "C002", "--axolotl-version", release)
        told[release] = ran.stdout
    assert "eval_on_start" in told["0.19.0"]
    assert "(from the table of axolotl 0.19)" in " ".join(told["0.19.0"].split())
    assert "eval_on_start" not in told[NEW]
    assert "balance_labels" in told[NEW]


# -- what it changes


def texts(release: str, **keys: Any) -> list[tuple[str, str]]:
    """Code and severity of what is found in a recipe's text."""
    head = "base_model: here\nlearning_rate: 0.0002\n"
    lines = "".join(f"{key}: {value}\n" for key, value in keys.items())
    return [(one.code, one.severity) for one in text_findings(Document(head + lines), table(release))]


@pytest.mark.parametrize("key", ["balance_labels", "eval_on_start", "full_determinism", "use_dft"])
def test_a_key_that_is_new_is_unknown_before(key: str) -> None:
    assert [code for code, _ in texts(OLD, **{key: "true"})] == ["C002"]
    assert texts(NEW, **{key: "true"}) == []


def test_fsdp_is_gone() -> None:
    keys = {"fsdp": "[full_shard]", "fsdp_version": 2, "fsdp_config": "{reshard_after_forward: true}"}
    assert texts(OLD, **keys) == []
    assert texts(NEW, **keys) == [("C003", "error")]
    document = Document("fsdp: [full_shard]\nfsdp_config: {reshard_after_forward: true}\nlearning_rate: 1\n")
    (found,) = text_findings(document, table(NEW))
    assert "axolotl 0.21 no longer has fsdp" in found.message
    assert found.fix is not None
    apply_fix(document, found.fix)
    assert [*text_findings(document, table(NEW))] == []
    # With nothing else that shards the model, removing it is no mend.
    (found,) = text_findings(Document("fsdp: [full_shard]\nlearning_rate: 1\n"), table(NEW))
    assert found.fix is None


@pytest.mark.parametrize("release", releases())
def test_no_fix_takes_a_key_away_that_the_release_knows(release: str) -> None:
    """Every key of the release alone, under a name only: no fix renames or removes it, unless axolotl itself does."""
    known = table(release)
    gone = known.removed | known.renamed.keys()
    for key in known.schema.keys.keys() - gone - {"base_model", "learning_rate"}:
        document = Document(f"base_model: here\nlearning_rate: 0.1\n{key}: null\n")
        for found in text_findings(document, known):
            edits = found.fix.edits if found.fix is not None else ()
            assert all(edit.path != (key,) or (not edit.remove and edit.rename is None) for edit in edits), key


def test_deepspeed_beside_fsdp_config_is_silent_and_then_refused() -> None:
    keys = {"deepspeed": "zero2.json", "fsdp_config": "{offload_params: false}"}
    assert [code for code, _ in texts(OLD, **keys)] == ["C005"]
    assert [code for code, _ in texts(NEW, **keys)] == ["C004"]


def test_context_parallelism_wants_flash_attention_before_alone() -> None:
    assert [code for code, _ in texts(OLD, context_parallel_size=2)] == ["C004"]
    assert texts(NEW, context_parallel_size=2) == []


@pytest.fixture
def moe(loaded: Callable[[str], Any], tmp_path: Path) -> Callable[[str], Bench]:
    """A Qwen3.5 mixture of experts with the tokenizer's own template and no boundaries."""
    model = replace(loaded("qwen3_5"), model_type="qwen3_5_moe")
    recipe = HEAD + "chat_template: tokenizer_default\n" + SETS
    return lambda release: bench_of(model, tmp_path, recipe, [row("Is it red?", "Yes.")], axolotl_version=release)


@pytest.mark.parametrize("release", releases()[1:])
def test_a_mixture_of_experts_is_masked_from_0_20_on(release: str, moe: Callable[[str], Bench]) -> None:
    old, new = moe(OLD), moe(release)
    assert [one.strategy.class_name for one in (old, new)] == ["ProcessingStrategy", "Qwen3_5ProcessingStrategy"]
    before, after = old.row(0), new.row(0)
    assert before.rendering.input_ids.tolist() == after.rendering.input_ids.tolist()
    assert before.mask.trained == len(before.rendering)
    assert 0 < after.mask.trained < len(after.rendering)
    trained = [int(one) for one in after.rendering.input_ids[after.mask.labels != -100]]
    text = new.loaded.tokenizer.decode(trained)
    assert "Yes." in text
    assert "red" not in text


def test_the_keys_of_a_plugin_that_need_not_be_listed() -> None:
    """Some of 0.21's own plugins are always there; one that a recipe has to list still is named."""
    new = table(NEW)
    (key, *_) = new.schema.plugins["axolotl.integrations.expert_parallel.ExpertParallelPlugin"]
    assert table(OLD).schema.builtin == ()
    assert new.schema.plugin_of(key) is None
    listed = new.schema.plugin_of("liger_rope")
    assert listed == "axolotl.integrations.liger.LigerPlugin"
    assert "C006" not in [code for code, _ in texts(NEW, **{key: "1"})]
    assert "C006" in [code for code, _ in texts(NEW, liger_rope="true")]


def test_messages_about_kernels_name_the_table(loaded: Callable[[str], Any], tmp_path: Path) -> None:
    recipe = HEAD + "adapter: lora\nlora_r: 4\nlora_target_linear: true\n" + SETS
    for release in releases():
        bench = bench_of(loaded("qwen2_5_vl"), tmp_path, recipe, [row("a", "b")], axolotl_version=release)
        (found,) = of(list(recipe_findings(bench)), "A014")
        assert f"(from the table of axolotl {release})" in found.message

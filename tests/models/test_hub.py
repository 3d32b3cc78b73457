"""Models from the hub: what is asked for, what is cached, and how each trouble is told."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.models.conftest import WEIGHTS
from tests.support.hub_server import HubServer, Repo, environment, repo_from
from workbench import hub_timeout
from workbench.errors import EnvironmentProblem, InputError
from workbench.models import Progress, load, resolve
from workbench.models import hub as hub_module

NAME = "org/model"
COMMIT = "c0ffee" * 6 + "cafe"


def refused(source: str = NAME, **options: object) -> EnvironmentProblem:
    with pytest.raises(EnvironmentProblem) as caught:
        load(source, **options)  # type: ignore[arg-type]
    assert caught.value.exit_code == 3
    assert caught.value.hint
    return caught.value


def test_a_hub_model_is_loaded_pinned_and_no_weight_is_asked_for(hub: HubServer) -> None:
    seen: list[Progress] = []
    loaded = load(NAME, progress=seen.append)
    assert loaded.revision == COMMIT
    assert loaded.path.name == COMMIT
    assert loaded.processor is not None
    assert loaded.processor.tokenizer is loaded.tokenizer
    assert "tokenizer.json" in hub.files_requested()
    assert hub.files_requested().isdisjoint(WEIGHTS)
    assert not [name for name in hub.files_requested() if Path(name).suffix not in {".json", ".jinja"}]
    stages = {report.stage for report in seen}
    assert stages == {"looking up", "files", "downloading", "loading tokenizer", "loading processor"}
    last = [report for report in seen if report.stage == "downloading"][-1]
    assert last.unit == "B"
    assert last.done == last.total == sum(len(hub.repos[NAME].files[name]) for name in hub.files_requested())
    assert [report.done for report in seen if report.stage == "files"][-1] == len(hub.files_requested())


def test_bytes_are_counted_once_though_the_client_has_two_bars_for_them() -> None:
    seen: list[Progress] = []
    bars = hub_module.bar_class(seen.append)
    for name in ("Downloading bytes", "Reconstructing (incomplete total...)"):
        with bars(desc=name, unit="B", total=0) as bar:
            bar.total = 10
            bar.update(7)
    assert seen == [Progress("downloading", 7, 10, "B")]


def test_what_is_cached_is_not_downloaded_again_and_works_offline(hub: HubServer) -> None:
    first = load(NAME)
    hub.requests.clear()
    assert load(NAME).revision == first.revision
    assert hub.files_requested() == set()
    hub.requests.clear()
    assert load(NAME, offline=True).revision == first.revision
    assert hub.requests == []


def test_the_cached_copy_is_used_with_a_note_when_the_hub_is_gone(
    hub: HubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    load(NAME)
    hub.repos[NAME].scenario = "error_503"
    note = next(note for note in load(NAME).notes if note.code == "L003")
    assert note.severity == "warning"
    assert "503" in note.message


def test_python_files_come_only_when_remote_code_is_trusted(hub: HubServer) -> None:
    hub.repos[NAME].files["modeling_x.py"] = b"pass\n"
    load(NAME)
    assert "modeling_x.py" not in hub.files_requested()
    hub_module.fetch(resolve(NAME), trust_remote_code=True)
    assert "modeling_x.py" in hub.files_requested()


def test_files_of_checkpoints_below_the_root_are_left_where_they_are(hub: HubServer) -> None:
    files = hub.repos[NAME].files
    files |= {
        "checkpoint-5/tokenizer.json": b"{}",
        "model.safetensors.index.json": b"{}",
        "additional_chat_templates/x.jinja": b"x",
    }
    load(NAME)
    wanted = hub.files_requested()
    assert "additional_chat_templates/x.jinja" in wanted
    assert wanted.isdisjoint({"checkpoint-5/tokenizer.json", "model.safetensors.index.json"})


def test_a_revision_is_a_branch_a_tag_or_a_commit(hub: HubServer) -> None:
    hub.repos[NAME].refs["v1"] = "1" * 40
    assert load(f"{NAME}@v1").revision == "1" * 40
    assert load(NAME, recipe={"revision_of_model": "v1"}).revision == "1" * 40
    assert load(NAME, revision=COMMIT, recipe={"revision_of_model": "v1"}).revision == COMMIT
    problem = refused(f"{NAME}@nowhere")
    assert "no revision 'nowhere'" in problem.title


@pytest.mark.parametrize(
    ("scenario", "title", "hint"),
    [
        ("gated_401", "gated", "hf auth login"),
        ("gated_403", "gated", "Accept the licence at http"),
        ("denied_403", "access refused", "token"),
        ("bad_token", "does not accept the access token", "HF_TOKEN"),
        ("missing_404", "no model org/model", "./org/model"),
        ("error_503", "answered 503", "later"),
    ],
)
def test_each_refusal_has_its_own_message(hub: HubServer, scenario: str, title: str, hint: str) -> None:
    hub.repos[NAME].scenario = scenario  # type: ignore[assignment]
    problem = refused()
    assert title in problem.title
    assert hint in problem.hint
    assert hub.files_requested() == set()


def test_offline_with_nothing_cached(hub: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    assert "not in the cache" in refused(offline=True).title
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert "HF_HUB_OFFLINE" in refused().hint
    assert hub.requests == []


def test_a_hub_that_is_not_there(hub: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    assert "the connection was refused" in refused().cause
    monkeypatch.setattr(constants, "ENDPOINT", "http://hub.invalid")
    assert "cannot be reached" in refused().title


def test_a_hub_that_does_not_answer_in_time(hub: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.repos[NAME].scenario = "slow"
    hub.repos[NAME].delay = 1.0
    from huggingface_hub import HfApi

    original = HfApi.model_info
    monkeypatch.setattr(HfApi, "model_info", lambda self, repo, **options: original(self, repo, timeout=0.1, **options))
    assert "no answer in time" in refused().cause


@pytest.mark.parametrize("stage", ["info", "tree", "head", "file"])
@pytest.mark.parametrize("scenario", ["mute", "dribbled_headers", "dribbled_body", "stalled_body"])
def test_a_hub_that_falls_silent_is_waited_for_no_longer_than_the_limit(
    hub: HubServer, monkeypatch: pytest.MonkeyPatch, stage: str, scenario: str
) -> None:
    """Tries again, pauses between them and one byte a second do not add up to a wait of minutes."""
    if stage == "head" and "body" in scenario:
        pytest.skip("the answer to HEAD has no body")
    limit = 0.4
    monkeypatch.setattr(hub_timeout, "LIMIT", limit)
    before = set(threading.enumerate())
    repo = hub.repos[NAME]
    repo.scenario, repo.silent_at = scenario, stage  # type: ignore[assignment]
    asked = outlast(lambda: attempt(load, NAME), seconds=20 * limit + 6)
    if asked is None:
        assert stage == "tree", "this huggingface_hub does not ask for the list of files"
        assert not [request for request in hub.requests if "/tree/" in request.path]
        return
    assert "no answer in time" in asked.cause or "Nothing came for" in asked.cause
    assert hub.endpoint in asked.cause
    assert "HF_ENDPOINT" in asked.hint
    # What still reads is woken: the interpreter would wait for these threads as it ends.
    left = [
        thread for thread in set(threading.enumerate()) - before if thread.name.startswith(("ThreadPool", "vlmbench"))
    ]
    for thread in left:
        thread.join(10)
    assert not [thread.name for thread in left if thread.is_alive()]


def attempt(work: Callable[[str], object], name: str) -> EnvironmentProblem | None:
    try:
        work(name)
    except EnvironmentProblem as problem:
        return problem
    return None


def outlast(work: Callable[[], EnvironmentProblem | None], seconds: float) -> EnvironmentProblem | None:
    """The result of `work`, which has to end within `seconds`."""
    found: list[EnvironmentProblem | None] = []
    thread = threading.Thread(target=lambda: found.append(work()), daemon=True)
    thread.start()
    thread.join(seconds)
    assert found, "still waiting"
    return found[0]


def test_a_download_that_goes_on_slowly_is_waited_for(hub: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub_timeout, "LIMIT", 0.5)
    repo = hub.repos[NAME]
    repo.scenario = "trickle"
    repo.delay = 0.1
    assert load(NAME).revision == COMMIT


@pytest.mark.parametrize(
    "endpoint", ["huggingface.co", "ftp://hub", "https://", "http://[half", "http://a b", "http://h:x"]
)
def test_an_endpoint_that_is_no_address_is_named(
    hub: HubServer, monkeypatch: pytest.MonkeyPatch, endpoint: str
) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "ENDPOINT", endpoint)
    problem = refused()
    assert f"HF_ENDPOINT is no address: {endpoint!r}" in problem.title


def test_the_session_of_the_hubs_client_is_left_as_it_was(hub: HubServer) -> None:
    from huggingface_hub import get_session

    before = {name: list(hooks) for name, hooks in get_session().event_hooks.items()}
    load(NAME)
    assert {name: list(hooks) for name, hooks in get_session().event_hooks.items()} == before


def test_the_bar_has_the_manners_of_tqdm(capfd: pytest.CaptureFixture[str]) -> None:
    """The class serves every version of huggingface_hub, which use it differently: its locks, threads and name."""
    from tqdm.contrib.concurrent import thread_map
    from tqdm.std import tqdm

    seen: list[Progress] = []
    bars = hub_module.bar_class(seen.append)
    assert issubclass(bars, tqdm)
    assert thread_map(lambda one: one + 1, [1, 2, 3], tqdm_class=bars, name="hub", max_workers=2) == [2, 3, 4]
    assert seen[-1] == Progress("files", 3, 3, "file")
    with bars(total=4, unit="B", name="hub", bar_format="{l_bar}", disable=False) as bar:
        bar.set_postfix_str("x")
        bar.update(3)
        bar.set_description("y")
        assert bar.format_dict["rate"] is None
    assert seen[-1] == Progress("downloading", 3, 4, "B")
    assert capfd.readouterr() == ("", "")


def test_a_download_that_is_cut_off_goes_on_from_there_next_time(
    hub: HubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.file_download.time.sleep", lambda seconds: None)
    repo = hub.repos[NAME]
    repo.scenario = "cut"
    problem = refused()
    assert "interrupted" in problem.title
    assert "run it again" in problem.hint
    repo.scenario = "ok"
    assert load(NAME).revision == COMMIT


def test_bytes_that_are_not_what_the_hub_announced_are_removed(hub: HubServer) -> None:
    repo = hub.repos[NAME]
    repo.scenario = "corrupt"
    assert "tokenizer.json arrived corrupt" in refused().title
    repo.scenario = "ok"
    assert len(load(NAME).tokenizer) > 256


def test_a_file_shorter_than_announced(hub: HubServer) -> None:
    hub.repos[NAME].scenario = "short"
    assert "corrupt" in refused().title


def test_a_full_disk(hub: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*args: object, **options: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("huggingface_hub.file_download.http_get", full)
    problem = refused()
    assert "no space on the disk" in problem.title
    assert "HF_HOME" in problem.hint


def test_a_repository_without_a_tokenizer_says_what_it_has(hub: HubServer) -> None:
    hub.repos["org/weights"] = Repo({"model.safetensors": b"x", "config.json": b'{"model_type": "qwen2_vl"}'})
    hub.repos["org/gguf"] = Repo({"model-Q4.gguf": b"x"})
    hub.repos["org/adapter"] = Repo({"adapter_config.json": json.dumps({"base_model_name_or_path": NAME}).encode()})
    hub.repos["org/readme"] = Repo({"README.md": b"x"})
    assert "weights in the repository" in refused("org/weights").cause
    assert "GGUF" in refused("org/gguf").cause
    assert f"Give the base model: {NAME}" in refused("org/adapter").hint
    assert "README.md" in refused("org/readme").cause
    assert not [name for name in hub.files_requested() if name.endswith((".safetensors", ".gguf"))]


def test_a_broken_file_of_a_hub_model_is_of_the_environment(hub: HubServer) -> None:
    hub.repos[NAME].files["config.json"] = b'{"model_type": "qwen2'
    problem = refused()
    assert "config.json is broken" in problem.title
    assert problem.where.line == 1


def test_the_tokenizer_may_come_from_another_repository(hub: HubServer, text_folder: Path) -> None:
    hub.repos["org/words"] = repo_from(text_folder)
    loaded = load(NAME, recipe={"tokenizer_config": "org/words"})
    assert loaded.tokenizer_path != loaded.path
    assert loaded.tokenizer_path is not None
    assert "org--words" in str(loaded.tokenizer_path)
    assert loaded.processor is not None
    assert loaded.processor.tokenizer is loaded.tokenizer


def test_a_user_sets_the_hub_by_the_environment(hub: HubServer, tmp_path: Path) -> None:
    program = f"from workbench.models import load; x = load({NAME!r}); print(x.revision, type(x.processor).__name__)"
    variables = {**os.environ, **environment(hub.endpoint, tmp_path / "other")}
    done = subprocess.run([sys.executable, "-c", program], env=variables, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [COMMIT, "Qwen2VLProcessor"]
    assert hub.files_requested().isdisjoint(WEIGHTS)


def test_a_path_is_never_sent_to_the_hub(hub: HubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "models" / "gemma-4").mkdir(parents=True)
    (tmp_path / "file.gguf").touch()
    wrong = (
        "./nothing",
        "/no/where",
        "~nobody/x",
        "a/b/c",
        "models/gemma4",
        "models/x/",
        "file.gguf",
        "",
        "a b",
        "x y@z",
    )
    for text in wrong:
        with pytest.raises(InputError) as caught:
            load(text)
        assert caught.value.exit_code == 2
        assert caught.value.hint
    with pytest.raises(InputError, match="models/gemma-4"):
        load("models/gemma4")
    assert hub.requests == []


def test_what_a_source_means(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "org" / "here").mkdir(parents=True)
    assert resolve("org/here").folder == (tmp_path / "org" / "here").resolve()
    assert resolve("hf://org/here").repo == "org/here"
    assert (resolve("google/gemma@v2").repo, resolve("google/gemma@v2").revision) == ("google/gemma", "v2")
    assert resolve("google/gemma@v2", "main").revision == "v2"
    assert resolve("gpt2", "main").revision == "main"

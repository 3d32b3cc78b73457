"""One device a run, whichever of them the parent sees."""

from __future__ import annotations

import pytest

from workbench.errors import EnvironmentProblem, InputError
from workbench.models.weights import pick_device
from workbench.overfit.devices import first_devices, one_device


@pytest.mark.parametrize(
    ("device", "environment", "inside", "visible"),
    [
        ("auto", {}, "auto", "0"),
        ("cuda", {}, "cuda", "0"),
        ("cuda:3", {}, "cuda", "3"),
        ("auto", {"CUDA_VISIBLE_DEVICES": "5,2"}, "auto", "5"),
        ("cuda:1", {"CUDA_VISIBLE_DEVICES": "5,2"}, "cuda", "2"),
        ("cuda:1", {"CUDA_VISIBLE_DEVICES": "GPU-8932f937, MIG-41b3"}, "cuda", "MIG-41b3"),
        ("cuda:2", {"CUDA_VISIBLE_DEVICES": "5,2"}, "cuda:2", None),
        ("cuda:1", {"CUDA_VISIBLE_DEVICES": "5,-1,2"}, "cuda:1", None),
        ("cuda", {"CUDA_VISIBLE_DEVICES": ""}, "cuda", None),
        ("cpu", {"CUDA_VISIBLE_DEVICES": "5,2"}, "cpu", ""),
        ("mps", {}, "mps", None),
        ("cuda:x", {}, "cuda:x", None),
    ],
)
def test_the_child_sees_one_device(device: str, environment: dict[str, str], inside: str, visible: str | None) -> None:
    name, variables = one_device(device, environment)
    assert name == inside
    assert variables.get("CUDA_VISIBLE_DEVICES") == visible


def test_a_launcher_sees_as_many_as_it_has_processes() -> None:
    assert first_devices(2, {}) == {"CUDA_VISIBLE_DEVICES": "0,1"}
    assert first_devices(2, {"CUDA_VISIBLE_DEVICES": "7,5,3"}) == {"CUDA_VISIBLE_DEVICES": "7,5"}


def test_a_device_that_is_not_there() -> None:
    with pytest.raises(EnvironmentProblem, match="no device"):
        pick_device("cuda:7")


@pytest.mark.parametrize("device", ["cuda:x", "tpu", "mps:0:1"])
def test_a_text_that_names_no_device(device: str) -> None:
    with pytest.raises(InputError, match="names no device"):
        pick_device(device)

"""Every name under which memory runs out, and what is none of them."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest
import torch

from workbench.overfit.failures import (
    asked_kernel,
    is_of_peer,
    killed,
    kind_of,
    line_on,
    out_of_memory_kills,
    says_memory,
)

MEMORY = [
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB. GPU 0 has a total capacity of 79 GiB"),
    RuntimeError("CUDA error: out of memory\nCUDA kernel errors might be asynchronously reported"),
    RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
    RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"),
    RuntimeError("cusolver error: CUSOLVER_STATUS_ALLOC_FAILED, when calling `cusolverDnCreate(handle)`"),
    RuntimeError(
        "MPS backend out of memory (MPS allocated: 17.6 GiB, other allocations: 384 KiB, max allowed: 18 GiB)"
    ),
    RuntimeError("Invalid buffer size: 31.25 GiB"),
    RuntimeError("HIP out of memory. Tried to allocate 4.00 GiB"),
    RuntimeError("[enforce fail at alloc_cpu.cpp:117] err == 0. DefaultCPUAllocator: can't allocate memory: you tried"),
    RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 8 bytes."),
    RuntimeError("unable to mmap 4294967296 bytes from file <model.safetensors>: Cannot allocate memory (12)"),
    RuntimeError("std::bad_alloc"),
    RuntimeError("NVML_SUCCESS == r INTERNAL ASSERT FAILED at CUDACachingAllocator.cpp:838"),
    MemoryError(),
    OSError(errno.ENOMEM, "Cannot allocate memory"),
]
OTHERS = [
    RuntimeError("shape '[1, 2]' is invalid for input of size 3"),
    OSError(errno.ENOSPC, "No space left on device"),
    ValueError("the words “out of memory” stand in a row's text"),
    KeyError("allocate"),
]


@pytest.mark.parametrize("problem", MEMORY, ids=lambda problem: str(problem)[:40])
def test_every_spelling_of_too_little_memory(problem: BaseException) -> None:
    assert kind_of(problem) == "memory"


@pytest.mark.parametrize("problem", OTHERS, ids=lambda problem: str(problem)[:40])
def test_other_errors_are_no_lack_of_memory(problem: BaseException) -> None:
    assert kind_of(problem) == "crash"


def raised(outer: BaseException, inner: BaseException, *, explicit: bool) -> BaseException:
    try:
        try:
            raise inner
        except BaseException as problem:
            if explicit:
                raise outer from problem
            raise outer  # noqa: B904
    except BaseException as problem:
        return problem


@pytest.mark.parametrize("explicit", [True, False])
def test_an_error_on_the_way_out_does_not_hide_the_first(explicit: bool) -> None:
    inner = torch.OutOfMemoryError("CUDA out of memory.")
    assert kind_of(raised(AttributeError("no loss"), inner, explicit=explicit)) == "memory"
    assert kind_of(raised(AttributeError("no loss"), KeyError("x"), explicit=explicit)) == "crash"


@pytest.mark.parametrize(
    "text",
    [
        "CUDA error: no kernel image is available for execution on the device",
        "Could not run 'aten::_scaled_mm' with arguments from the 'CPU' backend.",
        "The operator 'aten::_upsample_bicubic2d_aa.out' is not currently implemented for the MPS device.",
        "\"addmm_impl_cpu_\" not implemented for 'Half'",
        "FlashAttention only supports Ampere GPUs or newer.",
        "FlexAttention does not support backward on CPU. Please set the input requires_grad to False",
        "Torch not compiled with CUDA enabled",
    ],
)
def test_an_operation_that_the_device_lacks(text: str) -> None:
    assert kind_of(NotImplementedError(text)) == "kernel"
    assert kind_of(RuntimeError(text)) == "kernel"


def test_a_package_that_is_missing_and_a_key_that_was_pressed() -> None:
    assert kind_of(ImportError("You need to install `bitsandbytes`")) == "package"
    assert kind_of(KeyboardInterrupt()) == "cancelled"


def test_the_key_that_asks_for_a_kernel() -> None:
    recipe = "base_model: x\nattn_implementation: flash_attention_2\nfp16: true\n"
    asked = asked_kernel(recipe, "FlashAttention only supports Ampere GPUs or newer.")
    assert asked["field"] == "attn_implementation"
    assert "flash_attention_2" in asked["hint"]
    assert asked_kernel(recipe, "\"addmm\" not implemented for 'Half'")["field"] == "fp16"
    assert asked_kernel("base_model: x\n", "FlashAttention only supports Ampere GPUs or newer.") == {}


@pytest.mark.parametrize(
    ("code", "log", "result"),
    [
        (-9, "", True),
        (137, "", True),
        (1, "exitcode  : -9 (pid: 311)\nSignal 9 (SIGKILL) received by PID 311", True),
        (1, "ValueError: x", False),
        (-15, "", False),
        (0, "the text SIGKILL", False),
    ],
)
def test_a_process_that_was_killed_outright(code: int, log: str, result: bool) -> None:
    assert killed(code, log) is result


def test_the_systems_count_of_kills(tmp_path: Path) -> None:
    assert out_of_memory_kills(tmp_path) is None
    for name, text in {
        "proc/vmstat": "nr_free_pages 12\noom_kill 3\n",
        "sys/fs/cgroup/memory.events": "low 0\noom 1\noom_kill 2\noom_group_kill 0\n",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    assert out_of_memory_kills(tmp_path) == 5


LAUNCHER = """RuntimeError: [gloo/transport/tcp/pair.cc:545] Read error: Connection reset by peer.
  rank      : 1 (local_rank: 1)
  exitcode  : -9 (pid: 24722)  (SIGKILL)
  traceback : Signal 9 (SIGKILL) received by PID 24722
===="""


def test_a_process_that_misses_another_has_no_reason_of_its_own() -> None:
    assert is_of_peer(RuntimeError("[gloo/transport/tcp/pair.cc:545] Read error: Connection reset by peer."))
    assert is_of_peer(RuntimeError("NCCL error in: ProcessGroupNCCL.cpp:2027, remote process exited or there was an"))
    assert not is_of_peer(RuntimeError("shape '[1, 2]' is invalid for input of size 3"))
    assert not is_of_peer(torch.OutOfMemoryError("CUDA out of memory."))
    assert killed(1, LAUNCHER)
    assert line_on("killed", LAUNCHER) == "traceback : Signal 9 (SIGKILL) received by PID 24722"
    other = "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2 GiB\n" + LAUNCHER.replace("-9", "-15")
    assert line_on("memory", other).startswith("torch.OutOfMemoryError")


def test_a_log_that_ends_for_want_of_memory() -> None:
    assert says_memory("Traceback …\nMemoryError")
    assert not says_memory("Traceback …\nValueError: x")

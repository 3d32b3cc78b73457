"""The kind of an exception that ended a run: too little memory, an operation that the device lacks, or a crash.

Memory runs out under many names: torch's, CUDA's, its libraries', Metal's, Python's and the system's. An error that was
raised while another was handled is of that one's kind.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

Kind = Literal["memory", "kernel", "package", "cancelled", "crash"]

_MEMORY = (
    # torch on CUDA, ROCm, XPU and Metal, and the drivers below it.
    *("out of memory", "cudaerrormemoryallocation", "cuda_error_out_of_memory", "invalid buffer size"),
    # The libraries that take memory of their own.
    *("_status_alloc_failed", "cufft_alloc_failed", "nvml_success == r"),
    # torch on a CPU, C++ and the system.
    *("can't allocate memory", "not enough memory", "cannot allocate memory", "std::bad_alloc", "unable to allocate"),
    *("failed to allocate", "failed to mmap", "memoryerror"),
)
_KERNEL = (
    *("no kernel image is available", "invalid device function", "no available kernel", "no binary for gpu"),
    *("not implemented for 'half'", "not implemented for 'bfloat16'", "not implemented for 'char'"),
    *("is not currently implemented for the", "could not run 'aten::", "could not run 'torch"),
    *(
        "does not support backward on",
        "is not supported on cpu",
        "not compiled with cuda",
        "not supported on this device",
    ),
    *("only supports ampere", "only support ampere", "only supports hopper", "requires device with capability"),
    *("cannot find a working triton", "0 active drivers", "unsupported gpu architecture", "torch not compiled with"),
)
# Words of a message, and the keys that ask for what they are about.
_ASKED_BY = (
    (
        ("attention", "flash", "triton"),
        ("attn_implementation", "flash_attention", "flex_attention", "xformers_attention"),
    ),
    (("'half'", "float16"), ("fp16", "float16")),
    (("'bfloat16'",), ("bf16", "bfloat16")),
    (("optim",), ("optimizer",)),
)
# What a process says of another that is gone: the reason is that one's.
_PEER = (
    *(
        "connection reset by peer",
        "connection closed by peer",
        "remote process exited",
        "broken pipe",
        "socket timeout",
    ),
    *("nccl error", "ncclremoteerror", "watchdog caught collective operation timeout", "gloo/transport"),
)


def is_of_peer(problem: BaseException) -> bool:
    """True where an exception only says that another process of the run is gone."""
    return any(isinstance(error, RuntimeError) and _says(str(error), _PEER) for error in _chain(problem))


def kind_of(problem: BaseException) -> Kind:
    """The kind of an exception, by its own type and message and those that it came from."""
    for error in _chain(problem):
        if is_memory(error):
            return "memory"
    for error in _chain(problem):
        text = str(error).lower()
        if isinstance(error, KeyboardInterrupt):
            return "cancelled"
        if any(words in text for words in _KERNEL):
            return "kernel"
        if isinstance(error, ImportError):
            return "package"
    return "crash"


def is_memory(error: BaseException) -> bool:
    """True where an exception says that memory ran out, whoever says it."""
    import torch

    if isinstance(error, (MemoryError, torch.OutOfMemoryError)):
        return True
    if isinstance(error, OSError) and error.errno == errno.ENOMEM:
        return True
    return isinstance(error, (RuntimeError, OSError)) and says_memory(str(error))


def says_memory(log: str) -> bool:
    """True where a log says that memory ran out."""
    return _says(log, _MEMORY)


def line_on(kind: Kind | str, log: str) -> str:
    """The last line of a log that says so; "" where none does."""
    words = _MEMORY if kind == "memory" else _KILLED
    return next((line.strip()[:300] for line in reversed(log.splitlines()) if _says(line, words)), "")


def _says(text: str, words: tuple[str, ...]) -> bool:
    lower = text.lower()
    return any(one in lower for one in words)


def _chain(problem: BaseException) -> Iterator[BaseException]:
    """An exception, what it was raised from, and so on."""
    seen: set[int] = set()
    error: BaseException | None = problem
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def asked_kernel(recipe: str, message: str) -> dict[str, str]:
    """The hint and the key of a recipe (its text) that asks for what a device cannot do, as far as a message tells."""
    from workbench.recipe.yaml.document import Document

    data = Document(recipe).data
    lower = message.lower()
    for words, keys in _ASKED_BY:
        key = next((key for key in keys if data.get(key)), None)
        if key is not None and any(word in lower for word in words):
            return {"field": key, "hint": f"Remove {key}: {data[key]}, or run on a device that can do it."}
    return {}


def killed(code: int, log: str) -> bool:
    """True where a process that ended with this code, or one of those that it had started, was killed outright.

    137 is how a shell and a container say it; a launcher says it in its log.
    """
    return code in (-9, 137) or (code != 0 and _says(log, _KILLED))


_KILLED = ("signal 9 (sigkill)", "exitcode: -9", "exitcode  : -9")


def out_of_memory_kills(root: Path = Path("/")) -> int | None:
    """The number of processes that the system has killed for want of memory so far; None where it does not say.

    The machine's own count, or that of the container's group, whichever there is.
    """
    found = []
    for name, key in (
        ("proc/vmstat", "oom_kill"),
        ("sys/fs/cgroup/memory.events", "oom_kill"),
        ("sys/fs/cgroup/memory/memory.oom_control", "oom_kill"),
    ):
        try:
            lines = (root / name).read_text("ascii", "replace").splitlines()
        except OSError:
            continue
        found += [
            int(value)
            for word, _, value in (line.partition(" ") for line in lines)
            if word == key and value.strip().isdigit()
        ]
    return sum(found) if found else None

"""The attention that a model can be loaded with, asked of the class of each of its parts.

transformers judges part by part: a model of several towers loads with a backend only where the class of every tower
has it. Where none is named, each tower takes sdpa if its class has that, and eager if not.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from workbench.models.anatomy import Anatomy
    from workbench.models.towers import TowerName

UNSET = "transformers then takes sdpa for each part of the model whose class has it, and eager for the rest"


@dataclass(frozen=True, slots=True)
class MissingBackend:
    """A class that does not have a backend, and the tower it is of; None where it is the whole model's."""

    class_name: str
    tower: TowerName | None


def parts_without(anatomy: Anatomy, name: str) -> tuple[MissingBackend, ...]:
    """The parts of a model that transformers refuses to load with this backend; none for one that it does not know.

    The backend's package need not be installed for this.
    """
    from transformers import PreTrainedModel
    from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

    if name not in ("eager", *ALL_ATTENTION_FUNCTIONS.valid_keys()):
        # axolotl registers some of its own, and takes kernels from the hub.
        return ()
    found: dict[str, MissingBackend] = {}
    with _silent():
        for path, module in anatomy.model.named_modules():
            kind = type(module).__name__
            if kind not in found and isinstance(module, PreTrainedModel) and not _has(module, name):
                found[kind] = MissingBackend(kind, anatomy.tower_of(path) if path else None)
    whole = tuple(part for part in found.values() if part.tower is None)
    return whole or tuple(found.values())


def missing_backend(anatomy: Anatomy, name: str) -> str | None:
    """The parts that lack this attention backend, in words; None where every part has it."""
    lacks = parts_without(anatomy, name)
    if not lacks:
        return None
    from transformers import __version__

    classes = " and ".join(part.class_name + (f" (the {part.tower} tower)" if part.tower else "") for part in lacks)
    lack = "does" if len(lacks) == 1 else "do"
    return f"{classes} {lack} not support {name}: transformers {__version__} stops while it loads the model"


def _has(module: Any, name: str) -> bool:
    try:
        module.get_correct_attn_implementation(name, is_init_check=True)
    except ValueError:
        return False
    except ImportError:
        return True
    return True


@contextmanager
def _silent() -> Iterator[None]:
    """Without transformers' warnings of dtypes and devices, which are about a run."""
    from transformers.utils import logging

    level = logging.get_verbosity()
    logging.set_verbosity_error()
    try:
        yield
    finally:
        logging.set_verbosity(level)

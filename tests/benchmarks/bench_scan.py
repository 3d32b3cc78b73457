"""The mask scan with reasons against both of axolotl's scanners, which give no reasons.

Runs in the conformance environment. Target: four times the faster of the two at torch's default threads.
"""

from __future__ import annotations

import numpy as np
import torch
from axolotl import processing_strategies as axolotl

from tests.benchmarks.page import record
from tests.benchmarks.timing import medians
from workbench.tokens.boundaries import RoleBoundary
from workbench.tokens.mask import scan

STARTS = {"assistant": (105, 4368, 107), "user": (105, 2364, 107), "system": (105, 9731, 107)}
LOOP, VECTORISED = axolotl._compute_role_keep_mask, axolotl._compute_role_keep_mask_vectorized
MEDIA = (255999, 256000, 258880, 258881, 258882, 258883, 258884)


def conversation(generator: np.random.Generator, length: int) -> list[int]:
    """Gemma 4 turns of everyday length, with a picture of 280 tokens every few turns."""
    ids = [2]
    while len(ids) < length:
        picture = [255999, *[258880] * 280, 258882] if generator.random() < 0.2 else []
        question = generator.integers(1000, 250000, generator.integers(20, 120)).tolist()
        answer = generator.integers(1000, 250000, generator.integers(50, 300)).tolist()
        ids += [*STARTS["user"], *picture, *question, 106, 107, *STARTS["assistant"], *answer, 106, 107]
    return ids[:length]


def main() -> None:
    """Print milliseconds and ratios for both shapes and thread counts."""
    generator = np.random.default_rng(0)
    ours = [RoleBoundary(role, start, (106,)) for role, start in STARTS.items()]
    theirs = [axolotl.RoleBoundary(role, list(start), [106]) for role, start in STARTS.items()]
    default = torch.get_num_threads()
    for shape in ((8, 4096), (1, 131_072)):
        ids = np.array([conversation(generator, shape[1]) for _ in range(shape[0])])
        tensor = torch.from_numpy(ids)
        expected = LOOP(tensor, theirs, {"assistant"}, "turn").numpy()
        assert (scan(ids, ours).keep == expected).all()
        for threads in (default, 1):
            torch.set_num_threads(threads)
            seconds = medians(
                {
                    "vlmbench": lambda ids=ids: scan(ids, ours, pad_id=0, media_ids=MEDIA),
                    "axolotl loop": lambda tensor=tensor: LOOP(tensor, theirs, {"assistant"}, "turn"),
                    "axolotl vectorised": lambda tensor=tensor: VECTORISED(tensor, theirs, {"assistant"}, "turn"),
                },
                rounds=15,
            )
            mine = seconds.pop("vlmbench")
            best = min(seconds, key=seconds.__getitem__)
            figures = ", ".join(f"{name} {value * 1e3:.2f} ms" for name, value in seconds.items())
            if threads == default:
                name = "scan 8x4096" if shape[0] == 8 else "scan 131072"
                record(name, seconds[best] / mine, f"{mine * 1e3:.2f} ms, {best} {seconds[best] * 1e3:.2f} ms")
            what = f"{shape[0]}×{shape[1]}, {threads} threads"
            print(f"{what}: vlmbench {mine * 1e3:.3f} ms; {figures}; {seconds[best] / mine:.0f}× the faster ({best})")
    torch.set_num_threads(default)


if __name__ == "__main__":
    main()

"""A script as a user writes it, which mypy reads with `disallow_any_expr` (pyproject.toml): `make types` finds an Any.

A test runs it too. Tables are left out, because pandas has no types of its own, and single elements of arrays, which
numpy itself has as Any.
"""

from __future__ import annotations

from pathlib import Path

import workbench


def look() -> list[str]:
    """Use the public API, and keep what comes out."""
    bench = workbench.open()
    row = bench.rows[0]
    mask = row.mask()
    length = len(mask.labels)
    trained: int = mask.trained
    largest = max(mask.to_dict()["input_ids"])
    kinds = [span["role"] for span in mask.to_dict()["spans"]]
    owners = [token["owner"]["kind"] for token in row.trace.to_dict()["tokens"]]
    sizes = [picture.size for picture in row.images]
    batch = bench.masks(2)
    padded = batch.attention_mask.shape
    own = bench.render([{"role": "user", "content": "Hello?"}, {"role": "assistant", "content": "Hi."}])
    bench.set("datasets.0.train_on_eos", "none")
    checked = bench.check(2, select=["M"])
    lines = [f"{found.code} {found.where.line} {found.message}" for found in checked.findings]
    fixes = [found.fix.title for found in checked.findings if found.fix is not None]
    counts: dict[str, int] = checked.to_dict()["summary"]["codes"]
    mended: bool = checked.fix().clean
    compared = bench.compare(workbench.open(), 2)
    differing = [one.first for one in compared.differing]
    inferred = bench.infer(rows=2)
    proven: bool = inferred.verified
    recall = [one["recall"] for one in inferred.to_dict()["evidence"]]
    memory: int = bench.memory(sequence=128).total
    missing: str | None = bench.export().proven_by
    page: str = workbench.explain("M002").html()
    names: tuple[str, ...] = workbench.known_families().names
    shown: str = bench.text() + own.text() + bench.recipe.diff + bench.title
    try:
        bench.save(Path())
    except workbench.BenchError as problem:
        lines += [problem.title, problem.hint, str(problem.where), problem.to_dict()["cause"]]
    told = (length, trained, largest, kinds, owners, sizes, padded, counts, mended, differing, proven, recall, memory)
    return [*lines, *fixes, *names, page, shown, str(missing), repr(told), workbench.__version__]


if __name__ == "__main__":
    print(len(look()))

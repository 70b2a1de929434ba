# Two targets do everything on a fresh machine with Python 3.11-3.13, git and make:
#   make demo    set up, then the whole chain on a synthetic genome
#   make test    set up, then the tests: what must hold before a change is merged
# make docs builds the documentation's site into docs/_build/html; a warning is an error.
# make test-fast has units and golden arrays without those of many seconds; test-slow and chaos have what takes
# minutes or gigabytes.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed

# Runs and tests start processes by the dozen, which load the same modules: they are compiled once.
unexport PYTHONDONTWRITEBYTECODE

# One process of tests for each processor; a file is one group, and so are those that share a Ray (tests/parallel.py).
test test-fast: export OPENBLAS_NUM_THREADS := 1
PARALLEL := -n auto --dist loadscope --no-loadscope-reorder

.PHONY: demo test test-fast test-slow chaos lint docs clean

demo: $(STAMP)
	$(BIN)/raycre demo --out demo-run

test: $(STAMP)-test
	$(BIN)/python -m pytest $(PARALLEL) -m "not slow and not chaos"

test-fast: $(STAMP)-test
	$(BIN)/python -m pytest $(PARALLEL) -m "not slow and not chaos and not long" tests/unit tests/golden

test-slow: $(STAMP)-test
	$(BIN)/python -m pytest -m slow

chaos: $(STAMP)-test
	$(BIN)/python -m pytest -m chaos

lint: $(STAMP)-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/vulture

docs: $(STAMP)-docs
	$(BIN)/python -m sphinx --fail-on-warning --keep-going --quiet -b html docs docs/_build/html

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	@# torch first, at its pin: a build without CUDA satisfies it where one is on offer
	$(BIN)/python -m pip install --quiet --constraint constraints.txt torch
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[plots]'
	@touch $@

$(STAMP)-test: $(STAMP)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[plots,test]'
	@touch $@

$(STAMP)-docs: $(STAMP)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[plots,docs]'
	@touch $@

clean:
	rm -rf $(VENV) demo-run docs/_build

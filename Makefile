# Two targets do everything on a fresh machine with Python 3.11-3.13, git and make:
#   make demo    set up, then the whole chain on a synthetic genome
#   make test    set up, then the tests: what must hold before a change is merged
# make docs builds the documentation's site into docs/_build/html; a warning is an error.
# make test-report drives the report's page in a browser.
# make test-fast has units and golden arrays without those of many seconds; test-slow and chaos have what takes
# minutes or gigabytes. test-ray-low runs what is tested on Ray on the oldest that pyproject.toml
# takes, or on another: make test-ray-low RAY_LOW=2.55.1
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
RAY_LOW ?= 2.60.0
LOW    := $(VENV)-ray-$(RAY_LOW)

# Runs and tests start processes by the dozen, which load the same modules: they are compiled once.
unexport PYTHONDONTWRITEBYTECODE

# One process of tests for each processor; a file is one group, and so are those that share a Ray (tests/parallel.py).
test test-fast: export OPENBLAS_NUM_THREADS := 1
PARALLEL := -n auto --dist loadscope --no-loadscope-reorder

.PHONY: demo test test-fast test-slow test-report test-ray-low chaos lint docs clean

demo: $(STAMP)
	$(BIN)/raycre demo --out demo-run

test: $(STAMP)-test
	$(BIN)/python -m pytest $(PARALLEL) -m "not slow and not chaos"

test-fast: $(STAMP)-test
	$(BIN)/python -m pytest $(PARALLEL) -m "not slow and not chaos and not long" tests/unit tests/golden

test-slow: $(STAMP)-test
	$(BIN)/python -m pytest -m slow

test-report: $(STAMP)-report
	@command -v chromium || command -v chromium-browser || command -v google-chrome || $(BIN)/python -m playwright install chromium
	RAYCRE_REPORT_TEST=1 $(BIN)/python -m pytest tests/unit/test_report_browser.py

test-ray-low: $(LOW)/.installed
	$(LOW)/bin/python -m pytest -m "not slow and not chaos" tests/cluster tests/fault

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

$(STAMP)-report: $(STAMP)-test
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[plots,test,report-test]'
	@touch $@

$(STAMP)-docs: $(STAMP)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[plots,docs]'
	@touch $@

$(LOW)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(LOW)
	$(LOW)/bin/python -m pip install --quiet --upgrade pip
	$(LOW)/bin/python -m pip install --quiet --constraint constraints.txt torch
	$(LOW)/bin/python -m pip install --quiet --constraint constraints.txt --editable '.[plots,test]'
	$(LOW)/bin/python -m pip install --quiet --no-deps ray==$(RAY_LOW)
	@touch $@

clean:
	rm -rf $(VENV) $(VENV)-ray-* demo-run docs/_build

# Two targets do everything on a fresh machine with Python 3.11-3.13, git and make:
#   make demo    set up, then the whole chain on a synthetic genome
#   make test    set up, then the tests: what must hold before a change is merged
# make docs builds the documentation's site into docs/_build/html; a warning is an error.
# make test-report drives the report's page in a browser.
# make test-fast has units and golden arrays without those of many seconds; test-slow and chaos have what takes
# minutes or gigabytes.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed

# One process of tests for each processor; a file is one group, and so are those that share a Ray (tests/parallel.py).
test test-fast: export OPENBLAS_NUM_THREADS := 1
PARALLEL := -n auto --dist loadscope --no-loadscope-reorder

.PHONY: demo test test-fast test-slow test-report chaos lint docs clean

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

clean:
	rm -rf $(VENV) demo-run docs/_build

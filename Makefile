# Two targets do everything on a fresh machine with Python 3.11-3.13, git and make:
#   make demo    set up, then the whole chain on a synthetic genome
#   make test    set up, then the tests
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed

.PHONY: demo test test-slow lint clean

demo: $(STAMP)
	$(BIN)/raycre demo --out demo-run

test: $(STAMP)-test
	$(BIN)/python -m pytest -m "not slow"

test-slow: $(STAMP)-test
	$(BIN)/python -m pytest -m slow

lint: $(STAMP)-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/vulture

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

clean:
	rm -rf $(VENV) demo-run

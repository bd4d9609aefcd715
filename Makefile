# `make help` lists the targets. Everything runs in .venv, which is created if it is missing or out of date.

SHELL := /bin/bash
BIN := .venv/bin
PORT ?= 8000
SANDBOX_PORT ?= 9000
INSTALL := $(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes
LOCK := $(BIN)/uv pip compile --quiet --universal --no-strip-extras --generate-hashes --no-emit-index-url --python-version 3.11
# GNU make 4 keeps the output of parallel targets apart; the 3.81 of macOS cannot.
SIDE_BY_SIDE := --no-print-directory --jobs $(if $(filter output-sync,$(.FEATURES)),--output-sync=target)

# Images often set it. The tests start hundreds of processes, and each would compile all modules again: the web process
# takes 2.8 s of CPU time to start, and 1.0 s with stored bytecode.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help setup demo run test unit unit-inner unit-outer faults processes coverage lint format lock bench chaos clean

help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

setup: .venv/ready ## Make .venv with all that `make test` needs

# The stock pip installs uv alone: there is nothing to resolve there, and uv does the rest in seconds.
.venv/bin/uv: requirements-setup.txt
	@for python in $(PYTHON) python3.11 python3; do \
	  $$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && break; python=; \
	done; \
	if [ -z "$$python" ]; then echo 'This needs Python 3.11 or newer: install it, or name one with PYTHON=…'; exit 1; fi; \
	echo "Setting up .venv with $$($$python --version), about 10 s …" && $$python -m venv --clear .venv
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements-setup.txt
	@touch $@

# The requirements of the service, the embedded store and the sandbox.
.venv/ready-to-run: .venv/bin/uv requirements-demo.txt
	@$(INSTALL) -r requirements-demo.txt
	@touch $@

.venv/ready: .venv/ready-to-run requirements-dev.txt
	@echo 'Installing type checkers, test tools and the browser driver, about 20 s …'
	@$(INSTALL) -r requirements-dev.txt
	@$(BIN)/pip check
	@touch $@

demo: .venv/ready-to-run ## Show the main job: the service with a sandbox Slack and SectorFlow (SKIP=1 installs the app, ASK="…" asks once)
	@PORT=$(PORT) SANDBOX_PORT=$(SANDBOX_PORT) $(BIN)/python -m sandbox.demo $(if $(SKIP),--installed) $(if $(ASK),--ask "$$ASK")

demo: export ASK := $(ASK)

run: .venv/ready-to-run ## Run the service: web, worker and, if REDIS_URL is unset, a store of its own
	@PORT=$(PORT) $(BIN)/python -m sectorflow_slack

test: setup ## Pass every check and test
	@$(MAKE) $(SIDE_BY_SIDE) lint unit-inner unit-outer faults processes

unit: setup ## Pass the tests that start no processes
	@$(MAKE) $(SIDE_BY_SIDE) unit-inner unit-outer

# Two halves of about the same length, each for one core.
UNIT := $(BIN)/python -m pytest -m "not processes and not browser"
INNER := tests/clients tests/domain tests/formatting tests/sandbox tests/storage

unit-inner: setup
	$(UNIT) $(INNER)

unit-outer: setup
	$(UNIT) $(INNER:%=--ignore=%) --ignore=tests/chaos

faults: setup ## Pass the tests that kill processes and break what they need; they mostly wait
	$(BIN)/python -m pytest tests/chaos

# The files are named, because it takes 8 s of CPU time to import those of the other tests.
processes: setup ## Pass the other tests with real processes, and those with a real browser
	$(BIN)/python -m pytest -m "processes or browser" \
	  $$(grep -rlE --include='test_*.py' 'mark\.(processes|browser)' tests | grep -v '^tests/chaos/' | sort)

coverage: setup ## List the branches that no unit test reaches; takes three times as long
	$(BIN)/python -m pytest -m "not processes and not browser" --cov --cov-report=term:skip-covered

lint: setup ## Check format, types and layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: setup ## Format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

chaos: setup ## Kill, stop and starve everything under load, for minutes; prints a table
	CHAOS=1 $(BIN)/python -m pytest tests/chaos

.venv/ready-to-bench: .venv/ready requirements-bench.txt
	@$(INSTALL) -r requirements-bench.txt
	@touch $@

bench: .venv/ready-to-bench ## Measure the service beside others, and write the tables of docs/performance.md
	$(BIN)/python -m bench --write

# Extras stay in the lock: pip before 23.3 takes `coverage[toml]` for a requirement other than `coverage`, and asks for
# the hash of whatever release is newest.
lock: setup ## Lock the requirements again, with hashes
	$(LOCK) requirements.in -o requirements.txt
	$(LOCK) requirements-setup.in -o requirements-setup.txt
	$(LOCK) requirements-demo.in -o requirements-demo.txt
	$(LOCK) requirements-dev.in -o requirements-dev.txt
	$(LOCK) requirements-bench.in -o requirements-bench.txt

clean: ## Remove .venv, caches and the embedded store's data
	rm -rf .venv .local .mypy_cache .pytest_cache .ruff_cache .hypothesis .coverage

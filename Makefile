# `make help` lists what there is. Everything runs in .venv, which is made when it is missing or out of date.

SHELL := /bin/bash
PYTHON ?= python3.11
BIN := .venv/bin
PORT ?= 8000
SANDBOX_PORT ?= 9000

.DEFAULT_GOAL := help
.PHONY: help setup demo run test unit lint format lock chromium bench chaos clean

help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-9s %s\n", $$1, $$2}'

setup: .venv/ready ## Make .venv with everything pinned

.venv/ready: requirements.txt requirements-dev.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	@touch $@

demo: setup ## Show the main job: the service with a sandbox Slack and SectorFlow (ASK="…" for one answer)
	@PORT=$(PORT) SANDBOX_PORT=$(SANDBOX_PORT) $(BIN)/python -m sandbox.demo $(if $(ASK),--ask "$$ASK")

demo: export ASK := $(ASK)

run: setup ## Run the service: web, worker and, where REDIS_URL is unset, a store of its own
	@PORT=$(PORT) $(BIN)/python -m sectorflow_slack

test: lint ## Pass every check and test
	$(BIN)/python -m pytest --cov --cov-report=term:skip-covered

unit: setup ## Pass the tests that start no processes
	$(BIN)/python -m pytest -m "not processes and not browser"

lint: setup ## Check form, types and layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: setup ## Put the code into its form
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

chaos: setup ## Kill, stop and starve everything under load, for minutes; prints a table
	CHAOS=1 $(BIN)/python -m pytest tests/chaos

bench: setup ## Measure the acknowledgement of events, pressed tabs, and what one team's flood does to another
	$(BIN)/python -m bench.acknowledge
	$(BIN)/python -m bench.tabs
	$(BIN)/python -m bench.fairness

lock: setup ## Lock the requirements anew, with hashes
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --python-version 3.11 \
	  requirements.in -o requirements.txt
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --python-version 3.11 \
	  requirements-dev.in -o requirements-dev.txt

clean: ## Forget .venv, caches and the embedded store's data
	rm -rf .venv .local .mypy_cache .pytest_cache .ruff_cache .hypothesis .coverage

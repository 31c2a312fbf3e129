# Fediversity: everything a developer runs. `make` alone lists the targets.
PYTHON ?= python3
VENV := .venv/bin
COMPILE := pip-compile --quiet --no-config --allow-unsafe --generate-hashes --no-emit-index-url \
	--no-emit-trusted-host --no-emit-find-links --strip-extras
SERVICES := $(patsubst services/%/requirements.txt,%,$(wildcard services/*/requirements.txt))
SCRIPTS = $(shell grep -rlE '^\#!/bin/(sh|busybox sh)' nix compose .ci)

.DEFAULT_GOAL := help
.PHONY: help setup packages demo up down check format test chaos bench-deploy bench-state bench-panel \
	lock openapi asyncapi messages

help: ## List these targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  \1\t\2/p' $(MAKEFILE_LIST) | expand -t 16

setup: ## Make .venv from the lock; every other target does it first
	@$(PYTHON) scripts/bootstrap.py

demo: setup ## Start all, deploy, back up, restore, show it; DEMO="--exit --json FILE" for scripts
	@$(VENV)/python -m shared.embedded demo $(DEMO)

up: setup ## Start servers and services on this computer, in the background
	@$(VENV)/python -m shared.embedded up $(UP)

down: setup ## Stop what `make up` started
	@$(VENV)/python -m shared.embedded down

check: setup ## Format, lint, types, imports, unit tests, documents, shell scripts: about a minute
	$(VENV)/ruff format --check
	$(VENV)/ruff check
	$(VENV)/mypy
	$(VENV)/lint-imports
	$(VENV)/python -m pytest -q -n 2 tests/unit tests/architecture
	$(VENV)/shellcheck $(SCRIPTS)

format: setup ## Write every file the way `make check` wants it
	$(VENV)/ruff format
	$(VENV)/ruff check --fix

packages: setup ## Install, or name, the distribution packages that the tests need
	@$(VENV)/python -m shared.embedded packages --for test

test: packages ## Contract, integration and story tests on real servers; TEST="-k …" narrows
	$(VENV)/python -m pytest -n 3 --dist loadscope --no-loadscope-reorder tests/contract tests/integration tests/stories $(TEST)

chaos: setup ## Kill parts at steps drawn from SEED in RUNS runs (`all`: the matrix); JSON=FILE
	$(VENV)/python -m tests.chaos $(if $(RUNS),--runs $(RUNS)) $(if $(SEED),--seed $(SEED)) \
		$(if $(JSON),--json $(JSON))

bench-deploy: setup ## Time deployments of `hello` beside their bare parts; JSON=FILE keeps the figures
	$(VENV)/python -m tests.bench.deploy $(if $(JSON),--json $(JSON))

bench-state: setup ## Carry 200 MB of rows and 2,000 files there and back; JSON=FILE keeps the figures
	$(VENV)/python -m tests.bench.state $(if $(JSON),--json $(JSON))

bench-panel: setup ## Ask the panel's pages and watch 1,000 runs in it; JSON=FILE keeps the figures
	$(VENV)/python -m tests.bench.panel $(if $(JSON),--json $(JSON))

lock: setup ## Pin every dependency, with hashes and without an index: one lock, one per image
	PIP_FIND_LINKS= $(VENV)/$(COMPILE) --extra=dev --extra=embedded --output-file=requirements.lock \
		pyproject.toml
	for service in $(SERVICES); do \
		PIP_FIND_LINKS= $(VENV)/$(COMPILE) --constraint=requirements.lock \
			--output-file=services/$$service/requirements.lock \
			shared/requirements.txt services/$$service/requirements.txt || exit; \
	done

openapi: setup ## Write docs/api/openapi.json from the routes of the panel
	$(VENV)/python -m services.panel --print-openapi > docs/api/openapi.json

asyncapi: setup ## Write docs/events/asyncapi.yaml from the registered events
	$(VENV)/python -m shared.bus asyncapi --output docs/events/asyncapi.yaml

messages: setup ## Collect the panel's sentences, and bring its catalogues up to date
	$(VENV)/python scripts/messages.py

# Every target does its own set-up. `make help` lists them.
SHELL := /bin/bash
.DEFAULT_GOAL := help
VENV := .venv
BIN := $(VENV)/bin
UV := .uv/bin/uv
# Tests that wait for daemons, processes and deadlines: nothing may run beside them.
BY_THE_CLOCK := faults integration/test_alerts.py
READY := $(VENV)/.ready
# Without compiled modules every command of ours starts seconds later.
unexport PYTHONDONTWRITEBYTECODE
unexport VIRTUAL_ENV
export UV_LINK_MODE := copy

.PHONY: help setup demo up test test-slow telemetry-nightly coverage lint types bench promises lock clean

help:  ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | awk -F'\t' '{printf "  make %-17s %s\n", $$1, $$2}'

$(UV):
	@python3 -m venv .uv && .uv/bin/python -m pip install --quiet --upgrade uv

$(READY): requirements.lock pyproject.toml .python-version | $(UV)
	@echo "Setting up: Python 3.12 and the pinned packages (once, about half a minute) …"
	@test -x $(BIN)/python || $(UV) venv --quiet --python 3.12 $(VENV)
	@$(UV) pip sync --quiet --python $(BIN)/python --compile-bytecode requirements.lock
	@$(UV) pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation -e .
	@touch $@

setup: $(READY)  ## install everything into .venv (the other targets do it by themselves)

demo: $(READY)  ## the whole chain once: sync, build, publish, check, and a table to look at
	@$(BIN)/telemetry demo

up: $(READY)  ## everything live until Ctrl-C: Dagster UI, daemon, local Airbyte, schedules
	@$(BIN)/telemetry up

test: $(READY)  ## the fast tests
	@$(BIN)/python -m pytest -m "not slow" -n 3 --dist loadfile --no-loadscope-reorder

test-slow: $(READY)  ## the tests that need minutes
	@$(BIN)/python -m pytest -m slow -n 2 --dist loadfile --no-loadscope-reorder $(addprefix --ignore=tests/,$(BY_THE_CLOCK))
	@$(BIN)/python -m pytest -m slow $(addprefix tests/,$(BY_THE_CLOCK))

coverage: $(READY)  ## the fast tests as CI runs them: coverage and JUnit, in coverage/
	@mkdir -p coverage
	@COVERAGE_FILE=coverage/data $(BIN)/python -m pytest -m "not slow" -n 3 --dist loadfile --no-loadscope-reorder \
	  --cov=telemetry_assets --cov-report=xml:coverage/coverage.xml --cov-report=html:coverage/html --junitxml=coverage/junit.xml

telemetry-nightly: $(READY)  ## sync, build, publish, then every check: one verdict, whatever failed on the way
	@$(BIN)/telemetry refresh; refreshed=$$?; $(BIN)/telemetry check --all; checked=$$?; exit $$(( checked ? checked : refreshed ))

lint: $(READY)  ## ruff: style and format
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .

types: $(READY)  ## pyright, strict on the package
	@$(BIN)/pyright

bench: $(READY)  ## every benchmark beside its rival; writes docs/benchmarks.md
	@$(BIN)/python -m benchmarks

promises: $(READY)  ## write docs/promises.md
	@$(BIN)/python -m tests.promises

lock: | $(UV)  ## compile requirements.lock anew from pyproject.toml
	@$(UV) pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header --python-version 3.12 --group dev pyproject.toml -o requirements.lock

clean:  ## remove what was built, the demo's state included
	@test ! -x $(BIN)/telemetry || $(BIN)/telemetry db stop || true
	@rm -rf $(VENV) .uv .telemetry dbt_project/target dbt_project/logs .pytest_cache .ruff_cache .hypothesis coverage telemetry-artifacts

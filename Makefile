# The two commands: `make demo` and `make test`. Everything else is a part of them, or a convenience.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Not pip itself: with hashes it refuses a package that one dependency wants bare and another with an extra (sqlglot[rs]).
INSTALL := $(BIN)/uv pip install --quiet --python $(BIN)/python --compile-bytecode
export DO_NOT_TRACK := 1
export DAGSTER_DISABLE_TELEMETRY := 1

.PHONY: demo test test-full check bench docs ui lock clean

demo: $(VENV)/core.installed
	$(BIN)/pql demo

# A file runs on one worker, which its fixtures serve; files in the order of tests/conftest.py, not most tests first.
WORKERS := --numprocesses 2 --dist loadfile --no-loadscope-reorder

test: check
	$(BIN)/python -m pytest $(WORKERS)

test-full: check
	PQL_TEST_FULL=1 $(BIN)/python -m pytest $(WORKERS)

# Conventions are checks; none needs credentials.
check: $(VENV)/dev.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright
	$(BIN)/lint-imports
	mkdir -p target/check
	PQL_HOME=target/check $(BIN)/dbt --quiet parse --profiles-dir . --target-path target
	$(BIN)/dbt-bouncer
	PQL_HOME=target/check $(BIN)/sqlfluff lint --processes 2 models

# One benchmark by name, or all; figures are printed, never asserted. OPTIONS="--edges 1000000" makes it smaller.
bench: $(VENV)/dev.installed
	$(BIN)/python -m bench $(NAME) $(OPTIONS)

docs: $(VENV)/dev.installed
	$(BIN)/python -m orchestration.dictionary docs/data-dictionary.md

ui: $(VENV)/core.installed
	$(BIN)/pql ui

# The lock files carry hashes and no host; uv reads pyproject.toml for every platform at once. Versions stay as they are
# unless a new requirement moves them; UPGRADE=--upgrade takes the newest of all.
COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate
UPGRADE ?=
lock: $(VENV)/dev.installed
	echo uv | $(COMPILE) - --output-file requirements-installer.lock $(UPGRADE)
	$(COMPILE) pyproject.toml --extra dev --output-file requirements-dev.lock $(UPGRADE)
	$(COMPILE) pyproject.toml --constraint requirements-dev.lock --output-file requirements.lock $(UPGRADE)

clean:
	rm -rf $(VENV) local target logs

# A stamp is written last, so an installation that a crash cut short is taken up again.
$(VENV)/core.installed: requirements.lock requirements-installer.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed, this is " + sys.version.split()[0]) if sys.version_info < (3, 11) else None'
	test -x $(BIN)/python || $(PYTHON) -m venv --clear $(VENV)
	@echo "Installing the dependencies, by hash (about a minute with an empty cache)"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-installer.lock
	$(INSTALL) --require-hashes -r requirements.lock
	$(INSTALL) --no-deps --no-build-isolation --editable .
	touch $@

$(VENV)/dev.installed: requirements-dev.lock $(VENV)/core.installed
	$(INSTALL) --require-hashes -r requirements-dev.lock
	touch $@

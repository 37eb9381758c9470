# make demo    the whole story on made-up data, into build/demo/
# make test    everything the tests need, then the tests
# make check   style, types, imports
# make bench   speed and memory against pyHanko, in one run
#
# All set-up happens here: a virtual environment in .venv, and for the tests the Debian packages they need (when run as
# root; otherwise tests that lack a tool are skipped and say so).

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
DEMO ?= build/demo
WORKERS ?= 2

export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PIP_ROOT_USER_ACTION := ignore

.PHONY: demo test check bench tools clean
.DELETE_ON_ERROR:

demo: $(VENV)/.demo
	$(BIN)/kyso demo $(DEMO)

test: $(VENV)/.dev tools
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadgroup

check: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/.dev tools
	$(BIN)/python -m tests.bench

$(VENV)/.python:
	$(PYTHON) -c 'import sys; sys.exit("kyso needs Python 3.11 or newer") if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet 'pip>=25.1'
	touch $@

$(VENV)/.demo: $(VENV)/.python pyproject.toml
	$(BIN)/python -m pip install --quiet --editable '.[all]'
	touch $@

$(VENV)/.dev: $(VENV)/.demo pyproject.toml
	$(BIN)/python -m pip install --quiet --group dev
	touch $@

tools:
	@sh .ci/tools

clean:
	rm -rf build .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

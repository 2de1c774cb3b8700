# Two commands are enough: `make demo` shows it, `make test` proves it. `make` alone lists the rest.

PYTHON ?= python3
VENV ?= .venv
SEED ?= 1
MINUTES ?= 30

# One stamp for each set of packages, named after what they are installed from: nothing changed, nothing to do.
PACKAGES := pyproject.toml package.json .ci/setup .ci/apt hatch_build.py
PANEL := package-lock.json $(shell find labextension/src labextension/style -type f | LC_ALL=C sort)
DEMO := $(VENV)/.demo-$(shell cat $(PACKAGES) | cksum | cut -d ' ' -f 1)
DOCS := $(VENV)/.docs-$(shell cat $(PACKAGES) | cksum | cut -d ' ' -f 1)
DEV := $(VENV)/.dev-$(shell cat $(PACKAGES) $(PANEL) | cksum | cut -d ' ' -f 1)
PEERS := .venv-peers
PEERS_READY := $(PEERS)/.ready-$(shell cat pyproject.toml .ci/peers .ci/apt benchmarks/peers/requirements.txt | cksum | cut -d ' ' -f 1)
RUN := PATH="$(abspath $(VENV))/bin:$$PATH"

.PHONY: help demo test check format bench bench-peers chaos soak audit docs setup clean
.DEFAULT_GOAL := help

help: ## list the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(DEMO) ## run the example notebook over real crystal structures and show the dataframe
	@$(RUN) python examples/demo.py

test: $(DEV) ## run every test, real parts included
	@.ci/testbed packages
	@npm test --silent
	@$(RUN) python -m pytest

check: $(DEV) ## format, lint, types, and the direction of the imports
	@$(RUN) ruff format --check
	@$(RUN) ruff check
	@$(RUN) mypy
	@$(RUN) lint-imports
	@npm run --silent check

format: $(DEV) ## let ruff format the code and mend what it can
	@$(RUN) ruff format
	@$(RUN) ruff check --fix
	@npm run --silent format

bench: $(DEV) ## run the benchmarks and print their table
	@$(RUN) python -m benchmarks

bench-peers: $(PEERS_READY) ## measure other tools beside this one: benchmarks/peers/REPORT.md
	@PATH="$(abspath $(PEERS))/bin:$$PATH" python -m benchmarks.peers $(ARGUMENTS)

chaos: $(DEV) ## kill, freeze and fill at random for MINUTES=30 from SEED=1, and judge every table
	@.ci/testbed packages
	@$(RUN) python tests/chaos --seed $(SEED) --minutes $(MINUTES)

docs: $(DOCS) ## build the documentation as a site, to be read without a network: build/site/index.html
	@$(RUN) NO_MKDOCS_2_WARNING=1 python -m mkdocs build --strict --quiet
	@echo "Open $(abspath build/site/index.html)"

soak: $(DEV) ## 200 jobs in a row and 20 at once on one Jupyter server: does it stay what it was?
	@$(RUN) python -m benchmarks.soak

audit: $(DEV) ## look for known vulnerabilities in all that is installed
	@.ci/audit "$(VENV)"

setup: $(DEV) ## install everything for development in .venv

clean: ## remove the environment and everything made here
	rm -rf node_modules labextension/lib labextension/*.tsbuildinfo jupyter_featx/labextension
	rm -rf $(VENV) $(PEERS) .venv.audit .chaos .demo build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -not -path './.git/*' -prune -exec rm -rf {} +

$(DEMO):
	@PYTHON="$(PYTHON)" .ci/setup "$(VENV)" demo "$@"

$(DOCS):
	@PYTHON="$(PYTHON)" .ci/setup "$(VENV)" docs "$@"

$(DEV):
	@PYTHON="$(PYTHON)" .ci/setup "$(VENV)" dev "$@"
	@touch "$(DEMO)" "$(DOCS)" # dev holds all that the demo and the site need

$(PEERS_READY):
	@FEATX_NO_PANEL=1 PYTHON="$(PYTHON)" .ci/peers "$(PEERS)" "$@"

# One gate for hand, hook and CI: `make check`. `make help` lists the rest.
.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export XDR_PEERS ?= $(CURDIR)/.cache/peers
export PIP_DISABLE_PIP_VERSION_CHECK := 1

help: ## List what can be made
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 18

$(VENV)/.installed: requirements/test.txt
	@echo "== environment ($(VENV))"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install --quiet --no-deps --require-hashes -r requirements/test.txt
	@touch $@

$(BIN)/xdr: $(VENV)/.installed Makefile
	@printf '#!/bin/sh\nPYTHONPATH="%s" exec "%s/python" -m appliance.cli.running "$$@"\n' "$(CURDIR)" "$(CURDIR)/$(BIN)" > $@
	@chmod +x $@

env: $(VENV)/.installed $(BIN)/xdr ## The Python environment, from the hash-pinned lock

ui: env ## The console, built only when its sources changed
	@echo "== console"
	@$(BIN)/python appliance/web/ui/build.py

run: env ui ## Run the whole appliance on this machine; prints a sign-in link
	@$(BIN)/python -m appliance.cli.running dev run $(RUN_OPTIONS)

check: env ## Lint, format, types and contracts
	@echo "== ruff" && $(BIN)/ruff check . && $(BIN)/ruff format --check --quiet .
	@echo "== mypy" && $(BIN)/mypy
	@echo "== import-linter" && $(BIN)/lint-imports --no-cache > .lint-imports.log || (cat .lint-imports.log; exit 1)
	@rm -f .lint-imports.log
	@echo "== locks" && $(BIN)/python tests/locks.py

check-ui: ui ## Types, lint and unit tests of the console
	@echo "== console: types, lint, unit tests" && $(BIN)/python appliance/web/ui/build.py check

test: check check-ui ## Everything: check, unit, integration with real servers, end-to-end with a browser
	@echo "== tests" && $(BIN)/python -m pytest $(PYTEST_OPTIONS)

test-deps: ## What the tests need beyond Python (root): Chromium, rsyslog, syslog-ng
	@tests/install_peers.sh

bundle: env ui ## What nodes install from, without a network: packages, wheels, product (root)
	@$(BIN)/python -m tests.cluster.all --only-bundle

IMAGE ?= build/image
image: env ui ## The image in all formats and the installer medium, in build/image (root, long)
	@nice $(BIN)/python -m packer.image $(IMAGE) $(IMAGE_OPTIONS)

test-image: env ## Boots the built image and its medium in QEMU: wizard, first boot from a stick, blank disk (root, long)
	@nice $(BIN)/python -m tests.image.boot $(IMAGE)

test-cluster: env ui ## Three real systemd nodes: install, install again, each fault once (root)
	@nice $(BIN)/python -m tests.cluster.all --times 1

test-cluster-long: env ui ## The same, each fault five times (root)
	@nice $(BIN)/python -m tests.cluster.all --times 5

bench: env ## All benchmarks in full, by hand; reports under docs/reports/
	@tests/bench/all.sh

bench-smoke: env ## Each benchmark once, small
	@tests/bench/all.sh --small

lock: env ## Renew the locks; nothing younger than a week
	@tests/renew_locks.sh

clean: ## Delete what was built here
	@rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache appliance/web/ui/_dist appliance/web/ui/node_modules

.PHONY: help env ui run check check-ui test test-deps test-cluster test-cluster-long image test-image bundle bench bench-smoke lock clean

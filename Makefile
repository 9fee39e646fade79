# MiniDockNet: set up, run, test.  "make help" lists what there is.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
# Steps build on each other; parallelism lives inside them.
.NOTPARALLEL:

PY := .venv/bin/python
TOPOLOGY ?= topologies/rocketfuel-68.yaml
WIRE := minidocknet/links/wire/src
FUZZ_SECONDS ?= 60
export PYTHON

.PHONY: help setup packages test-packages venv wire engine image calibration run test lint test-c fuzz test-unit \
	test-emulation test-guest bench lock clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' Makefile

setup: packages venv wire engine image calibration ## Install what is needed, build all, start Docker's engine; runs nothing

packages: ## Install the Debian packages that are missing
	@scripts/packages.sh

test-packages: ## Install what only tests use
	@scripts/packages.sh test

venv: packages ## Make .venv from requirements.lock, with hashes
	@scripts/venv.sh

wire: packages ## Build the link daemon, build/wire/mdn-wired
	@$(MAKE) -qs -C $(WIRE) 2>/dev/null || { echo "setup: building the link daemon"; \
		$(MAKE) -s -j$$(nproc) -C $(WIRE); }

engine: packages ## Start Docker's engine where none answers
	@scripts/engine.sh

image: venv engine ## Build the node image where the engine lacks it (a minute)
	@$(PY) -m minidocknet.runtime.image >/dev/null

calibration: image wire ## Measure once what the emulation itself takes of a delay (12 s)
	@.venv/bin/mdn calibrate --if-needed

run: setup ## Bring the papers' 68-node map up, show that it works, take it down
	@$(PY) -m minidocknet.demo $(TOPOLOGY)

test: setup lint test-c fuzz test-unit test-emulation test-guest ## Every check and test that this machine can run

lint: venv ## ruff, mypy and the import-direction check
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy
	$(PY) -m pytest -q tests/unit/test_layers.py

test-c: test-packages ## The daemon's C tests, also under ASan and UBSan
	$(MAKE) --no-print-directory -C $(WIRE) test test-sanitize

fuzz: test-packages ## Fuzz the daemon's frame parser for FUZZ_SECONDS
	$(MAKE) --no-print-directory -C $(WIRE) fuzz FUZZ_SECONDS=$(FUZZ_SECONDS)

test-unit: venv ## Unit tests: no root, seconds
	@scripts/tier.sh unit

test-emulation: setup test-packages ## Emulation tests: root, Docker, /dev/net/tun
	@scripts/tier.sh emulation

test-guest: venv ## Tests in a kernel of their own (QEMU or user-mode Linux)
	@scripts/tier.sh guest

bench: setup ## Measure against the engine and the peers; results in benchmarks/
	@$(PY) -m tests.bench

lock: venv ## Write requirements.lock anew (needs uv)
	@scripts/lock.sh

clean: ## Remove what make made in this checkout; labs and images stay (mdn wipe)
	@rm -rf build .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis *.egg-info
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

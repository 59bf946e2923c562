# Everything runs in the checkout's own environment (.venv), made on first use.
PYTHON ?= python3
VENV := .venv/bin
export NUMBA_CACHE_DIR := $(CURDIR)/.cache/numba
export HEARTREACH_CACHE := $(CURDIR)/.cache/heartreach

.DEFAULT_GOAL := help
.PHONY: help demo test check prove release bench pins clean planner-environment dev-environment

help:  ## show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

demo: planner-environment  ## simulate 20 years of the built-in town under three policies
	$(VENV)/heartreach demo --out demo-results --force

test: dev-environment check  ## style, types, import contract and tests
	$(VENV)/python -m pytest -q -n 2 --dist loadgroup -m "not slow and not release"

check: dev-environment
	$(VENV)/ruff check .
	$(VENV)/ruff format --check .
	$(VENV)/mypy
	$(VENV)/lint-imports

prove: dev-environment  ## the slower proofs
	$(VENV)/python -m pytest -q -n 2 --dist loadgroup -m "slow and not release"

release: dev-environment  ## the proofs that take hours
	$(VENV)/python -m pytest -q -m release

pins: dev-environment  ## resolve the pinned packages anew
	cd constraints && for audience in planner live; do \
	  uv pip compile -q --universal --python-version 3.11 --no-emit-index-url --generate-hashes --no-header --no-annotate \
	    ../pyproject.toml build.in --extra $$audience -o $$audience.txt || exit 1; done
	cd constraints && uv pip compile -q --universal --python-version 3.11 --no-emit-index-url --generate-hashes --no-header --no-annotate \
	  ../pyproject.toml build.in --all-extras -o dev.txt

clean:  ## remove the environment, caches and demo results
	rm -rf .venv .cache demo-results

planner-environment:
	@$(PYTHON) .ci/environment.py planner

dev-environment:
	@$(PYTHON) .ci/environment.py dev

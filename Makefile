# Interpreters that are tried in this order; `make PYTHON=python3.12 test` takes that one.
PYTHONS := python3.14 python3.13 python3.12 python3.11
VENV := .venv
BIN := $(VENV)/bin
# Two files of tests at once; those of one file share what they train.
PARALLEL := --numprocesses 2 --dist loadfile --no-loadscope-reorder
# A name on PATH may be a shim that fails, so each candidate is run; prints name and version of the first that has venv.
CHECK := import ensurepip, sys; sys.exit(sys.version_info < (3, 11) or print(*sys.argv[1:], sys.version.split()[0]))
FOUND := $(shell for python in $(or $(PYTHON),$(PYTHONS)); do $$python -c '$(CHECK)' $$python 2>/dev/null && break; done)
MISSING := $(if $(PYTHON),PYTHON=$(PYTHON) does not run,none of $(PYTHONS) runs here) as Python 3.11 or newer with venv
READY := $(VENV)/.ready-$(word 2,$(FOUND))
# An environment that another Python made is made anew.
ANEW := $(if $(wildcard $(READY)),,$(if $(wildcard $(VENV)/pyvenv.cfg),--clear))

.PHONY: demo train test test-quick test-all lint bench clean

# torch first and by its number: a range would pull another one.
$(READY): requirements.txt requirements-no-deps.txt pyproject.toml
	$(if $(FOUND),,$(error $(MISSING): install one, or name another: make PYTHON=/path/to/python))
	$(strip $(firstword $(FOUND)) -m venv $(ANEW) $(VENV))
	$(BIN)/pip install --quiet torch==2.13.0
	$(BIN)/pip install --quiet -r requirements.txt
	$(BIN)/pip install --quiet --no-deps -r requirements-no-deps.txt --editable .
	touch $(READY)

demo: $(READY)
	$(BIN)/python demo.py

train: $(READY)
	$(BIN)/python train_residual_ppo.py

test: $(READY)
	$(BIN)/python -m pytest $(PARALLEL)

# Without the tests that train a policy.
test-quick: $(READY)
	$(BIN)/python -m pytest $(PARALLEL) -m "not slow and not trains"

test-all: $(READY)
	$(BIN)/python -m pytest $(PARALLEL) -m "slow or not slow"

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

bench: $(READY)
	$(BIN)/python benchmarks/step_rate.py

clean:
	rm -rf $(VENV) build demo *.egg-info .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

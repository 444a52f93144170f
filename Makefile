# Interpreters in the order in which they are tried; `make PYTHON=python3.12 test` uses that interpreter.
PYTHONS := python3.14 python3.13 python3.12 python3.11
VENV := .venv
BIN := $(VENV)/bin
# Runs two test files in parallel. Tests of one file share trained policies, so they stay in one process.
PARALLEL := --numprocesses 2 --dist loadfile --no-loadscope-reorder
# Finds the first interpreter with venv; prints its name and version. A name on PATH may be a shim that fails, so run each.
CHECK := import ensurepip, sys; sys.exit(sys.version_info < (3, 11) or print(*sys.argv[1:], sys.version.split()[0]))
FOUND := $(shell for python in $(or $(PYTHON),$(PYTHONS)); do $$python -c '$(CHECK)' $$python 2>/dev/null && break; done)
MISSING := $(if $(PYTHON),PYTHON=$(PYTHON) does not run,none of $(PYTHONS) runs here) as Python 3.11 or newer with venv
READY := $(VENV)/.ready-$(word 2,$(FOUND))
# Recreates a virtual environment that another Python made.
ANEW := $(if $(wildcard $(READY)),,$(if $(wildcard $(VENV)/pyvenv.cfg),--clear))

.PHONY: demo view train test test-quick test-all lint bench clean

# Installs torch first, with an exact version: later requirements would otherwise install another version.
$(READY): requirements.txt requirements-no-deps.txt pyproject.toml
	$(if $(FOUND),,$(error $(MISSING): install one, or name another: make PYTHON=/path/to/python))
	$(strip $(firstword $(FOUND)) -m venv $(ANEW) $(VENV))
	$(BIN)/pip install --quiet torch==2.13.0
	$(BIN)/pip install --quiet -r requirements.txt
	$(BIN)/pip install --quiet --no-deps -r requirements-no-deps.txt --editable .
	touch $(READY)

demo: $(READY)
	$(BIN)/python demo.py

view: $(READY)
	$(BIN)/python view.py

train: $(READY)
	$(BIN)/python train_residual_ppo.py

test: $(READY)
	$(BIN)/python -m pytest $(PARALLEL)

# Leaves out tests that train a policy.
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

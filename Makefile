# Every target works on a fresh machine with Python 3.11+, make and a package index.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
LIBRARY ?= library
PIP := $(BIN)/python -m pip install --disable-pip-version-check -q -c constraints.txt
# The language model of `make chat` and `make ask`; empty for the settings' own.
MODEL ?=
PULL = $(if $(MODEL),$(BIN)/lectern models pull "$(MODEL)" --yes,true)
CHOSEN = $(if $(MODEL),--model "$(MODEL)")
# No telemetry and no look-ups at a hub, whatever a library's default is.
export HF_HUB_OFFLINE := 1
export GRADIO_ANALYTICS_ENABLED := False
export RAGAS_DO_NOT_TRACK := true

.PHONY: help setup setup-dev chat ask test test-fast lint check clean attack bench-ingest bench-reading bench-retrieval bench-languages bench-models bench-answers bench-questions bench-follow-ups bench-study bench-eval bench-finetune bench-gpu bench-app screenshots

help:  ## List the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 18

$(VENV)/.base: pyproject.toml constraints.txt
	@echo "Preparing $(VENV) (a few minutes, once)..."
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(PIP) --no-compile -e '.[web]'  # Python compiles a module when it is first imported; most never are
	@$(BIN)/lectern setup
	@touch $@

$(VENV)/.dev: $(VENV)/.base
	@echo "Adding what tests, evaluation and fine-tuning need..."
	@$(PIP) -e '.[dev,eval,finetune,mcp,ocr]'
	@touch $@

setup: $(VENV)/.base  ## Make the environment in .venv
setup-dev: $(VENV)/.dev  ## The same, with the tools for tests, evaluation and fine-tuning

chat: setup  ## Read examples/ and open the web app on http://127.0.0.1:7860; MODEL=NAME pulls a model first if needed
	@$(PULL)
	@$(BIN)/lectern ingest examples/course --library $(LIBRARY)
	@$(BIN)/lectern chat --library $(LIBRARY) $(CHOSEN)

ask: setup  ## Answer a question about examples/ in the terminal: make ask Q="..." [MODEL=NAME]
	@test -n "$(Q)" || { echo 'Usage: make ask Q="your question" [MODEL=NAME]'; exit 2; }
	@$(PULL)
	@$(BIN)/lectern ingest examples/course --library $(LIBRARY)
	@$(BIN)/lectern ask "$(Q)" --library $(LIBRARY) $(CHOSEN)

test: setup-dev  ## Run every test that this machine can run
	@$(BIN)/python -m pytest -n 2

test-fast: setup-dev  ## Run the tests without models and browser
	@$(BIN)/python -m pytest -m "not model and not browser and not slow and not gpu"

lint: setup-dev  ## Check format, lint, types and import contracts
	@$(BIN)/ruff format --check . && $(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

check: lint  ## The same, and run the fast tests (plain English and documents among them)
	@$(BIN)/python -m pytest -q -m "not model and not browser and not slow and not gpu"

.PHONY: wheel bench-install

wheel: setup  ## Build a wheel into dist/, for pipx or uv
	@$(BIN)/python -m pip wheel --disable-pip-version-check -q --no-deps -w dist .
	@ls dist/*.whl

bench-install:  ## Measure size and time to the first answer of clones; REVISIONS="HEAD~1 HEAD" compares
	@$(PYTHON) -m benchmarks.installation $(REVISIONS)

attack: setup-dev  ## Attack all that is kept and served (kills, flips, damaged files, web, events, injections); ARGS=--short for a twentieth, ARGS="injections --model FILE" with a model that writes
	@$(BIN)/python -m benchmarks.attack $(ARGS)

bench-ingest: setup-dev  ## Measure ingest beside the usual recipe
	@$(BIN)/python -m benchmarks.ingest

bench-reading: setup-dev  ## Measure how much of what files say is found; OTHERS=PYTHON, an environment with markitdown and docling
	@$(BIN)/python -m benchmarks.reading $(if $(OTHERS),--others $(OTHERS))

bench-retrieval: setup-dev  ## Measure retrieval: quality, latency and memory beside the usual recipe
	@$(BIN)/python -m benchmarks.retrieval

bench-languages: setup-dev  ## Measure retrieval by language and across languages; XQUAD="FOLDER ..." with xquad.LANGUAGE.*.json
	@test -n "$(XQUAD)" || { echo 'Usage: make bench-languages XQUAD="FOLDER ..."'; exit 2; }
	@$(BIN)/python -m benchmarks.languages $(XQUAD)

bench-models: setup-dev  ## Measure the speed of language models on this CPU; MODEL=FILE, another GGUF file
	@$(BIN)/python -m benchmarks.models $(if $(MODEL),--model $(MODEL))

bench-answers: setup-dev  ## Measure the embedded model's answers: right, wrong, refused
	@$(BIN)/python -m benchmarks.answers

bench-questions: setup-dev  ## Measure lists, counts, tables, code, comparisons and summaries; MODEL=FILE its written ones
	@$(BIN)/python -m benchmarks.questions
	@$(if $(MODEL),$(BIN)/python -m benchmarks.questions.written_summaries --model $(MODEL))

bench-follow-ups: setup-dev  ## Measure the search for follow-up questions against a person's rewriting
	@$(BIN)/python -m benchmarks.questions.follow_ups

bench-study: setup-dev  ## Measure study items: number, share accepted, quality by hand-made labels, time of 20; MODEL=FILE its written ones
	@$(BIN)/python -m benchmarks.study
	@$(if $(MODEL),$(BIN)/python -m benchmarks.study --model $(MODEL) --items 60)

bench-app: setup-dev  ## Measure the web app in real browsers: passages, Stop, eight students at once [MODEL=NAME]
	@$(BIN)/python -m benchmarks.app $(CHOSEN)

.PHONY: catalogue
catalogue: setup-dev  ## Bring new messages of the web app into ui/web/locale/*.po and name those to translate
	@$(BIN)/python -m tests.ui.web.catalogues

screenshots: setup-dev  ## Draw every state of the web app in light, dark and on a phone into docs/screens
	@$(BIN)/python -m benchmarks.app.screenshots

bench-eval: setup-dev  ## Measure the speed of evaluation beside Ragas' own
	@$(BIN)/python -m benchmarks.eval

bench-finetune: setup-dev  ## Measure the speed of training beside TRL's defaults; ROWS=FILE, the customer-service rows
	@test -n "$(ROWS)" || { echo 'Usage: make bench-finetune ROWS=customer-service.csv.gz'; exit 2; }
	@$(BIN)/python -m benchmarks.finetune --rows $(ROWS)

bench-gpu: setup-dev  ## Measure everything that needs a GPU, on all GPUs of this machine; ROWS=FILE as above
	@test -n "$(ROWS)" || { echo 'Usage: make bench-gpu ROWS=customer-service.csv.gz'; exit 2; }
	@$(BIN)/python -m benchmarks.gpu --rows $(ROWS)

.PHONY: bench-api
bench-api: setup-dev  ## Measure the HTTP API beside the chain in process, and 32 clients at once for five minutes
	@$(BIN)/python -m benchmarks.api

.PHONY: bench-scale
bench-scale: setup-dev  ## Measure a library on a PostgreSQL server beside one in a folder; ARGS="--passages 1000000"
	@$(BIN)/python -m benchmarks.scale $(ARGS)

.PHONY: bench-ray
bench-ray: setup-dev  ## Measure an ingest on Ray with one and two workers beside the one without it; ARGS="--notes 200"
	@$(BIN)/python -m benchmarks.scale.ray_ingest $(ARGS)

clean:  ## Remove the environment and caches
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache

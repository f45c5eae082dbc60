PYTHON ?= python3
BIN := .venv/bin

VLLM ?= .venv-vllm
TRL ?= .venv-trl
RAY ?= .venv-ray
CALLERS ?= .venv-callers
SUDO := $(shell [ "$$(id -u)" = 0 ] || command -v sudo)
INSTALL_CHROMIUM = { $(SUDO) apt-get update && $(SUDO) apt-get install -y --no-install-recommends chromium; }

.PHONY: install demo demo-vllm test test-engine test-trl test-ray test-callers test-web check format methods
.PHONY: bench bench-frontier bench-coverage bench-vllm soak clean

install: .venv/installed

.venv/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	touch $@

# Serves the examples over HTTP with the built-in offline judge, twice: cold and from the cache.
demo: install
	$(BIN)/python examples/demo.py

# The same on a real vLLM, with a tiny judge that knows one small world.
demo-vllm: install $(VLLM)/installed
	$(BIN)/python examples/demo_vllm.py --engine-python $(abspath $(VLLM))/bin/python

test: check
	$(BIN)/python -m pytest -n 2

# Against a real vLLM for the CPU, in a virtual environment of its own.
test-engine: install $(VLLM)/installed
	ENGINE_PYTHON=$(abspath $(VLLM))/bin/python $(BIN)/python -m pytest tests/engine

# Its wheels of torchvision and the like do not fit this torch, and nothing here needs them. Not with uv.
$(VLLM)/installed: tests/engine/requirements.txt
	$(PYTHON) -m venv $(VLLM)
	$(VLLM)/bin/python -m pip install --quiet --disable-pip-version-check -r tests/engine/requirements.txt
	$(VLLM)/bin/python -m pip uninstall --quiet --yes torchvision torchaudio torchcodec
	touch $@

# What trainers make of the exports, and of the judge as their reward, on the CPU, in a virtual environment of their own.
test-trl: install $(TRL)/installed
	JUDGE_PYTHON=$(abspath $(BIN))/python $(TRL)/bin/python -m pytest tests/trl

# torch first, and the very one that is pinned: what comes after would bring another along.
$(TRL)/installed: tests/trl/requirements.txt
	$(PYTHON) -m venv $(TRL)
	$(TRL)/bin/python -m pip install --quiet --disable-pip-version-check $$(grep '^torch==' $<)
	$(TRL)/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	touch $@

# What other people's clients, trainers and evaluators make of the service, in a virtual environment of their own.
test-callers: install $(CALLERS)/installed
	JUDGE_PYTHON=$(abspath $(BIN))/python $(CALLERS)/bin/python -m pytest tests/callers

# torch first, for the CPU; all else as it is listed, and this project for its adapters, without what the server needs.
$(CALLERS)/installed: tests/callers/requirements.txt pyproject.toml
	$(PYTHON) -m venv $(CALLERS)
	$(CALLERS)/bin/python -m pip install --quiet --disable-pip-version-check $$(grep '^torch==' $<)
	$(CALLERS)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps -r $<
	$(CALLERS)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps -e .
	touch $@

# Reports as a real browser shows them: Debian's chromium, headless, without a network.
test-web: install
	@command -v $${CHROMIUM:-chromium} >/dev/null || $(INSTALL_CHROMIUM) || \
		{ echo "make test-web: install chromium, or say where it is: CHROMIUM=/path/to/chromium" >&2; exit 1; }
	$(BIN)/python -m pytest tests/web

# On a Ray of two workers on this machine, in a virtual environment of its own.
test-ray: install $(RAY)/installed
	RAY_PYTHON=$(abspath $(RAY))/bin/python $(BIN)/python -m pytest tests/ray

$(RAY)/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(RAY)
	$(RAY)/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[ray]'
	touch $@

check: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: install
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# The methods that come with the service, where each is from, how it asks, and whether its golden test passes.
methods: install
	$(BIN)/python tests/unit/methods_table.py

bench: install
	$(BIN)/python bench/offline_agreement.py
	$(BIN)/python bench/second_pass.py
	$(BIN)/python bench/emulator_speed.py
	$(BIN)/python bench/throughput.py
	$(BIN)/python bench/latency.py
	$(BIN)/python bench/replicas.py
	$(BIN)/python bench/overload.py
	$(BIN)/python bench/million.py
	$(BIN)/python bench/million.py --rows 50000 --kills 10

# Cost per trustworthy label, on simulated judges and on recorded ones where those lie beside the checkout.
bench-frontier: install
	$(BIN)/python bench/aggregation.py
	$(BIN)/python bench/frontier.py
	$(BIN)/python bench/recorded.py

# Whether intervals and tests of evaluations hold what they promise, by simulation.
bench-coverage: install
	$(BIN)/python bench/coverage_stopping.py
	$(BIN)/python bench/coverage_length.py
	$(BIN)/python bench/coverage_ppi.py
	$(BIN)/python bench/coverage_leaderboard.py

bench-vllm: install $(VLLM)/installed
	ENGINE_PYTHON=$(abspath $(VLLM))/bin/python $(BIN)/python bench/prefix.py
	ENGINE_PYTHON=$(abspath $(VLLM))/bin/python $(BIN)/python bench/methods.py

soak: install
	$(BIN)/python bench/soak.py

clean:
	rm -rf .venv $(VLLM) $(TRL) $(RAY) $(CALLERS) build dist .mypy_cache .pytest_cache .ruff_cache

PYTHON ?= python3
BIN := .venv/bin

.PHONY: install demo test check format bench soak clean

install: .venv/installed

.venv/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	touch $@

# Serves the examples over HTTP with the built-in offline judge, twice: cold and from the cache.
demo: install
	$(BIN)/python examples/demo.py

test: check
	$(BIN)/python -m pytest -n 2

check: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: install
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: install
	$(BIN)/python bench/offline_agreement.py
	$(BIN)/python bench/second_pass.py
	$(BIN)/python bench/emulator_speed.py
	$(BIN)/python bench/throughput.py
	$(BIN)/python bench/latency.py

soak: install
	$(BIN)/python bench/soak.py

clean:
	rm -rf .venv build dist .mypy_cache .pytest_cache .ruff_cache

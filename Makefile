# Everything sets itself up: a machine with python3, make and a C compiler is enough.

PYTHON ?= python3
VENV ?= .venv
ROUNDS ?= 3
BIN := $(VENV)/bin
SOURCES := pyproject.toml meson.build $(shell find src -name '*.py' -o -name '*.pyi' -o -name '*.py[x]' -o -name '*.pxd' -o -name meson.build)

.PHONY: demo test lint check bench peers clean

demo: $(VENV)/installed  ## the flows of a small capture with tunnels
	$(BIN)/flowtable read -o table examples/demo.pcapng

test: $(VENV)/tested lint  ## every test
	$(BIN)/python -m pytest

lint: $(VENV)/tested
	$(BIN)/ruff check
	$(BIN)/mypy

bench: $(VENV)/tested  ## figures beside the peers that are installed; ROUNDS=3
	$(BIN)/python bench/run.py --rounds $(ROUNDS)

peers: $(VENV)/tested  ## what to measure against, from Debian (as root) and PyPI
	apt-get install --yes --quiet softflowd nfdump argus-server argus-client tshark valgrind
	$(BIN)/python -m pip install --quiet nfstream dpkt scapy

$(VENV)/pip:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'
	touch $@

$(VENV)/installed: $(VENV)/pip $(SOURCES)
	$(BIN)/python -m pip install --quiet .
	touch $@

$(VENV)/tested: $(VENV)/installed
	$(BIN)/python -m pip install --quiet --group test
	touch $@

clean:
	rm -rf $(VENV) build

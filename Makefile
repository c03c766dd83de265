# Everything sets itself up: a machine with python3, make and a C compiler is enough.

PYTHON ?= python3
VENV ?= .venv
ROUNDS ?= 3
SECONDS ?= 600
CORPUS ?= ../shared/corpus/captures
BIN := $(VENV)/bin
SOURCES := pyproject.toml meson.build $(shell find src -name '*.py' -o -name '*.pyi' -o -name '*.py[x]' -o -name '*.pxd' -o -name meson.build)

.PHONY: demo test system lint check bench peers fuzz soak clean

demo: $(VENV)/installed  ## the flows of a small capture with tunnels
	$(BIN)/flowtable read -o table examples/demo.pcapng

test: system $(VENV)/tested lint  ## every test
	$(BIN)/python -m pytest

system:  ## programs that tests ask for a second opinion, or networks: tshark and ip, as root on Debian; or left out
	@{ command -v tshark && command -v ip; } >/dev/null || { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && apt-get update -qq && \
	  DEBIAN_FRONTEND=noninteractive apt-get install --yes -qq --no-install-recommends tshark iproute2; } || \
	  echo "tshark or ip cannot be installed here: the tests that need them are skipped, or fail with CI=true"

lint: $(VENV)/tested
	$(BIN)/ruff check
	$(BIN)/mypy

bench: $(VENV)/tested  ## figures beside the peers that are installed; ROUNDS=3
	$(BIN)/python bench/run.py --rounds $(ROUNDS)

peers: $(VENV)/tested  ## what to measure against, from Debian (as root) and PyPI
	apt-get install --yes --quiet softflowd nfdump argus-server argus-client tshark valgrind
	$(BIN)/python -m pip install --quiet nfstream dpkt scapy

fuzz: build/fuzz/harness  ## look for inputs that break something: SECONDS=600, on all cores; docs/how-to/fuzz.md
	$(SANITIZED) fuzz/seeds.py build/fuzz/seeds
	$(FUZZ_BIN)/python fuzz/run.py --seconds $(SECONDS)

soak: build/fuzz/installed $(VENV)/installed  ## captures as they are and changed, under sanitizers: SECONDS=600, CORPUS=folder; and an hour of a network
	$(SANITIZED) fuzz/soak.py --seconds $(SECONDS) --folder build/fuzz/soak $(wildcard examples $(CORPUS))
	$(BIN)/python fuzz/hour.py

# One build for both: clang's sanitizers, coverage for libFuzzer, and nothing optimised away.
FUZZ_BIN := build/fuzz/venv/bin
SANITIZED = LD_PRELOAD="$$(clang -print-file-name=libclang_rt.asan-x86_64.so)" PYTHONMALLOC=malloc \
	ASAN_OPTIONS=detect_leaks=0 UBSAN_OPTIONS=print_stacktrace=1 $(FUZZ_BIN)/python

build/fuzz/clang:
	command -v clang || apt-get install --yes --quiet clang libclang-rt-14-dev
	mkdir -p build/fuzz
	$(PYTHON) -m venv build/fuzz/venv
	$(FUZZ_BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'
	touch $@

build/fuzz/installed: build/fuzz/clang meson.options $(SOURCES) $(wildcard fuzz/*)
	CC=clang $(FUZZ_BIN)/python -m pip install --quiet . -Cbuild-dir=build/fuzz/core \
	$(addprefix -Csetup-args=,-Dbuildtype=plain -Dsanitize=true -Dfuzz=true)
	touch $@

build/fuzz/harness: build/fuzz/installed
	clang -g -O1 -fsanitize=fuzzer,address,undefined -rdynamic -DPYTHON='"$(abspath $(FUZZ_BIN))/python"' \
	fuzz/harness.c $$($(PYTHON)-config --embed --includes --ldflags) -o $@

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

# VENV says where the environment lives (it is large): make VENV=/somewhere/else demo
# INSTALL=no uses that environment as it is.
VENV ?= .venv
INSTALL ?= yes
JOBS ?= $(shell n=$$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2); [ $$n -gt 4 ] && n=4; echo $$n)
BASE_PYTHON ?= $(shell for p in python3.11 python3.12 python3.13 python3; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)

PY := $(VENV)/bin/python
STAMP := $(VENV)/.medtl-installed
DEV_STAMP := $(VENV)/.medtl-dev-installed
BENCH_STAMP := $(VENV)/.medtl-bench-installed
MEDTL := $(PY) -m medtl
export PYTHONPATH := $(CURDIR)$(if $(PYTHONPATH),:$(PYTHONPATH))

ifeq ($(INSTALL),no)
BASE :=
DEV :=
BENCH :=
else
BASE := $(STAMP)
DEV := $(DEV_STAMP)
BENCH := $(BENCH_STAMP)
endif

.PHONY: demo test test-all bench profile check install clean
.DEFAULT_GOAL := demo

demo: $(BASE)
	$(MEDTL) train --config chest_ct.yaml
	@echo "The report: $(CURDIR)/runs/chest_ct/report/index.html"

test: $(DEV)
	$(PY) -m pytest -q -m "not slow" -n $(JOBS) --dist loadfile

test-all: $(DEV)
	$(PY) -m pytest -q

check: $(DEV)
	$(PY) -m ruff check .
	$(PY) -m mypy
	$(PY) -m pytest -q tests/test_layers.py tests/test_import_time.py

# make bench ONLY="mmd dicom_speed" runs some and replaces their sections of benchmarks/RESULTS.md
bench: $(BENCH)
	$(PY) -m benchmarks $(ONLY)

# where the time of a run goes: make profile CONFIG=mine.yaml ARGS="--cold --set train.epochs=2"
profile: $(DEV)
	$(PY) -m benchmarks.frame.profiled $(CONFIG) $(ARGS)

install: $(DEV_STAMP)

$(PY):
	@test -n "$(BASE_PYTHON)" || { echo "medtl needs Python 3.11 or newer; none was found" >&2; exit 2; }
	$(BASE_PYTHON) -m venv $(VENV)

# dependency groups need pip 25.1
$(STAMP): pyproject.toml | $(PY)
	$(PY) -m pip install --quiet --upgrade 'pip>=25.1'
	$(PY) -m pip install --quiet --editable .
	@touch $@

$(DEV_STAMP): $(STAMP)
	$(PY) -m pip install --quiet --editable '.[dicom]' --group dev
	@touch $@

# the corpus holds compressed series, so the decoders are installed too
$(BENCH_STAMP): $(DEV_STAMP)
	$(PY) -m pip install --quiet --editable '.[dicom]' --group bench
	@touch $@

clean:
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache

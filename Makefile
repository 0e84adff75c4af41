# Every task of the project. `make help` lists them.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-builtin-rules
.SECONDEXPANSION:

PYTHON ?= python3
PORT ?= 8000
SEQUENCES ?= 10000
RUNS ?= 200
SEED := $(shell date +%s)
BIN := .venv/bin
INSTALLED := .venv/installed
SITE := _build/html
STAMPS := _build/stamps
# The examples and pages that have changed since the last `make matrix`.
STALE := _build/doctrees/works-with-stale.txt

# Bytecode stays out of the folders that are published, copied and hashed.
export PYTHONPYCACHEPREFIX := $(CURDIR)/.venv/pycache
# There it is wanted: without it, every process compiles all of Sphinx and ops anew.
unexport PYTHONDONTWRITEBYTECODE
# Sphinx's log of a build goes to the terminal in one language.
export LC_ALL := C.UTF-8

# Folders are listed too: their time changes when a file is removed.
CONFIGURATION := conf.py conftest.py pyproject.toml requirements.txt
# The tests are those of evergreen_proofs in conf.py, with what they run.
SOURCES := $(CONFIGURATION) $(shell find docs examples tests/proofs tests/juju \
  -not -path '*/.*' -not -name '*.pyc')
CODE := $(SOURCES) $(shell find tests -not -path '*/.*')
PYTHON_CODE := $(CONFIGURATION) $(shell find docs examples tests -not -path '*/.*' \
  '(' -type d -o -name '*.py' -o -name '*.toml' ')')
EXAMPLES := $(shell find examples -not -path '*/.*' -not -name '*.pyc')
WORKFLOWS := .readthedocs.yaml $(wildcard .github/*.yml .github/workflows/*.yml)

SPHINX := $(BIN)/python -m sphinx --conf-dir .
# Loading the plugins that are installed takes four times as long as the tests of prose do.
PYTEST_ALONE := PYTEST_DISABLE_PLUGIN_AUTOLOAD=1 $(BIN)/python -m pytest -q --no-header
NAMES_OF_PACKAGES := sed -uE '/^Collecting/!d; s/ \(from .*//'

# Make and Bash end at a signal, and what they have started goes on. This command takes it along,
# and does not start it any more when the signal is there before it.
WHOLE = { told=; for signal in INT TERM HUP; do \
  trap "told=1; [ -z \"\$${!-}\" ] || kill -$$signal -- -\$$! || true" $$signal; done; \
  set -m; { [ -z "$$told" ] && { $(1); }; } & set +m; \
  wait $$! || { while kill -0 -- -$$!; do sleep 0.1; done 2>/dev/null; false; }; }

.PHONY: help html serve live check test mutants coverage lint linkcheck matrix new-guide lock bench soak steady clean

help: ## List the tasks.
	@echo "make TASK, where TASK is one of"
	@sed -nE 's/^([a-z-]+):[^#]*## (.*)/  \1\t\2/p' $(MAKEFILE_LIST) | expand -t 16

# A new environment each time the lock changes: what an interrupted install left is not trusted.
$(INSTALLED): requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "Python 3.11 or newer is needed, and $(PYTHON) is $$($(PYTHON) --version 2>&1 || true): try make PYTHON=python3.13" >&2; exit 1; }
	@if [ -L .venv ]; then echo ".venv is a link, and what it leads to is not emptied: remove the link, or touch $@" >&2; exit 1; fi
	@echo "Installing what requirements.txt locks into .venv (once for each change of it)"
	@$(PYTHON) -m venv --clear .venv
	@$(call WHOLE,$(BIN)/python -m pip install --disable-pip-version-check --require-hashes \
	  -r requirements.txt | $(NAMES_OF_PACKAGES))
	@touch $@

html: $(SITE)/.buildinfo ## Prove the snippets and build the site into _build/html.
	@echo "The proven site is in $(SITE). Look at it: make serve"

FOLDERS = $(patsubst %/.,%,$(wildcard $(addsuffix /.,$(1))))

# While a site is being built there is none in _build/html; only a build that has gone through
# puts it there. What was built before is used again only when nothing but pages has changed, and
# none is gone: Sphinx removes no file of a page, a redirect or an image that is gone.
$(SITE)/.buildinfo: $(INSTALLED) $(SOURCES) | $(STAMPS)
	@rm -rf _build/unproven
	@if [ -d $(SITE) ]; then mv $(SITE) _build/unproven; fi
	@printf '%s\n' $(sort $(SOURCES)) >$(STAMPS)/sources.now
	@$(if $(filter-out %.md $(call FOLDERS,$?),$?),rm -rf _build/unproven,\
	  [ -z "$$(comm -23 $(STAMPS)/sources $(STAMPS)/sources.now 2>&1)" ] || rm -rf _build/unproven)
	@echo "Reading the pages, and proving what has changed"
	@$(call WHOLE,$(SPHINX) --doctree-dir _build/doctrees --quiet --fail-on-warning \
	  --builder dirhtml docs _build/unproven) || { \
	  rm -rf _build/unproven; echo "No site: mend what is listed above, and call make again." >&2; exit 1; }
	@mv _build/unproven $(SITE)
	@mv $(STAMPS)/sources.now $(STAMPS)/sources
	@touch $@

serve: html ## Serve the built site on http://127.0.0.1:8000 (PORT=8000).
	@$(BIN)/python -m http.server --bind 127.0.0.1 --directory $(SITE) $(PORT)

live: $(INSTALLED) ## Serve the site, proven and built again each time a file is saved.
	@$(BIN)/python -m sphinx_autobuild --conf-dir . --doctree-dir _build/live/doctrees --quiet \
	  --fail-on-warning --builder dirhtml --host 127.0.0.1 --port $(PORT) \
	  --watch examples --watch conf.py docs _build/live/html

# Prose needs no proof, and comes first: it takes a second, and a proof may take a minute.
check: $(STAMPS)/prose html lint $(STAMPS)/doctest $(STAMPS)/site ## Check all that must hold before a change is merged.
	@sed 's/^/For information: no block and no claim uses /' _build/doctrees/evergreen-unused-tests.txt
	@if grep -qF "not measured for this build" $(SITE)/index.html; then \
	  echo "For information: docs/mutants.json is not about what is published: run make mutants"; fi
	@if [ -s $(STALE) ]; then cat $(STALE) >&2; exit 1; fi
	@echo "Everything holds."

# The check has run those of tests/site.
test: check ## Run every test there is.
	@$(BIN)/python -m pytest -n 2 --dist loadfile --ignore tests/site

mutants: $(SITE)/.buildinfo ## Change what is published, one place at a time: the tests have to notice.
	@PYTHONPATH=docs/_ext $(BIN)/python -m evergreen.mutants $(ANNOTATE)

coverage: $(INSTALLED) ## Measure which branches of the extension its own tests take.
	@$(BIN)/python -m pytest -q -n 2 --cov --cov-report= tests/extension
	@$(BIN)/python -m coverage report --include "docs/_ext/evergreen/*" --fail-under 100

# Sphinx's own runner has to agree on every executed block. It has no time limit of its own, and
# so has to wait until all are proven to end.
$(STAMPS)/doctest: $(SITE)/.buildinfo | $(STAMPS)
	@$(SPHINX) --quiet --fail-on-warning --builder doctest \
	  --doctree-dir _build/doctest/doctrees docs _build/doctest
	@touch $@

$(STAMPS)/site: $(SITE)/.buildinfo $(CODE) $(WORKFLOWS) | $(STAMPS)
	@$(PYTEST_ALONE) --ignore tests/site/test_prose.py tests/site
	@touch $@

# These linters say that they have found nothing; what they find is still printed.
QUIETLY := 2>&1 | sed -E '/^(0 errors, 0 warnings|No findings to report)/d'

# On GitHub Actions, every "path:line: text" becomes a note on that line of the change.
ifeq ($(GITHUB_ACTIONS),true)
ANNOTATE := 2>&1 | sed -E 's/^ *([^ :]+):([0-9]+):([0-9]+:?)?[ -]*(.*)/&\n::error file=\1,line=\2::\4/'
endif

LINTERS := ruff pyright $(patsubst examples/%/pyproject.toml,pyright-%,$(wildcard examples/*/pyproject.toml)) \
  codespell schemas zizmor charmlint
lint: $(LINTERS:%=$(STAMPS)/%) ## Check style, types, spelling and configuration files.

$(STAMPS)/ruff: $(INSTALLED) $(PYTHON_CODE) | $(STAMPS)
	@$(BIN)/ruff check --quiet --output-format concise --no-cache . $(ANNOTATE)
	@$(BIN)/ruff format --quiet --check --diff --no-cache .
	@touch $@

# An example has settings of its own. Each check takes seconds, so only what has changed is.
ANY := %
PYRIGHT := $(BIN)/pyright --pythonpath $(BIN)/python
$(STAMPS)/pyright: $(INSTALLED) $(filter-out examples/%,$(PYTHON_CODE)) | $(STAMPS)
	@$(PYRIGHT) $(QUIETLY) $(ANNOTATE)
	@touch $@

$(STAMPS)/pyright-%: $(INSTALLED) $$(filter examples/$$*/$$(ANY),$(PYTHON_CODE)) | $(STAMPS)
	@$(PYRIGHT) --project examples/$* $(QUIETLY) $(ANNOTATE)
	@touch $@

$(STAMPS)/codespell: $(INSTALLED) $(CODE) $(WORKFLOWS) $(wildcard *.md) | $(STAMPS)
	@$(BIN)/codespell . $(ANNOTATE)
	@touch $@

$(STAMPS)/prose: $(INSTALLED) tests/site/test_prose.py $(filter %.md,$(SOURCES)) | $(STAMPS)
	@$(PYTEST_ALONE) tests/site/test_prose.py
	@touch $@

$(STAMPS)/schemas: $(INSTALLED) $(WORKFLOWS) | $(STAMPS)
	@$(BIN)/check-jsonschema --quiet --builtin-schema vendor.readthedocs .readthedocs.yaml
	@$(BIN)/check-jsonschema --quiet --builtin-schema vendor.github-workflows .github/workflows/*.yml
	@$(BIN)/check-jsonschema --quiet --builtin-schema vendor.dependabot .github/dependabot.yml
	@touch $@

$(STAMPS)/zizmor: $(INSTALLED) $(WORKFLOWS) | $(STAMPS)
	@$(BIN)/zizmor --quiet --offline --no-progress --persona auditor . $(QUIETLY)
	@touch $@

# charmlint needs Python 3.12 or newer, and is not installed on an older one.
$(STAMPS)/charmlint: $(INSTALLED) $(EXAMPLES) | $(STAMPS)
	@if [ -x $(BIN)/charmlint ]; then \
	  for charm in examples/*/charmcraft.yaml; do \
	    $(BIN)/charmlint --quiet --strict "$$(dirname "$$charm")"; done; \
	else echo "charmlint is left out: it needs Python 3.12 or newer"; fi
	@touch $@

$(STAMPS):
	@mkdir -p $@

linkcheck: $(INSTALLED) ## Follow every external link (needs the network; for scheduled CI).
	@$(SPHINX) --doctree-dir _build/linkcheck/doctrees \
	  --builder linkcheck docs _build/linkcheck
	@$(BIN)/lychee --no-progress README.md CONTRIBUTING.md examples/*/README.md

# Only what has no result that still holds is run. MATRIX=--anew runs all, in new environments.
MATRIX :=
matrix: $(INSTALLED) ## Run examples and pages on every release of ops (new ones need the network).
	@$(BIN)/python tests/matrix/matrix.py $(MATRIX)

new-guide: $(INSTALLED) ## Start a guide with an example of its own: make new-guide NAME=manage-something
	@$(BIN)/python docs/_ext/new_guide.py "$(NAME)"

lock: $(INSTALLED) ## Compile requirements.txt anew from pyproject.toml, to the newest versions.
	@$(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 \
	  --fork-strategy fewest --generate-hashes --no-strip-extras \
	  --no-emit-index-url --no-emit-find-links \
	  --custom-compile-command "make lock" --group all --output-file requirements.txt

bench: html ## Measure how long proving takes, as ratios to other ways.
	@$(BIN)/python tests/bench/bench.py

soak: $(INSTALLED) ## Search for failures with 10,000 random sequences of events, and many kills.
	@echo "To run the same again: make soak SEQUENCES=$(SEQUENCES) SEED=$(SEED)"
	@EVERGREEN_SOAK=$(SEQUENCES) EVERGREEN_SEED=$(SEED) $(BIN)/python -m pytest -n 2 \
	  --dist loadfile --durations 10 --hypothesis-seed $(SEED) tests/juju

# Every other run is one process. A status of 1 says that a test failed: the runs go on.
steady: html ## Run the tests of examples and pages 200 times in random order (RUNS=200).
	@failed=0; for run in $$(seq $(RUNS)); do status=0; \
	  options="--randomly-seed $$(($(SEED) + run)) -n $$((run % 2 * 2)) --dist loadfile examples docs"; \
	  $(BIN)/python -m pytest -q --no-header $$options > _build/steady.log 2>&1 || status=$$?; \
	  if [ $$status = 0 ]; then echo "$$run of $(RUNS): $$(tail -n 1 _build/steady.log)"; continue; fi; \
	  cat _build/steady.log; echo "The same order again: $(BIN)/python -m pytest $$options"; \
	  [ $$status = 1 ] || exit $$status; failed=$$((failed + 1)); \
	done; echo "$$failed of $(RUNS) runs failed."; [ $$failed = 0 ]

clean: ## Remove all that was built, and the virtual environment.
	@rm -rf _build .venv

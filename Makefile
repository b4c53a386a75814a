# Every target works on a fresh Debian 12 or 13 that has git, make and python3; what else is missing is named, then installed.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
BIN := .venv/bin
INSTALLED := .venv/.installed
BROWSERS := .venv/.browsers
# More arguments: make test ARGS="-k rendering", make run ARGS="--switch bench"
ARGS ?=

.PHONY: help
help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' Makefile

.PHONY: run
run: $(INSTALLED) ## Start Faxplan here with two demo tenants, and send a first fax
	@$(BIN)/python -m faxplan.run $(ARGS)

.PHONY: test
test: $(INSTALLED) $(BROWSERS) ## Run the test suite, on a PostgreSQL of its own
	@# One more than there are processors: a test waits for PostgreSQL, browsers and programs for a good part of its time.
	@# Compiled modules are kept: each of several processes reads every test, and hundreds of programs are started.
	@PYTHONDONTWRITEBYTECODE= $(BIN)/pytest --numprocesses $$(($$(nproc) + 1)) --dist loadgroup -m "not live and not soak" $(ARGS)

.PHONY: check
check: $(INSTALLED) ## Lint, check formatting, types and the direction of imports
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

.PHONY: live
live: $(INSTALLED) ## Test against FreeSWITCH, where it is installed
	@$(BIN)/pytest -m live $(ARGS) tests/live tests/switch

.PHONY: soak
soak: $(INSTALLED) ## Run the large proofs: hundreds of faxes, random kills; takes long
	@$(BIN)/pytest -m soak --timeout 7200 $(ARGS)

.PHONY: mutants
mutants: $(INSTALLED) ## Take each protection out in turn, and see its test fail; takes long
	@$(BIN)/python -m tests.mutants $(ARGS)

.PHONY: bench
bench: $(INSTALLED) ## Measure, and print the figures; what needs FreeSWITCH only where it is installed
	@# 77: it cannot run here, and has said why.
	@for benchmark in benchmarks/[a-z]*.py; do \
	   $(BIN)/python "$$benchmark" || [ $$? = 77 ] || exit 1; done

.PHONY: messages
messages: $(INSTALLED) ## Bring the translations up to date with the code, and say what is missing
	@$(BIN)/python -m portal.messages

.PHONY: answers
answers: $(INSTALLED) ## Write the client's answers anew, as the API's OpenAPI document has them
	@$(BIN)/python -m portal.api.client_answers

.PHONY: lock
lock: ## Write requirements.lock anew, with the newest versions that pyproject.toml allows
	@rm -rf build/lock
	@/usr/bin/python3 -m venv build/lock
	@build/lock/bin/pip install --quiet --upgrade --editable '.[dev]'
	@{ echo '# Written by `make lock` from pyproject.toml; do not edit.'; \
	   build/lock/bin/pip freeze --all --exclude pip --exclude-editable; } > build/requirements.lock
	@mv build/requirements.lock requirements.lock

.PHONY: dist
dist: $(INSTALLED) ## Write the sdist and the wheel into dist/
	@# The wheel is made of the sdist, in a folder of its own: what build/ still has of a deleted file gets into neither.
	@# The date of the last commit, where there is one: the same commit gives the same wheel, byte for byte.
	@SOURCE_DATE_EPOCH=$$(git log -1 --format=%ct 2>/dev/null || date +%s) $(BIN)/python -m build --no-isolation --outdir dist

.PHONY: deb
deb: ## Write Debian's package into dist/, for the Debian that this is, with sdist and wheel
	@# A wheel of another version that lies there would be taken for this one's.
	@rm -f dist/faxplan-*.whl
	@$(MAKE) --no-print-directory dist
	@SOURCE_DATE_EPOCH=$$(git log -1 --format=%ct 2>/dev/null || date +%s) $(BIN)/python install/make_deb.py dist/faxplan-*.whl dist

.PHONY: docs
docs: build/docs/.installed ## Build the documentation as a site, build/site/index.html
	@build/docs/bin/zensical build --strict --clean --config-file zensical.toml
	@/usr/bin/python3 install/finish_site.py
	@echo 'The documentation: build/site/index.html'

build/docs/.installed: install/docs.lock
	@/usr/bin/python3 -m venv --clear build/docs
	@build/docs/bin/pip install --quiet --disable-pip-version-check --requirement install/docs.lock
	@touch $@

.PHONY: vendored
vendored: ## Write anew what of others' work the browser gets, and the list of common passwords; needs npm
	@/usr/bin/python3 install/renew_vendored.py
	@/usr/bin/python3 install/renew_common_passwords.py

.PHONY: clean
clean: ## Delete what can be made again: environment, caches. Your data in var/ stay
	@rm -rf .venv build dist .cache *.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(INSTALLED): install/setup.sh pyproject.toml requirements.lock
	@install/setup.sh
	@touch $@

$(BROWSERS): install/setup.sh | $(INSTALLED)
	@install/setup.sh tests
	@touch $@

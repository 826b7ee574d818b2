# Everything here needs Python 3.11 or later, make and a registry of Python packages, and nothing else.

$(if $(word 2,$(CURDIR)),$(error make does not work in a folder whose path has a space in it: $(CURDIR)))

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PORT ?= 4566
PYTHON ?= $(shell for python in python3 python3.13 python3.12 python3.11; do \
	if $$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then echo $$python; break; fi; done)

SETUP := .venv/.installed .venv-cloud/.installed
BIN := .venv/bin
# Not `.`: a copy without git does not know what to ignore.
CODE := layers functions cli local docs examples tests benchmarks

TSC := npm exec --yes --package=typescript@5.9.3 --package=openapi-typescript@7.13.0 --

export SAM_CLI_TELEMETRY := 0
# Each of the many processes of a run would compile the same packages again.
unexport PYTHONDONTWRITEBYTECODE
# Where it is set, pytest shows every difference whole: between two long films that takes hours.
unexport CI BUILD_NUMBER

##@ Use it

.PHONY: up demo key
up: $(SETUP)  ## Run everything on this machine until Ctrl-C (PORT=4566, PROVIDERS=file.json instead of the simulator, CALLBACKS=1)
	@$(BIN)/reelkeep up --port $(PORT) $(if $(PROVIDERS),--providers "$(PROVIDERS)") $(if $(CALLBACKS),--callbacks)

demo: $(SETUP)  ## See one task through, from the call to the file, and stop everything again
	@$(BIN)/reelkeep demo

key: $(SETUP)  ## Make an API key (OWNER=name, and STACK=name unless it is for `make up`)
	@test -n "$(OWNER)" || { echo "error: whose key? Say, for example, make key OWNER=alice" >&2; exit 1; }
	@$(BIN)/reelkeep keys create --owner "$(OWNER)" $(if $(STACK),--stack "$(STACK)",--local)

##@ Work on it

.PHONY: setup check test test-code test-unit test-outages lint types unit oldest coverage chaos tools integration e2e console outages readme screenshots docs format lock
setup: $(SETUP)  ## Install what development needs, into .venv and .venv-cloud

check: $(SETUP)  ## The fast path, in a minute: style, types, unit tests
	@$(MAKE) --no-print-directory --jobs=2 --output-sync=target lint types unit

# Side by side: what keeps a core busy beside what waits a lot. The tests from outside take longest.
test: $(SETUP)  ## Everything that has to pass
	@$(MAKE) --no-print-directory --jobs=4 --keep-going --output-sync=line test-code test-unit e2e test-outages

test-code:
	@for part in lint types $(if $(RUNTIME_PYTHON),oldest) chaos; do $(MAKE) --no-print-directory $$part || exit 1; done
test-unit:
	@for part in integration coverage console; do $(MAKE) --no-print-directory $$part || exit 1; done
test-outages:
	@for part in tools outages; do $(MAKE) --no-print-directory $$part || exit 1; done

lint: $(SETUP)  ## Style of the code, soundness of the template
	$(BIN)/ruff check $(CODE)
	$(BIN)/ruff format --check $(CODE)
	$(BIN)/cfn-lint template.yaml

types: $(SETUP)  ## Types, strictly; of the console's scripts too, if npm is here
	$(BIN)/mypy
	@if $(TSC) openapi-typescript layers/reelkeep/reelkeep/console/openapi.json -o .types/api.d.ts >/dev/null 2>&1; then $(TSC) tsc -p jsconfig.json; elif [ -n "$(CI)" ]; then \
		echo "error: npm cannot get TypeScript, which checks the console" >&2; exit 1; else \
		echo "note: npm cannot get TypeScript here, so the types of the console's scripts were not checked"; fi

unit: $(SETUP)  ## Tests that need nothing but this code
	$(BIN)/pytest tests/unit

# Whole on each Python: `make unit` there. Chaos, integration and the tests from outside run it all on this one, too.
oldest:
	$(BIN)/pytest tests/unit/adapters tests/unit/cli

RUNTIME_PYTHON := $(shell layers/find-python 3.13)
ifneq ($(RUNTIME_PYTHON),)
coverage: MEASURED := .venv-runtime
coverage: .venv-runtime/.installed
endif
coverage: MEASURED ?= .venv
coverage: $(SETUP)  ## The same on the Python of the Lambda runtime, if it is here: more examples of each property, the coverage floor
	COVERAGE_CORE=sysmon $(MEASURED)/bin/coverage run -m pytest tests/unit --hypothesis-profile thorough
	$(MEASURED)/bin/coverage report

chaos: $(SETUP)  ## Every call killed, lost or refused in turn; days of bad luck (see tests/chaos/README.md)
	$(BIN)/pytest tests/chaos

tools: $(SETUP)  ## Tests of the local cloud and of the simulator themselves
	$(BIN)/pytest tests/local

integration: $(SETUP)  ## Tests on the local cloud's services
	$(BIN)/pytest tests/integration

# The browser is the system's. Where Debian's package may be installed, it is. No target of its own: while make waits for
# other chains, it would not begin with what comes after it.
define browser
@test -n "$(CHROMIUM)" || command -v chromium google-chrome >/dev/null || \
	{ test "$$(id -u)" = 0 && apt-get install --yes --quiet --no-install-recommends chromium >/dev/null; } || true
endef

e2e: $(SETUP)  ## Tests from outside, on a local cloud of their own (REELKEEP_STACK=stack.json: on one that is up)
	$(browser)
	$(if $(CI),NODE=required )$(BIN)/pytest tests/e2e --ignore tests/e2e/console --ignore tests/e2e/outages \
		--ignore tests/e2e/test_schema_fuzz.py

console: $(SETUP)  ## Tests of the console in a browser, likewise
	$(browser)
	$(if $(CI),BROWSER=required )$(BIN)/pytest tests/e2e/console

outages: $(SETUP)  ## The same while the cloud is killed and restarted, and then made-up requests
	$(BIN)/pytest tests/e2e/outages tests/e2e/test_schema_fuzz.py tests/e2e/test_secrets.py -k "not command and not printed"

readme:  ## Paste every block of the README into a fresh clone (PORT=4566; needs node)
	PORT=$(PORT) tests/readme.sh

screenshots: $(SETUP)  ## Pictures of the console of `make up`, into .local/screenshots (needs Chromium)
	$(BIN)/python -m tests.e2e.screenshots .local/stack.json .local/screenshots

docs: $(SETUP)  ## Build the OpenAPI and AsyncAPI documents and the examples of events
	PYTHONPATH=layers/reelkeep $(BIN)/python -m docs.generate

format: $(SETUP)  ## Put the code into its form
	$(BIN)/ruff check --fix-only --quiet $(CODE)
	$(BIN)/ruff format $(CODE)

COMPILE := $(BIN)/uv pip compile --quiet --system-certs --universal --generate-hashes --python-version 3.11 --no-header
lock: $(SETUP)  ## Write down the exact versions of every dependency again (UPGRADE=1: the newest ones)
	$(COMPILE) $(if $(UPGRADE),--upgrade) --group layer -o layers/dependencies/requirements.txt
	$(COMPILE) $(if $(UPGRADE),--upgrade) pyproject.toml --extra mcp --group dev \
		-c layers/dependencies/requirements.txt -o requirements-dev.txt
	$(COMPILE) $(if $(UPGRADE),--upgrade) local/requirements.in -o local/requirements.txt
	echo uv | $(COMPILE) $(if $(UPGRADE),--upgrade) --no-annotate - -o local/uv.txt

##@ Deploy it

.PHONY: build deploy
build: $(SETUP)  ## Build the functions and layers for Lambda, into .aws-sam
	PYTHON=$(abspath $(BIN)/python) .venv-cloud/bin/python -m samcli build

deploy: $(SETUP)  ## Look at your AWS account, build, deploy to it (ARGS="--parameter-overrides AlarmEmail=...")
	@$(BIN)/reelkeep deploy $(ARGS)

##@ Tidy up

.PHONY: clean help
clean:  ## Remove what was built and the demonstration; tasks and archive of `make up` stay in .local
	rm -rf .aws-sam .local/builds .local/demo .coverage .types .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find $(CODE) -depth -type d -name __pycache__ -exec rm -rf {} +

help:  ## Show this
	@awk 'BEGIN {FS = ":.*##"} /^##@/ {printf "\n%s\n", substr($$0, 5)} \
		/^[a-z0-9-]+:.*##/ {printf "  make %-15s", $$1; column = 22; count = split($$2, words, " "); \
			for (i = 1; i <= count; i++) { \
				if (column + length(words[i]) > 78) {printf "\n%22s", ""; column = 22} \
				printf " %s", words[i]; column += length(words[i]) + 1} \
			print ""}' $(MAKEFILE_LIST)

# uv installs in seconds what pip installs in a minute; pip is there in case uv cannot reach the registry.
# $(call install,environment,requirements)
define install
@test -n "$(PYTHON)" || { echo "error: Python 3.11 or later is needed" >&2; exit 1; }
@test -x $(1)/bin/pip || { echo "making $(1): a minute, and only this once"; $(PYTHON) -m venv --clear $(1); }
@$(1)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r local/uv.txt
@$(1)/bin/uv pip install --quiet --system-certs --python $(1)/bin/python --require-hashes -r $(2) \
	|| $(1)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r $(2)
@touch $@
endef

COMMAND_LOADS := annotated_types botocore dateutil httpcore httpx jmespath pydantic pydantic_core rich typer urllib3

.venv/.installed: requirements-dev.txt local/uv.txt pyproject.toml
	$(call install,.venv,requirements-dev.txt)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps --editable .
	@# What the command loads: it begins twice as fast, also where Python is told to write no bytecode.
	@cd .venv/lib/python*/site-packages && ../../../bin/python -m compileall -q $(COMMAND_LOADS) $(CURDIR)/cli $(CURDIR)/layers/reelkeep

.venv-runtime/.installed: requirements-dev.txt .venv/.installed
	@test -d .venv-runtime || $(RUNTIME_PYTHON) -m venv .venv-runtime
	@$(BIN)/uv pip install --quiet --system-certs --python .venv-runtime --require-hashes -r requirements-dev.txt
	@touch $@

.venv-cloud/.installed: local/requirements.txt local/uv.txt
	$(call install,.venv-cloud,local/requirements.txt)

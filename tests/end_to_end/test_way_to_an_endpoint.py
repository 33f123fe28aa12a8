"""A model at a local SageMaker, in its own container process, answers as it does in this one."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from lading.emulator.engines.container_process import EngineProcess, service_container
from lading.emulator.processes.server import in_background
from lading.emulator.sagemaker.endpoint import LocalEndpoint
from lading.emulator.sagemaker.runtime import SageMakerRuntime
from lading.functions.inference.wire.asgi import App
from tests.support import s3
from tests.support.driver import ask, serve
from tests.support.engines import proxy
from tests.support.worlds import add_sub, settings_for

TENSORS = [
    {"name": name, "datatype": "FP32", "shape": [1, 3], "data": [1, 2, 3]} for name in ("a", "b")
]
ROW = {"a": [1, 2, 3], "b": [4, 5, 6]}


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> App:
    return serve(settings_for(tmp_path_factory.mktemp("here"), {"m": {1: add_sub()}}))


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """A proxy before the emulated API, before a container that serves a model repository."""
    folder = tmp_path_factory.mktemp("there")
    repository = folder / "repository" / "m" / "1"
    repository.mkdir(parents=True)
    (repository / "model.onnx").write_bytes(add_sub())
    engine = EngineProcess("e", service_container(folder / "repository"), folder / "engine.log")
    runtime = SageMakerRuntime([LocalEndpoint("e", engine)])
    with in_background(runtime, runtime) as port, s3.aws(f"http://127.0.0.1:{port}"):
        yield serve(proxy(folder, "m", add_sub(), time_limit_s=20))


@pytest.mark.parametrize(
    ("target", "body"),
    [
        ("POST /m/predict", {"inputs": {name: [row] for name, row in ROW.items()}}),
        ("POST /m/predict", {"inputs": {"a": [[1, 2]], "b": [[1, 2]]}}),
        ("POST /v1/models/m:predict", {"instances": [ROW, ROW]}),
        ("POST /v1/models/m:predict", {"inputs": {name: [row] for name, row in ROW.items()}}),
        ("POST /v2/models/m/infer", {"id": "7", "inputs": TENSORS}),
        ("POST /v2/models/m/infer", {"inputs": TENSORS, "outputs": [{"name": "difference"}]}),
        ("POST /v2/models/m/infer", {"inputs": TENSORS, "outputs": [{"name": "product"}]}),
        ("POST /v2/models/absent/infer", {"inputs": TENSORS}),
        ("GET /v2/models/m", None),
        ("GET /v1/models/m/metadata", None),
    ],
    ids=lambda value: json.dumps(value)[:40],
)
def test_the_same_request_has_the_same_answer(
    here: App, there: App, target: str, body: Any
) -> None:
    content = b"" if body is None else body
    alone, proxied = ask(here, target, content), ask(there, target, content)
    assert (proxied.status, proxied.document) == (alone.status, alone.document)

"""schemathesis reads our OpenAPI documents and sends what it makes of them: no fault is ours."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error

from lading.functions.contract.capture import CaptureSettings
from lading.functions.contract.dialects import DIALECTS
from lading.functions.contract.settings import ServingSettings
from lading.functions.inference.app.pages import describe_service
from lading.functions.inference.app.torchserve_management import create_management
from lading.functions.inference.loading.catalog import load_catalog
from lading.functions.inference.loading.control import ModelControl
from tests.support import sagemaker
from tests.support.driver import serve
from tests.support.engines import proxy
from tests.support.sagemaker import Reply
from tests.support.uvicorn_server import uvicorn_serving
from tests.support.worlds import STRING, add_sub, echo, settings_for

pytestmark = pytest.mark.slow

UNSUPPORTED = 501
"""What is understood and not offered, as loading a model here; not a fault."""

FEWEST_OPERATIONS = 45

some = settings(max_examples=10, suppress_health_check=list(HealthCheck))


def schema_of(document: dict[str, Any], address: str) -> Any:
    schema = schemathesis.openapi.from_dict(document)
    schema.config.update(base_url=f"http://{address}")
    return schema


def served(told: ServingSettings) -> Iterator[Any]:
    """What a service says of itself, led to that service behind a real server."""
    with uvicorn_serving(serve(told)) as address:
        yield schema_of(describe_service(load_catalog(told)), address)


@pytest.fixture(scope="module")
def tensors(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Several models of tensors."""
    models = {"floats": {1: echo(), 2: echo()}, "simple": {1: add_sub()}, "text": {1: echo(STRING)}}
    root = tmp_path_factory.mktemp("store")
    capture = CaptureSettings(str(root / "captures"), feedback=True)
    yield from served(settings_for(root, models)._replace(capture=capture))


def engine() -> Reply:
    """A language model's engine, which says one thing whatever it is asked."""
    choice = {"index": 0, "text": "ho", "message": {"content": "ho"}, "finish_reason": "stop"}
    content = json.dumps({"choices": [choice]}).encode()
    whole, parts = sagemaker.answer(content), sagemaker.stream([b"data: %b\n\n" % content])
    return lambda handler, asked: (parts if "stream" in asked.path else whole)(handler, asked)


@pytest.fixture(scope="module")
def language(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """One language model, alone, so that every path says which is meant."""
    with sagemaker.running(engine()):
        root = tmp_path_factory.mktemp("proxy")
        capture = CaptureSettings(str(root / "captures"), feedback=True)
        yield from served(proxy(root, "m")._replace(capture=capture))


@pytest.fixture
def management(tmp_path: Path) -> Iterator[Any]:
    """TorchServe's management API, which FastAPI describes."""
    told = settings_for(tmp_path, {"a": {1: echo(), 2: echo()}})
    catalog = load_catalog(told)
    control = ModelControl(catalog, tmp_path)
    catalog.attach(control)
    app = create_management(catalog, control)
    with uvicorn_serving(app) as address:
        yield schema_of(app.openapi(), address)


def test_every_route_is_described_where_a_language_model_is_served(language: Any) -> None:
    routes = [
        (it.method, it.template.replace("/{model}" if it.at_root == "only" else "{model}", "m"))
        for dialect in DIALECTS
        for it in dialect.routes
        if it.operation != "explain"  # it has no explanations
    ]
    described = {(each.method.upper(), each.path) for each in operations(language)}
    assert {(method, path.replace("predictm", "predict")) for method, path in routes} <= described


@pytest.mark.parametrize("api", ["tensors", "language"])
def test_no_request_is_a_fault_of_ours(api: str, request: pytest.FixtureRequest) -> None:
    found = operations(request.getfixturevalue(api))
    assert len(found) >= FEWEST_OPERATIONS
    for operation in found:
        _try(operation)


def test_no_request_to_the_management_is_a_fault_of_ours(management: Any) -> None:
    found = operations(management)
    assert {each.method.upper() for each in found} == {"GET", "POST", "PUT", "DELETE"}
    for operation in found:
        _try(operation)


def operations(schema: Any) -> list[Any]:
    return [found.ok() for found in schema.get_all_operations()]


def _try(operation: Any) -> None:
    @some
    @given(case=operation.as_strategy())
    def ask(case: Any) -> None:
        answer = case.call()
        if answer.status_code != UNSUPPORTED:
            case.validate_response(answer, checks=[not_a_server_error])
        assert answer.headers["content-type"]

    ask()

"""schemathesis reads our OpenAPI document and sends what it makes of it: no fault is ours."""

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error

from functions.inference.catalog import load_catalog
from functions.inference.control import describe_service
from tests.driver import serve
from tests.uvicorn_server import uvicorn_serving
from tests.worlds import STRING, add_sub, echo, settings_for

UNSUPPORTED = 501
"""What is understood and not offered, as loading a model here; not a fault."""

FEWEST_OPERATIONS = 45

some = settings(max_examples=10, suppress_health_check=list(HealthCheck))


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The described service, behind a real server."""
    models = {"floats": {1: echo(), 2: echo()}, "simple": {1: add_sub()}, "text": {1: echo(STRING)}}
    told = settings_for(tmp_path_factory.mktemp("store"), models)
    with uvicorn_serving(serve(told)) as address:
        schema = schemathesis.openapi.from_dict(describe_service(load_catalog(told)))
        schema.config.update(base_url=f"http://{address}")
        yield schema


def test_no_request_is_a_fault_of_ours(api: Any) -> None:
    operations = [found.ok() for found in api.get_all_operations()]
    assert len(operations) >= FEWEST_OPERATIONS
    for operation in operations:
        _try(operation)


def _try(operation: Any) -> None:
    @some
    @given(case=operation.as_strategy())
    def ask(case: Any) -> None:
        answer = case.call()
        if answer.status_code != UNSUPPORTED:
            case.validate_response(answer, checks=[not_a_server_error])
        assert answer.headers["content-type"]

    ask()

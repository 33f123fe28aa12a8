"""A smaller model on Lambda answers while the endpoint is not there, and says so."""

from pathlib import Path
from typing import Any

import pytest

from lading.functions.inference.entry.handler import create_handler
from lading.functions.inference.wire.asgi import App
from tests.support import sagemaker
from tests.support.driver import ask, serve
from tests.support.engines import proxy
from tests.support.sagemaker import COLD, MISSING, SageMaker, answer, model_error
from tests.support.worlds import echo, settings_for, times

BODY = {"inputs": [[1, 2]]}


@pytest.fixture
def app(tmp_path: Path) -> App:
    return serve(
        proxy(tmp_path / "proxy", "big", echo(), twin_function="small-fn:live", twin_model="small")
    )


def twin(aws: SageMaker, root: Path, model: bytes) -> None:
    """Deploy the twin: the real handler, with a model that can be told apart."""
    handler = create_handler(settings_for(root / "twin", {"small": {1: model}}))
    aws.functions["small-fn:live"] = lambda event: handler(event, None)


@pytest.mark.parametrize(
    ("path", "body", "found"),
    [
        ("POST /predict", BODY, {"model": "big", "version": 1, "outputs": {"y": [[10.0, 20.0]]}}),
        ("POST /v1/models/big:predict", {"instances": [[1, 2]]}, {"predictions": [[10.0, 20.0]]}),
    ],
)
def test_the_twin_answers_in_every_dialect_and_is_named(
    app: App, tmp_path: Path, path: str, body: Any, found: Any
) -> None:
    with sagemaker.running(COLD) as aws:
        twin(aws, tmp_path, times(10))
        answered = ask(app, path, body)
    assert (answered.status, answered.document) == (200, found)
    assert answered.headers["lading-answered-by"] == "small"


def test_the_twin_answers_for_what_has_failed_too(app: App, tmp_path: Path) -> None:
    with sagemaker.running(MISSING) as aws:
        twin(aws, tmp_path, times(10))
        assert ask(app, "POST /predict", BODY).status == 200


def test_the_endpoint_answers_for_itself_when_it_can(app: App, tmp_path: Path) -> None:
    body = b'{"outputs": [{"name": "y", "datatype": "FP32", "shape": [1, 2], "data": [3, 4]}]}'
    with sagemaker.running(answer(body)) as aws:
        twin(aws, tmp_path, times(10))
        answered = ask(app, "POST /predict", BODY)
    assert answered.document["outputs"] == {"y": [[3.0, 4.0]]}
    assert "lading-answered-by" not in answered.headers


def test_what_a_model_got_wrong_is_not_asked_of_its_twin(app: App, tmp_path: Path) -> None:
    with sagemaker.running(model_error(500, "CUDA error")) as aws:
        twin(aws, tmp_path, times(10))
        assert ask(app, "POST /predict", BODY).status == 500


def broken(aws: SageMaker, answered: dict[str, Any]) -> None:
    aws.functions["small-fn:live"] = lambda event: answered


@pytest.mark.parametrize(
    "answered",
    [
        None,
        {},
        {"errorType": "Runtime.ExitError"},
        {"statusCode": 503, "headers": {}, "body": ""},
        {"statusCode": 200, "headers": {}, "body": "oops"},
        {"statusCode": 200, "headers": {}, "body": '{"outputs": []}'},
    ],
)
def test_a_twin_that_does_not_answer_leaves_the_reason_as_it_was(app: App, answered: Any) -> None:
    with sagemaker.running(COLD) as aws:
        if answered is not None:
            broken(aws, answered)
        found = ask(app, "POST /predict", BODY)
    assert found.status == 503
    assert (found.headers["lading-reason"], found.headers["retry-after"]) == ("cold", "60")
    assert "starting from zero" in found.error

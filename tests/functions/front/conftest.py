"""Two models, each in an application of its own, and a front function before them."""

import json
from pathlib import Path
from typing import Any

import pytest

from lading.functions.contract.errors import InvocationError
from lading.functions.front.front import Front
from lading.functions.front.invocation import Answer, Event
from lading.functions.inference.wire.asgi import App
from tests.support.driver import ask, serve
from tests.support.interpreter import proxy_event
from tests.support.worlds import echo, settings_for, times

Whole = App


class Models:
    """Stands in for Lambda: a model's name -> the application that its function runs."""

    def __init__(self, apps: dict[str, App]) -> None:
        self.apps = apps
        self.events: list[Event] = []
        self.failing: dict[str, InvocationError] = {}

    def invoke(self, model: str, event: Event) -> Answer:
        self.events.append(event)
        if model in self.failing:
            raise self.failing[model]
        body = (event["body"] or "").encode()
        answer = ask(self.apps[model], f"{event['httpMethod']} {event['path']}", body)
        return {
            "statusCode": answer.status,
            "headers": dict(answer.headers),
            "body": answer.body.decode(),
            "isBase64Encoded": False,
        }


@pytest.fixture
def models(tmp_path: Path) -> Models:
    return Models(
        {
            "double": serve(settings_for(tmp_path / "double", {"double": {1: times(2)}})),
            "same": serve(settings_for(tmp_path / "same", {"same": {1: echo()}})),
        }
    )


@pytest.fixture
def whole(tmp_path: Path) -> App:
    """Both models in one application, as on a laptop."""
    return serve(settings_for(tmp_path / "whole", {"double": {1: times(2)}, "same": {1: echo()}}))


@pytest.fixture
def front(models: Models) -> Front:
    return Front(models.apps, models.invoke, log=lambda _line: None, gather_limit_s=2)


def request(target: str, body: Any = None, seen: str | None = None) -> dict[str, Any]:
    """The event of a request; `seen` are the models that the caller's token is for."""
    method, _, path = target.partition(" ")
    event = proxy_event(method, path, body)
    if seen is not None:
        event["requestContext"]["authorizer"] = {"tenant": "acme", "models": seen}
    return event


def document(answer: Answer) -> Any:
    return json.loads(answer["body"])

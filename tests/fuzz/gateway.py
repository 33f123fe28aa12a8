"""What API Gateway passes on of a request: to the authorizer, the front, and a model's function.

An input is a path, an empty line, and a body.
"""

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Any

from lading.functions.authorizer.authorizer import Authorizer, Unauthorized
from lading.functions.authorizer.grants import Item, token_digest
from lading.functions.contract.errors import ModelNotFound
from lading.functions.front.front import Front
from lading.functions.inference.entry.handler import create_handler
from tests.fuzz.target import Attempt, Target
from tests.support.interpreter import proxy_event
from tests.support.worlds import echo, settings_for

_END = b"\n\n"
_TOKEN = "lading_" + "g" * 43
_ITEM: Item = {"tenant": {"S": "acme"}, "models": {"SS": ["mine"]}, "usage_key": {"S": "usage"}}
_ARN = "arn:aws:execute-api:eu-central-1:000000000000:abc123/dev"


def seeds() -> Iterator[bytes]:
    """Yield requests for a model of one's own, another's, and none."""
    body = b'{"inputs":[[1,2]]}'
    for path in (
        *("/mine/predict", "/other/predict", "/predict/mine", "/predict/other", "/models"),
        *("/v1/models/mine:predict", "/v2/models/other/infer", "/v2/models/mine/infer", "/ping"),
        *(
            "/predict/mine%2F..%2Fother",
            "//other/predict",
            "/mine/../other/predict",
            "/invocations",
        ),
    ):
        yield path.encode() + _END + body
    yield b"/v1/embeddings" + _END + b'{"model":"other","input":[1]}'


def _event(data: bytes) -> dict[str, Any]:
    path, _, body = data.partition(_END)
    event = proxy_event("POST", f"/{path.decode(errors='replace').removeprefix('/')}")
    return {**event, "body": body.decode(errors="replace")}


@contextmanager
def _answering_events() -> Iterator[Attempt]:
    """A function answers each event with a document that API Gateway accepts."""
    with tempfile.TemporaryDirectory() as root:
        handler = create_handler(settings_for(Path(root), {"mine": {1: echo()}}))

        def attempt(data: bytes) -> None:
            answer = json.loads(json.dumps(handler(_event(data), None)))
            status = answer["statusCode"]
            assert status < 500 or status == HTTPStatus.NOT_IMPLEMENTED, answer
            assert isinstance(answer["body"], str)

        yield attempt


@contextmanager
def _authorizing() -> Iterator[Attempt]:
    """No request that a token allows reaches a model that the token is not for."""
    called: list[str] = []

    def invoke(model: str, event: Any) -> Any:
        called.append(model)
        raise ModelNotFound(model, ())

    front = Front(["mine", "other"], invoke, log=lambda _line: None, gather_limit_s=1)
    table: dict[str, Item] = {token_digest(_TOKEN): _ITEM}
    authorizer = Authorizer(table.get, lambda _line: None, lambda: 0.0)

    def attempt(data: bytes) -> None:
        event = _event(data)
        first = event["path"].strip("/").split("/")[0]
        resource = f"/{first}/{{proxy+}}" if first in {"mine", "other"} else "/{proxy+}"
        known = {
            **event,
            "type": "REQUEST",
            "methodArn": f"{_ARN}/POST{event['path']}",
            "resource": resource,
            "multiValueHeaders": {"authorization": [f"Bearer {_TOKEN}"]},
        }
        try:
            policy = authorizer.answer(known)
        except Unauthorized:
            return
        if policy["policyDocument"]["Statement"][0]["Effect"] == "Deny":
            return
        if resource != "/{proxy+}":
            assert first == "mine"
            return
        called.clear()
        event["requestContext"]["authorizer"] = policy["context"]
        answer = front.answer(event)
        assert set(called) <= {"mine"}, called
        assert isinstance(answer["statusCode"], int)

    yield attempt


EVENTS = Target("lambda-events", _answering_events, seeds)
POLICIES = Target("policies", _authorizing, seeds)

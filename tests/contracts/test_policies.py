"""Who may call what: every route, at the root and below each model, with every token and method.

What a request names is known here from how its path is made, not from how it is read.
"""

from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest

from lading.functions.authorizer.authorizer import Authorizer, Unauthorized
from lading.functions.authorizer.grants import Item, token_digest
from lading.functions.contract.dialects import DIALECTS
from lading.functions.contract.dialects.dialect import Route
from lading.functions.contract.routes import CONTROL
from lading.functions.front.front import Front
from lading.functions.front.invocation import Answer, Event
from lading.functions.inference.app.management_guard import guard
from lading.functions.inference.app.torchserve_management import create_management
from lading.functions.inference.loading.control import ModelControl
from lading.functions.inference.loading.folder import load_folder
from tests.support.driver import ask
from tests.support.worlds import settings_for, times

NOW: Final = 1_800_000_000.0
METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
MODELS: Final = ("a", "b")
ARN: Final = "arn:aws:execute-api:eu-central-1:000000000000:abc123/dev"
MORE: Final = tuple(
    Route("job", "GET", template)
    for template in ("/predict/async", "/jobs/{id}", "/jobs/{id}/run", "/anything/else")
)
"""Paths below a model's base URL that no dialect has."""
ROUTES: Final = (*(route for each in (*DIALECTS, CONTROL) for route in each.routes), *MORE)


def secret(letter: str) -> str:
    return "lading_" + letter * 43


def item(*models: str, **more: Any) -> Item:
    named = {"SS": list(models)}
    return {"tenant": {"S": "acme"}, "models": named, "usage_key": {"S": "usage"}, **more}


TABLE: Final = {
    token_digest(secret("a")): item("a"),
    token_digest(secret("b")): item("b", expires={"N": str(NOW + 1)}),
    token_digest(secret("c")): item("a", "b"),
    token_digest(secret("e")): item("*"),
    token_digest(secret("f")): item("a", scopes={"SS": ["feedback"]}),
    token_digest(secret("g")): item("*", scopes={"SS": ["feedback", "predict"]}),
    token_digest(secret("r")): item("*", revoked={"N": "1"}),
    token_digest(secret("x")): item("*", expires={"N": str(NOW)}),
}
HOLDERS: Final[dict[str, tuple[str, ...] | None]] = {
    f"Bearer {secret('a')}": ("a",),
    f"Bearer {secret('b')}": ("b",),
    f"Bearer {secret('c')}": MODELS,
    f"Bearer {secret('e')}": MODELS,
    f"Bearer {secret('f')}": ("a",),
    f"Bearer {secret('g')}": MODELS,
    f"Bearer {secret('r')}": None,
    f"Bearer {secret('x')}": None,
    f"Bearer {secret('u')}": None,
    f"Basic {secret('e')}": None,
    secret("e"): None,
    "Bearer": None,
    "": None,
}
"""Authorization header -> the models of its holder; None for one who is nobody."""

SCOPES: Final = {f"Bearer {secret('f')}": {"feedback"}, f"Bearer {secret('g')}": {"feedback", ""}}
"""Authorization header -> what its holder may do there: give feedback, and the rest; usually the
rest alone."""


class Place(NamedTuple):
    """A path, the resource of the API that takes it, and the model that it names, if any."""

    path: str
    resource: str
    model: str


def places() -> Iterator[Place]:
    for route, model in product(ROUTES, MODELS):
        below = route.template.replace("{model}", model)
        for word, text in (("{version}", "1"), ("{label}", "stable"), ("{id}", "0" * 32)):
            below = below.replace(word, text)
        yield Place(f"/{model}{below}".rstrip("/"), f"/{model}/{{proxy+}}", model)
        if route not in MORE:
            first = below.strip("/").split("/")[0].split(":")[0]
            named = model if "{model}" in route.template else ""
            yield Place(below, f"/{first}/{{proxy+}}" if first else "/", named)


PLACES: Final = sorted({*places()})


def event(place: Place, method: str, authorization: str) -> dict[str, Any]:
    lines = {"Authorization": [authorization]} if authorization else {}
    return {
        "methodArn": f"{ARN}/{method}{place.path}",
        "resource": place.resource,
        "path": place.path,
        "httpMethod": method,
        "headers": {name: values[-1] for name, values in lines.items()},
        "multiValueHeaders": lines,
    }


@pytest.mark.parametrize("method", METHODS)
def test_a_token_opens_its_models_and_what_names_none(method: str) -> None:
    authorizer = Authorizer(TABLE.get, lambda _: None, lambda: NOW)
    for place, (authorization, models) in product(PLACES, HOLDERS.items()):
        asked = event(place, method, authorization)
        if models is None:
            with pytest.raises(Unauthorized):
                authorizer.answer(asked)
            continue
        (statement,) = authorizer.answer(asked)["policyDocument"]["Statement"]
        scope = "feedback" if place.path.startswith("/feedback") else ""
        allowed = not place.model or place.model in models
        allowed = allowed and scope in SCOPES.get(authorization, {""})
        assert statement["Effect"] == ("Allow" if allowed else "Deny"), (place, authorization)
        assert statement["Resource"] == (asked["methodArn"] if allowed else "*")


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("models", [("a",), ("b",), MODELS])
def test_a_root_path_reaches_no_model_that_its_caller_may_not_call(
    method: str, models: tuple[str, ...]
) -> None:
    reached: set[str] = set()

    def invoke(name: str, _event: Event) -> Answer:
        reached.add(name)
        return {"statusCode": 200, "headers": {}, "body": "{}", "isBase64Encoded": False}

    front = Front(MODELS, invoke, lambda _: None)
    granted = {"authorizer": {"tenant": "acme", "models": ",".join(models)}}
    for place, named in product(PLACES, MODELS):
        answer = front.answer(
            {
                **event(place, method, ""),
                "requestContext": granted,
                "body": f'{{"model": "{named}"}}',
                "isBase64Encoded": False,
            }
        )
        if place.model and place.model not in models:
            assert answer["statusCode"] >= 400, place
    assert reached <= {*models}


@pytest.mark.parametrize("method", METHODS)
def test_every_route_of_the_management_api_wants_its_token(tmp_path: Path, method: str) -> None:
    settings_for(tmp_path, {"m": {1: times(2)}})
    catalog = load_folder(tmp_path)
    plain = create_management(catalog, ModelControl(catalog, tmp_path))
    guarded = guard(plain, "0123456789abcdef", lambda _: None)
    paths = {str(getattr(route, "path", "")) for route in plain.routes}
    assert {"/models", "/models/{name}", "/docs", "/openapi.json"} <= paths
    for path in sorted(paths):
        for headers in ({}, {"authorization": "Bearer 0123456789abcdeF"}):
            answer = ask(guarded, f"{method} {path.replace('{name}', 'm')}", b"", headers)
            assert answer.status == 401
    assert catalog.names() == ("m",)

"""What the authorizer answers, with a table that is a dictionary."""

from collections.abc import Mapping
from typing import Any

import pytest

from lading.functions.authorizer.authorizer import Authorizer, Unauthorized
from lading.functions.authorizer.grants import Item, token_digest
from lading.functions.authorizer.settings import UsagePlans
from lading.functions.contract.names import usage_key

ARN = "arn:aws:execute-api:eu-central-1:000000000000:abc123/dev"
GOOD = "lading_" + "g" * 43
EVERY = "lading_" + "e" * 43
LABELS = "lading_" + "l" * 43
REVOKED = "lading_" + "r" * 43
EXPIRED = "lading_" + "x" * 43
UNKNOWN = "lading_" + "u" * 43
NOW = 1_800_000_000.0


def item(*models: str, **more: Mapping[str, Any]) -> Item:
    return {
        "tenant": {"S": "acme"},
        "models": {"SS": list(models)},
        "usage_key": {"S": "usage-1"},
        **more,
    }


TABLE = {
    token_digest(GOOD): item("digits", "iris", expires={"N": str(NOW + 1)}),
    token_digest(EVERY): item("*"),
    token_digest(LABELS): item("*", scopes={"SS": ["feedback"]}),
    token_digest(REVOKED): item("*", revoked={"N": "1"}),
    token_digest(EXPIRED): item("*", expires={"N": str(NOW)}),
}


def event(path: str, *authorization: str, resource: str | None = None) -> dict[str, Any]:
    """A REQUEST authorizer's event for a POST."""
    first = path.strip("/").split("/")[0]
    return {
        "type": "REQUEST",
        "methodArn": f"{ARN}/POST/{path.lstrip('/')}",
        "resource": resource or f"/{first}/{{proxy+}}",
        "path": path,
        "httpMethod": "POST",
        "headers": {"authorization": authorization[-1]} if authorization else {},
        "multiValueHeaders": {"authorization": list(authorization)} if authorization else {},
    }


def ask(path: str, *authorization: str, resource: str | None = None) -> dict[str, Any]:
    lines: list[str] = []
    authorizer = Authorizer(TABLE.get, lines.append, lambda: NOW)
    return authorizer.answer(event(path, *authorization, resource=resource))


def test_a_tenant_with_a_plan_of_its_own_counts_against_that() -> None:
    plans = UsagePlans("lading-prod-api", frozenset({"acme"}))
    for planned, key in (
        (plans, usage_key("lading-prod-api", "acme", own_plan=True)),
        (plans._replace(tenants=frozenset({"other"})), "usage-1"),
        (UsagePlans(), "usage-1"),
    ):
        authorizer = Authorizer(TABLE.get, print, lambda: NOW, plans=planned)
        answer = authorizer.answer(event("/digits/predict", f"Bearer {GOOD}"))
        assert answer["usageIdentifierKey"] == key


def effect(path: str, token: str, resource: str | None = None) -> str:
    answer = ask(path, f"Bearer {token}", resource=resource)
    (statement,) = answer["policyDocument"]["Statement"]
    return str(statement["Effect"])


def test_a_good_token_may_make_this_request_and_no_other() -> None:
    answer = ask("/digits/predict", f"Bearer {GOOD}")
    assert answer == {
        "principalId": "acme",
        "policyDocument": {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Action": "execute-api:Invoke",
                    "Effect": "Allow",
                    "Resource": f"{ARN}/POST/digits/predict",
                }
            ],
        },
        "usageIdentifierKey": "usage-1",
        "context": {"tenant": "acme", "token": token_digest(GOOD)[:12], "models": "digits,iris"},
    }


@pytest.mark.parametrize(
    "path",
    [
        *("/digits", "/digits/v2/models/digits/infer", "/iris/predict"),
        *("/v2/models/digits/infer", "/v2/models/iris/versions/3", "/v1/models/digits:predict"),
        *("/predict/digits", "/models/iris"),
        *("/", "/models", "/v2", "/v2/health/ready", "/docs", "/openapi.json", "/predict"),
    ],
)
def test_a_token_opens_its_models_by_every_path_and_the_paths_that_name_none(path: str) -> None:
    assert effect(path, GOOD) == "Allow"


@pytest.mark.parametrize(
    "path",
    [
        *("/secret", "/secret/predict", "/digits2/predict", "/Digits/predict", "//secret/predict"),
        *("/v2/models/secret/infer", "/v1/models/secret:predict", "/v1/models/digits2"),
        *("/predict/secret", "/models/secret", "/%64igits/predict", "/v2/models/%2564igits/infer"),
        *("/secret/v2/models/digits/infer", "/secret/labels/digits", "/secret/models"),
    ],
)
def test_a_token_for_some_models_opens_no_other(path: str) -> None:
    assert effect(path, GOOD) == "Deny"
    assert effect(path, EVERY) == "Allow"


@pytest.mark.parametrize(
    ("path", "predicts", "labels"),
    [
        ("/feedback/digits", "Deny", "Allow"),
        ("//feedback/digits", "Deny", "Allow"),
        ("/digits/predict", "Allow", "Deny"),
        ("/digits/feedback/digits", "Allow", "Deny"),
        ("/models", "Allow", "Deny"),
    ],
)
def test_a_token_for_predictions_gives_no_feedback_and_the_other_way_round(
    path: str, predicts: str, labels: str
) -> None:
    assert (effect(path, EVERY), effect(path, LABELS)) == (predicts, labels)


def test_the_resource_that_the_gateway_chose_decides_which_model_it_is() -> None:
    assert effect("/digits/predict", GOOD, resource="/secret/{proxy+}") == "Deny"
    assert effect("/%73ecret/predict", EVERY, resource="/secret/{proxy+}") == "Allow"


def test_a_path_too_long_for_a_policy_is_denied_and_not_left_to_fail() -> None:
    assert effect("/digits/" + "x" * 600, GOOD) == "Deny"


@pytest.mark.parametrize(
    "authorization",
    [
        (),
        ("",),
        ("Bearer",),
        ("Bearer ",),
        (GOOD,),
        (f"Basic {GOOD}",),
        (f"Bearer {GOOD}x",),
        (f"Bearer {GOOD[:-1]}",),
        (f"Bearer {GOOD.upper()}",),
        (f"Bearer {GOOD[:-1]}é",),
        (f"Bearer {GOOD}, Bearer {GOOD}",),
        (f"Bearer {GOOD}", f"Bearer {GOOD}"),
        (f"Bearer {' ' * 10_000}{GOOD}",),
        ("Bearer usage-1",),
        (f"Bearer {token_digest(GOOD)}",),
        (f"Bearer {UNKNOWN}",),
        (f"Bearer {REVOKED}",),
        (f"Bearer {EXPIRED}",),
    ],
)
def test_whatever_is_no_good_token_gets_the_same_refusal(authorization: tuple[str, ...]) -> None:
    with pytest.raises(Unauthorized, match=r"^Unauthorized$"):
        ask("/digits/predict", *authorization)


@pytest.mark.parametrize("authorization", [f"bearer {GOOD}", f"BEARER   {GOOD} "])
def test_the_scheme_is_read_in_any_case(authorization: str) -> None:
    assert ask("/digits/predict", authorization)["principalId"] == "acme"


def test_the_header_is_found_in_any_case() -> None:
    asked = event("/digits/predict")
    asked["multiValueHeaders"] = {"AUTHORIZATION": [f"Bearer {GOOD}"]}
    assert Authorizer(TABLE.get, print, lambda: NOW).answer(asked)["principalId"] == "acme"


@pytest.mark.parametrize("token", [UNKNOWN, REVOKED, EXPIRED, "short"])
def test_a_refusal_is_logged_without_the_token(token: str) -> None:
    lines: list[str] = []
    with pytest.raises(Unauthorized) as caught:
        Authorizer(TABLE.get, lines.append, lambda: NOW).answer(
            event("/digits/predict", f"Bearer {token}")
        )
    assert len(lines) == 1
    assert token not in lines[0]
    assert token not in str(caught.value)


def test_a_header_of_the_wrong_form_costs_no_look_up() -> None:
    asked: list[str] = []
    authorizer = Authorizer(asked.append, lambda _line: None)
    with pytest.raises(Unauthorized):
        authorizer.answer(event("/digits/predict", "Bearer guess"))
    assert asked == []


def test_a_table_that_does_not_answer_opens_nothing() -> None:
    def fail(_digest: str) -> Item | None:
        raise TimeoutError("no answer")

    with pytest.raises(TimeoutError):
        Authorizer(fail).answer(event("/digits/predict", f"Bearer {GOOD}"))


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/v1/models/digits%3Apredict", True),
        ("/v2/models/di%67its/infer", True),
        ("/ml/v1/models/digits:predict", True),
        ("/v1/models/o%74her:predict", False),
        ("/ml/v1/models/other:predict", False),
        ("/v2/models/%6Fther/infer", False),
    ],
)
def test_an_escaped_path_and_one_below_the_base_path_name_the_same_model(
    path: str, allowed: bool
) -> None:
    authorizer = Authorizer(TABLE.get, lambda _line: None, lambda: NOW, base_path="ml")
    asked = event(path, f"Bearer {GOOD}", resource="/v1/{proxy+}")
    (statement,) = authorizer.answer(asked)["policyDocument"]["Statement"]
    assert (statement["Effect"] == "Allow") == allowed

"""`lading tokens` with an emulated DynamoDB and API Gateway, and the authorizer that reads it."""

import json
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import boto3
import pytest

from lading.functions.authorizer.authorizer import Authorizer, Unauthorized
from lading.functions.authorizer.grants import table_lookup
from tests.cli.conftest import Lading
from tests.support.token_table import REGION, token_table

TABLE = "lading-dev-tokens"


@dataclass(frozen=True)
class Cloud:
    """What the commands reach."""

    dynamodb: Any
    gateway: Any

    def items(self) -> list[dict[str, Any]]:
        return list(self.dynamodb.scan(TableName=TABLE)["Items"])

    def keys(self) -> list[str]:
        return [key["name"] for key in self.gateway.get_api_keys()["items"]]


@pytest.fixture
def cloud(s3_url: str) -> Iterator[Cloud]:
    """The table of the stage dev, with no usage plan."""
    with token_table(s3_url, TABLE) as (_, dynamodb):
        session: Any = boto3.session.Session(region_name=REGION)
        gateway = session.client("apigateway")
        yield Cloud(dynamodb, gateway)
        for key in gateway.get_api_keys()["items"]:
            gateway.delete_api_key(apiKey=key["id"])
        gateway.close()


@pytest.fixture
def planned(cloud: Cloud) -> Iterator[Cloud]:
    """The same, with a usage plan for each of two APIs and one of somebody else's."""
    names = ("lading-dev-api", "lading-dev-api-2", "lading-dev-api-docs")
    plans = [cloud.gateway.create_usage_plan(name=name)["id"] for name in names]
    yield cloud
    for plan in plans:
        cloud.gateway.delete_usage_plan(usagePlanId=plan)


def create(lading: Lading, *options: str) -> dict[str, Any]:
    result = lading("tokens", "create", "--tenant", "acme", "--json", *options)
    assert result.code == 0, result.err
    document: dict[str, Any] = result.document
    return document


def allowed(token: str, model: str) -> bool:
    """What the authorizer says of the token, reading the same table."""
    event = {
        "methodArn": f"arn:aws:execute-api:eu-west-1:1:a/dev/POST/{model}/predict",
        "resource": f"/{model}/{{proxy+}}",
        "path": f"/{model}/predict",
        "multiValueHeaders": {"Authorization": [f"Bearer {token}"]},
    }
    authorizer = Authorizer(table_lookup(TABLE), log=lambda _line: None)
    effect: str = authorizer.answer(event)["policyDocument"]["Statement"][0]["Effect"]
    return effect == "Allow"


def test_a_new_token_opens_its_models_and_no_other(cloud: Cloud, lading: Lading) -> None:
    made = create(lading, "--model", "digits", "--model", "iris")
    assert allowed(made["token"], "digits")
    assert allowed(made["token"], "iris")
    assert not allowed(made["token"], "secret")
    assert len(cloud.items()) == 1


def test_a_token_is_for_predictions_unless_it_is_said(cloud: Cloud, lading: Lading) -> None:
    usual = create(lading, "--model", "digits")
    labels = create(lading, "--model", "digits", "--scope", "feedback")
    both = create(lading, "--model", "digits", "--scope", "feedback", "--scope", "predict")
    found = [each["scopes"] for each in (usual, labels, both)]
    assert found == [["predict"], ["feedback"], ["feedback", "predict"]]
    assert allowed(usual["token"], "digits")
    assert not allowed(labels["token"], "digits")
    assert len(cloud.items()) == 3


@pytest.mark.usefixtures("cloud")
def test_a_token_for_every_model_opens_later_ones_too(lading: Lading) -> None:
    made = create(lading, "--every-model")
    assert made["models"] == ["*"]
    assert allowed(made["token"], "whatever")


def test_a_token_is_shown_once_and_kept_nowhere(cloud: Cloud, lading: Lading) -> None:
    result = lading("tokens", "create", "--tenant", "acme", "--model", "digits")
    token = result.out.strip()
    assert re.fullmatch(r"lading_[A-Za-z0-9_-]{43}", token)
    assert "will not be shown again" in result.err
    assert token not in result.err
    assert token not in json.dumps(cloud.items())
    assert token not in lading("tokens", "list", "--json").out


def test_the_usage_key_is_shown_to_nobody_and_is_no_token(cloud: Cloud, lading: Lading) -> None:
    made = create(lading, "--model", "digits")
    key = cloud.items()[0]["usage_key"]["S"]
    assert key not in json.dumps(made)
    assert key not in lading("tokens", "list", "--json").out
    with pytest.raises(Unauthorized):
        allowed(key, "digits")


def test_a_token_counts_in_the_usage_plans_of_its_own_apis(planned: Cloud, lading: Lading) -> None:
    made = create(lading, "--model", "digits")
    key = planned.items()[0]["usage_key"]["S"]
    counted = {
        plan["name"]: [it["value"] for it in keys["items"]]
        for plan in planned.gateway.get_usage_plans()["items"]
        for keys in [planned.gateway.get_usage_plan_keys(usagePlanId=plan["id"])]
    }
    assert counted == {
        "lading-dev-api": [key],
        "lading-dev-api-2": [key],
        "lading-dev-api-docs": [],
    }
    assert planned.keys() == ["lading-dev-api-acme"]
    assert made["tenant"] == "acme"


def test_all_tokens_of_a_tenant_count_together(planned: Cloud, lading: Lading) -> None:
    ended = create(lading, "--model", "digits")
    create(lading, "--model", "iris")
    other = lading("tokens", "create", "--tenant", "other", "--json", "--every-model")
    assert other.code == 0
    counted = {item["tenant"]["S"]: item["usage_key"]["S"] for item in planned.items()}
    assert len({item["usage_key"]["S"] for item in planned.items()}) == len(counted) == 2
    assert sorted(planned.keys()) == ["lading-dev-api-acme", "lading-dev-api-other"]
    lading("tokens", "revoke", ended["id"])
    assert sorted(planned.keys()) == ["lading-dev-api-acme", "lading-dev-api-other"]
    lading("tokens", "revoke", other.document["id"])
    assert planned.keys() == ["lading-dev-api-acme"]


def test_a_revoked_token_is_refused_at_once_and_its_key_is_gone(
    planned: Cloud, lading: Lading
) -> None:
    kept, ended = create(lading, "--every-model"), create(lading, "--every-model")
    assert lading("tokens", "revoke", ended["id"]).code == 0
    with pytest.raises(Unauthorized):
        allowed(ended["token"], "digits")
    assert allowed(kept["token"], "digits")
    assert planned.keys() == ["lading-dev-api-acme"]
    lading("tokens", "revoke", kept["id"])
    assert planned.keys() == []


@pytest.mark.usefixtures("cloud")
def test_revoking_twice_keeps_the_first_time(lading: Lading) -> None:
    made = create(lading, "--every-model")
    first = lading("tokens", "revoke", made["id"], "--json").document
    second = lading("tokens", "revoke", made["id"], "--json").document
    assert first == second
    assert (first["state"], first["revoked"] is not None) == ("revoked", True)


@pytest.mark.usefixtures("cloud")
def test_the_list_says_what_each_token_is_good_for(lading: Lading) -> None:
    assert "no tokens" in lading("tokens", "list").out
    made = create(lading, "--model", "digits", "--days", "2")
    (listed,) = lading("tokens", "list", "--json").document
    assert listed == {key: value for key, value in made.items() if key != "token"}
    assert listed["state"] == "active"
    assert listed["expires"] - listed["created"] == 2 * 86_400
    assert made["id"] in lading("tokens", "list").out


@pytest.mark.usefixtures("cloud")
def test_an_expired_token_is_listed_as_such_and_refused(cloud: Cloud, lading: Lading) -> None:
    made = create(lading, "--every-model")
    digest = cloud.items()[0]["digest"]
    cloud.dynamodb.update_item(
        TableName=TABLE,
        Key={"digest": digest},
        UpdateExpression="SET expires = :then",
        ExpressionAttributeValues={":then": {"N": str(int(time.time()) - 1)}},
    )
    assert lading("tokens", "list", "--json").document[0]["state"] == "expired"
    with pytest.raises(Unauthorized):
        allowed(made["token"], "digits")


@pytest.mark.usefixtures("cloud")
def test_a_token_lasts_for_ever_only_when_asked_to(lading: Lading) -> None:
    assert create(lading, "--every-model")["expires"] is not None
    assert create(lading, "--every-model", "--forever")["expires"] is None
    assert "never" in lading("tokens", "list").out


@pytest.mark.usefixtures("cloud")
@pytest.mark.parametrize(
    ("words", "code", "text"),
    [
        (("create", "--tenant", "acme"), 2, "--every-model"),
        (("create", "--tenant", "acme", "--model", "a", "--every-model"), 2, "--every-model"),
        (("create", "--tenant", "acme", "--model", "../a"), 2, "is not a valid name of a model"),
        (("create", "--tenant", "acme", "--model", "*"), 2, "is not a valid name of a model"),
        (("create", "--tenant", "a\nb", "--model", "a"), 2, "--tenant"),
        (("create", "--tenant", "", "--model", "a"), 2, "--tenant"),
        (("revoke", "0123456789ab"), 4, "has no token '0123456789ab'"),
        (("list", "--table", "absent"), 7, "absent"),
        (("list", "--stage", "prd"), 2, "did you mean 'prod'"),
    ],
)
def test_a_bad_call_is_one_line_with_its_exit_code(
    lading: Lading, words: tuple[str, ...], code: int, text: str
) -> None:
    result = lading("tokens", *words)
    assert result.code == code
    assert text in result.err
    assert result.err.count("\n") == 1


@pytest.mark.usefixtures("cloud")
def test_a_token_that_cannot_be_kept_leaves_no_key_behind(planned: Cloud, lading: Lading) -> None:
    result = lading("tokens", "create", "--tenant", "acme", "--every-model", "--table", "absent")
    assert (result.code, result.out) == (7, "")
    assert planned.keys() == []


def test_a_dry_run_creates_and_revokes_nothing(cloud: Cloud, lading: Lading) -> None:
    words = ("tokens", "create", "--tenant", "acme", "--model", "digits", "--days", "30")
    dry = lading(*words, "--dry-run")
    assert dry.out == (
        "would create a token of acme, for digits (predict), expires in 30 days, "
        f"in table {TABLE}\n"
    )
    assert "without --dry-run" in dry.err
    assert lading(*words, "--dry-run", "--json").document["dry_run"] is True
    assert cloud.items() == []
    made = create(lading, "--model", "digits")
    dry = lading("tokens", "revoke", made["id"], "--dry-run")
    assert dry.out == f"token {made['id']} of acme, for digits, would be revoked\n"
    assert allowed(made["token"], "digits")
    assert lading("tokens", "revoke", "0" * 8, "--dry-run").code == 4


def test_a_dry_run_without_the_table_is_refused(lading: Lading, s3_url: str) -> None:
    with token_table(s3_url, "another-table"):
        dry = lading("tokens", "create", "--tenant", "acme", "--every-model", "--dry-run")
    assert dry.code == 7
    assert TABLE in dry.err


def test_a_region_that_nobody_has_named_says_where_to_name_it(
    lading: Lading, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    result = lading("tokens", "list")
    assert result.code == 7
    assert (
        "You must specify a region; set AWS_DEFAULT_REGION, or regions in stages.yaml" in result.err
    )

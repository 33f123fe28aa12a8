"""A request is of the caller that the gateway has verified, whatever its headers say."""

from typing import Any

import pytest

from lading.functions.inference.wire.caller import caller_of

ROLE = "arn:aws:sts::000000000000:assumed-role/path/Role"


@pytest.mark.parametrize(
    ("context", "caller"),
    [
        ({"authorizer": {"tenant": "acme"}}, "tenant/acme"),
        ({"authorizer": {"tenant": "acme"}, "identity": {"userArn": ROLE}}, "tenant/acme"),
        ({"identity": {"userArn": "arn:aws:iam::0:user/ann"}}, "iam/arn:aws:iam::0:user/ann"),
        ({"identity": {"userArn": f"{ROLE}/one"}}, f"iam/{ROLE}"),
        ({"identity": {"userArn": f"{ROLE}/two"}}, f"iam/{ROLE}"),
        ({"identity": {"userArn": None}, "authorizer": None}, ""),
        ({"ladingCaller": "tenant/acme"}, "tenant/acme"),
        ({}, ""),
    ],
)
def test_the_context_of_the_gateway_names_the_caller(context: dict[str, Any], caller: str) -> None:
    assert caller_of({"aws.event": {"requestContext": context}}) == caller


@pytest.mark.parametrize("scope", [{}, {"aws.event": {}}, {"aws.event": {"requestContext": None}}])
def test_without_a_gateway_the_caller_has_no_name(scope: dict[str, Any]) -> None:
    headers = [
        (b"authorization", b"Bearer a"),
        (b"x-amzn-request-context", b'{"ladingCaller":"x"}'),
    ]
    assert caller_of({**scope, "headers": headers}) == ""


def test_an_application_around_the_service_names_no_tenant_of_the_gateway() -> None:
    assert caller_of({"lading.caller": "tenant/acme"}) == "application/tenant/acme"

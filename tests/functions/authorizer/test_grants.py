"""Look-ups in an emulated DynamoDB, and the entry as Lambda starts it."""

import json
import os
from collections.abc import Iterator

import pytest

from lading.functions.authorizer.grants import (
    Grant,
    read_grant,
    table_lookup,
    token_digest,
    token_id,
)
from tests.support.interpreter import run_clean
from tests.support.token_table import token_table

TOKEN = "lading_" + "t" * 43

START = """
import json, sys
from lading.functions.authorizer import lambda_handler
loaded = sorted({name.partition(".")[0] for name in sys.modules} & set(json.loads(sys.argv[2])))
print(json.dumps({"loaded": loaded}))
print(json.dumps(lambda_handler.handler(json.loads(sys.argv[1]), None)))
"""


@pytest.fixture(scope="module")
def table(s3_url: str) -> Iterator[str]:
    """A table with one token in it."""
    with token_table(s3_url) as (name, client):
        client.put_item(
            TableName=name,
            Item={
                "digest": {"S": token_digest(TOKEN)},
                "tenant": {"S": "acme"},
                "models": {"SS": ["digits"]},
                "usage_key": {"S": "usage-1"},
            },
        )
        yield name


def test_a_token_is_found_by_its_digest(table: str) -> None:
    find = table_lookup(table)
    grant = read_grant(find(token_digest(TOKEN)), now=0)
    assert grant == Grant("acme", frozenset({"digits"}), "usage-1")
    assert read_grant(find(token_digest("other")), now=0) == "unknown"


def test_the_entry_answers_and_imports_no_aws_library_before_its_first_look_up(table: str) -> None:
    event = {
        "methodArn": "arn:aws:execute-api:eu-west-1:000000000000:abc/dev/POST/digits",
        "resource": "/digits",
        "path": "/digits",
        "multiValueHeaders": {"Authorization": [f"Bearer {TOKEN}"]},
    }
    amazon = {name: value for name, value in os.environ.items() if name.startswith("AWS_")}
    environment = {**amazon, "LADING_TOKEN_TABLE": table}
    heavy = json.dumps(["boto3", "botocore", "numpy", "onnxruntime", "starlette"])
    started, answered = run_clean(START, environment, json.dumps(event), heavy)
    assert started["loaded"] == []
    assert answered["principalId"] == "acme"


def test_a_token_is_called_by_the_beginning_of_its_digest() -> None:
    assert token_id(token_digest(TOKEN)) == token_digest(TOKEN)[:12]

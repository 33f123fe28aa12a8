"""A table of tokens, as the artifact stack makes it, in the AWS that the environment leads to."""

import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import boto3

from lading.functions.contract.names import TOKENS
from tests.support.s3 import aws

REGION = "eu-west-1"


@contextmanager
def token_table(url: str, name: str = "") -> Iterator[tuple[str, Any]]:
    """An empty table, and a client, while the environment leads to the server at `url`."""
    table = name or f"tokens-{uuid.uuid4().hex}"
    session: Any = boto3.session.Session(region_name=REGION)
    with aws(url, AWS_DEFAULT_REGION=REGION), closing(session.client("dynamodb")) as client:
        client.create_table(
            TableName=table,
            KeySchema=[{"AttributeName": TOKENS.digest, "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": TOKENS.digest, "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        try:
            yield table, client
        finally:
            client.delete_table(TableName=table)

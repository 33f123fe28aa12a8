"""Grants of bearer tokens, read from the token table by the tokens' digests."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from lading.functions.contract.names import TOKENS

Item = Mapping[str, Mapping[str, Any]]
"""An item in DynamoDB's form: `{"tenant": {"S": "..."}}`."""
FindItem = Callable[[str], Item | None]

_ID_LENGTH = 12


@dataclass(frozen=True, slots=True)
class Grant:
    """The rights of a token.

    Args:
        tenant: who it was issued to.
        models: names, or `*` for every model.
        usage_key: key of the usage plan that its calls count against.
        scopes: what it is for; see `TOKENS`.
    """

    tenant: str
    models: frozenset[str]
    usage_key: str
    scopes: frozenset[str] = frozenset({TOKENS.predict})

    def allows(self, model: str, scope: str = TOKENS.predict) -> bool:
        """Return whether the token allows `model`; a path without a model allows every token.

        Args:
            model: the model; empty where the path names none.
            scope: what the request is for.
        """
        named = not model or model in self.models or TOKENS.every_model in self.models
        return named and scope in self.scopes


def token_digest(token: str) -> str:
    """Return the key of a token in the table."""
    return hashlib.sha256(token.encode()).hexdigest()


def token_id(digest: str) -> str:
    """Return the id of a token for people and logs; the token cannot be found from it."""
    return digest[:_ID_LENGTH]


def read_grant(item: Item | None, now: float) -> Grant | str:
    """Return the grant in an item of the table, or the reason why there is none."""
    if item is None:
        return "unknown"
    if TOKENS.revoked in item:
        return "revoked"
    if TOKENS.expires in item and float(item[TOKENS.expires]["N"]) <= now:
        return "expired"
    return Grant(
        tenant=item[TOKENS.tenant]["S"],
        models=frozenset(item[TOKENS.models]["SS"]),
        usage_key=item[TOKENS.usage_key]["S"],
        scopes=frozenset(item[TOKENS.scopes]["SS"] if TOKENS.scopes in item else [TOKENS.predict]),
    )


def table_lookup(table: str, **options: Any) -> FindItem:
    """Return a function that finds a token's item in DynamoDB; it makes its client at first use.

    Args:
        table: the table's name.
        options: more options of the client, such as `region_name`.
    """
    clients: list[Any] = []

    def find(digest: str) -> Item | None:
        if not clients:
            clients.append(_client(options))
        answer = clients[0].get_item(
            TableName=table, Key={TOKENS.digest: {"S": digest}}, ConsistentRead=True
        )
        item: Item | None = answer.get("Item")
        return item

    return find


def _client(options: Mapping[str, Any]) -> Any:
    import boto3
    from botocore.config import Config

    patience = Config(connect_timeout=1, read_timeout=2, retries={"total_max_attempts": 3})
    return boto3.client("dynamodb", config=patience, **options)

"""Bearer tokens in the cloud: items of a DynamoDB table, and API keys in usage plans."""

import re
import secrets
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from lading.api.errors import AwsRefused
from lading.cli.errors import TokenNotFound
from lading.functions.authorizer.grants import token_digest, token_id
from lading.functions.contract.names import TOKENS, usage_key

_SECRET_BYTES = 32
_DAY_S = 86_400


@dataclass(frozen=True, slots=True)
class Token:
    """A token's record without its secret; times are seconds since 1970."""

    digest: str
    tenant: str
    models: tuple[str, ...]
    created: int
    expires: int | None = None
    revoked: int | None = None
    scopes: tuple[str, ...] = (TOKENS.predict,)

    @property
    def id(self) -> str:
        """Its id."""
        return token_id(self.digest)

    @property
    def state(self) -> str:
        """`active`, `expired` or `revoked`."""
        if self.revoked is not None:
            return "revoked"
        expired = self.expires is not None and self.expires <= time.time()
        return "expired" if expired else "active"


class TokenTable:
    """The tokens of one stage.

    Args:
        table: name of the DynamoDB table.
        api: name of the REST API, whose usage plans limit the tokens.
        region: region of both; None means the region of the AWS profile.
    """

    def __init__(self, table: str, api: str, region: str | None = None) -> None:
        self.table, self.api, self.region = table, api, region

    def create(
        self,
        tenant: str,
        models: Sequence[str],
        days: int | None,
        scopes: Sequence[str] = (TOKENS.predict,),
    ) -> tuple[str, Token]:
        """Create a token; return its secret, which is not stored, and its record.

        `scopes` says what it is for; see `TOKENS`.

        Raises:
            AwsRefused: it could not be stored; no token was created.
        """
        secret = f"lading_{secrets.token_urlsafe(_SECRET_BYTES)}"
        now = int(time.time())
        expires = None if days is None else now + days * _DAY_S
        token = Token(
            token_digest(secret),
            tenant,
            tuple(sorted(set(models))),
            now,
            expires,
            scopes=tuple(sorted(set(scopes))),
        )
        counted = usage_key(self.api, tenant, own_plan=False)
        with self._aws_errors(), ExitStack() as undo:
            key = self._add_key(tenant, counted)
            undo.callback(self._delete_keys, [key] if key else [])
            self._tokens.put_item(Item=_item(token, counted))
            undo.pop_all()
        return secret, token

    def list(self) -> Sequence[Token]:
        """Return every token, the newest first.

        Raises:
            AwsRefused: the table cannot be read.
        """
        return sorted(self._scan(), key=lambda token: -token.created)

    def find(self, id_: str) -> Token:
        """Return the token with an id.

        Raises:
            TokenNotFound: no token has this id.
            AwsRefused: the table cannot be read.
        """
        for token in self._scan():
            if token.id == id_:
                return token
        raise TokenNotFound(id_, self.table)

    def revoke(self, id_: str) -> Token:
        """Revoke a token from the next request on; a second call changes nothing.

        Raises:
            TokenNotFound: no token has this id.
            AwsRefused: it could not be changed.
        """
        found = self.find(id_)
        with self._aws_errors():
            answer = self._tokens.update_item(
                Key={TOKENS.digest: found.digest},
                UpdateExpression="SET #revoked = if_not_exists(#revoked, :now)",
                ConditionExpression="attribute_exists(#digest)",
                ExpressionAttributeNames={"#revoked": TOKENS.revoked, "#digest": TOKENS.digest},
                ExpressionAttributeValues={":now": int(time.time())},
                ReturnValues="ALL_NEW",
            )
        ended = _token(answer["Attributes"])
        if not any(it.tenant == ended.tenant and it.state == "active" for it in self._scan()):
            with self._aws_errors():
                self._delete_keys(self._find_keys(ended.tenant))
        return ended

    def _scan(self) -> Iterator[Token]:
        with self._aws_errors():
            scan = self._tokens.meta.client.get_paginator("scan")
            for page in scan.paginate(TableName=self.table, ConsistentRead=True):
                yield from map(_token, page["Items"])

    def _add_key(self, tenant: str, value: str) -> str | None:
        """Add a tenant's key to every usage plan that all tenants of the API share.

        Returns:
            The id of the key; None if there is no plan, or if another token added it before.
        """
        plans = [
            plan["id"]
            for page in self._gateway.get_paginator("get_usage_plans").paginate()
            for plan in page["items"]
            if re.fullmatch(rf"{re.escape(self.api)}(-\d+)?", plan["name"])
        ]
        if not plans or self._find_keys(tenant):
            return None
        name = f"{self.api}-{tenant}"
        key: str = self._gateway.create_api_key(name=name, value=value, enabled=True)["id"]
        for plan in plans:
            self._gateway.create_usage_plan_key(usagePlanId=plan, keyId=key, keyType="API_KEY")
        return key

    def _find_keys(self, tenant: str) -> Sequence[str]:
        name = f"{self.api}-{tenant}"
        pages = self._gateway.get_paginator("get_api_keys").paginate(nameQuery=name)
        return [key["id"] for page in pages for key in page["items"] if key["name"] == name]

    def _delete_keys(self, keys: Sequence[str]) -> None:
        for key in keys:
            self._gateway.delete_api_key(apiKey=key)

    @cached_property
    def _session(self) -> Any:
        import boto3

        return boto3.session.Session(region_name=self.region)

    @cached_property
    def _tokens(self) -> Any:
        return self._session.resource("dynamodb").Table(self.table)

    @cached_property
    def _gateway(self) -> Any:
        return self._session.client("apigateway")

    @contextmanager
    def _aws_errors(self) -> Iterator[None]:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            yield
        except (BotoCoreError, ClientError) as error:
            raise AwsRefused(f"token table {self.table}", str(error).rstrip(".")) from error


def _item(token: Token, usage_key: str) -> dict[str, Any]:
    times = {TOKENS.created: token.created, TOKENS.expires: token.expires}
    return {
        TOKENS.digest: token.digest,
        TOKENS.tenant: token.tenant,
        TOKENS.models: set(token.models),
        TOKENS.usage_key: usage_key,
        TOKENS.scopes: set(token.scopes),
        **{key: value for key, value in times.items() if value is not None},
    }


def _token(item: Mapping[str, Any]) -> Token:
    times = (item.get(key) for key in (TOKENS.created, TOKENS.expires, TOKENS.revoked))
    created, expires, revoked = (None if time is None else int(time) for time in times)
    models = tuple(sorted(item[TOKENS.models]))
    scopes = tuple(sorted(item.get(TOKENS.scopes, (TOKENS.predict,))))
    return Token(
        item[TOKENS.digest], item[TOKENS.tenant], models, created or 0, expires, revoked, scopes
    )

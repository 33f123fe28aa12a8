"""Requests with an `Idempotency-Key`, which are processed once however often they are sent.

The first answer is kept for an hour and repeated. An answer that is an error, streamed or very long
is not kept; the next request is then processed again. Powertools stores the record in DynamoDB.
Rules: https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header.
"""

import base64
import hashlib
from collections.abc import Callable
from functools import cached_property
from typing import Any, Final

from lading.functions.contract.dialects.dialect import split_path
from lading.functions.contract.errors import KeyReused, MalformedRequest, RequestInProgress
from lading.functions.contract.routes import dialect_of
from lading.functions.inference.app.application import Answerer
from lading.functions.inference.dialects import refuse
from lading.functions.inference.loading.catalog import Catalog
from lading.functions.inference.wire.boundary import Boundary
from lading.functions.inference.wire.messages import (
    Observation,
    Request,
    Response,
    StreamedResponse,
)

HEADER: Final = "idempotency-key"
REPLAYED: Final = "idempotent-replayed"
"""Header of a repeated answer."""

KEPT_S: Final = 3600
LONGEST_KEPT: Final = 256 * 1024
"""Bytes of an answer that fit into a DynamoDB item, in base64 and with the other attributes."""

_LONGEST_KEY = 255
_RUN_MS = 120_000
"""Milliseconds after which a request that never ended may be sent again."""
_OK = 200

Once = Callable[..., dict[str, Any]]


class Idempotent:
    """The answerer that processes a request with a key once, and any other by `inner`.

    Args:
        table: the DynamoDB table of the answers.
        inner: answers requests.
    """

    def __init__(self, table: str, inner: Answerer) -> None:
        self._table, self._inner = table, inner

    def __call__(
        self, request: Request, catalog: Catalog, observation: Observation, longest_body: int
    ) -> Response | StreamedResponse:
        """Answer one request; see `application.answer`."""
        key = request.headers.get(HEADER)
        if key is None or request.method != "POST":
            return self._inner(request, catalog, observation, longest_body)
        work = (request, catalog, observation, longest_body)
        with Boundary(observation) as boundary:
            return self._answer_once(key, request, lambda: self._inner(*work))
        observation.dialect = dialect_of(split_path(request.path)).name
        return refuse(boundary.refusal, request.path)

    def _answer_once(
        self, key: str, request: Request, answer: Callable[[], Response | StreamedResponse]
    ) -> Response | StreamedResponse:
        from aws_lambda_powertools.utilities.idempotency import exceptions

        if not (key.isascii() and key.isprintable() and 0 < len(key) <= _LONGEST_KEY):
            raise MalformedRequest(f"Idempotency-Key must be 1 to {_LONGEST_KEY} ASCII characters")
        ran: list[bool] = []
        try:
            kept = self._once(exchange=_exchange(key, request), answer=answer, ran=ran)
        except _Unkept as unkept:
            return unkept.response
        except exceptions.IdempotencyAlreadyInProgressError as error:
            raise RequestInProgress(key) from error
        except exceptions.IdempotencyValidationError as error:
            raise KeyReused(key) from error
        headers = kept["headers"] if ran else {**kept["headers"], REPLAYED: "true"}
        body = base64.b64decode(kept["body"])
        return Response(kept["status"], body, kept["content_type"], headers)

    @cached_property
    def _once(self) -> Once:
        from aws_lambda_powertools.utilities.idempotency import (
            DynamoDBPersistenceLayer,
            IdempotencyConfig,
            idempotent_function,
        )

        context: Any = _Patience()
        config = IdempotencyConfig(
            event_key_jmespath="key",
            payload_validation_jmespath="body",
            raise_on_no_idempotency_key=True,
            expires_after_seconds=KEPT_S,
            hash_function="sha256",
            lambda_context=context,
        )
        once: Once = idempotent_function(
            _keep,
            data_keyword_argument="exchange",
            config=config,
            persistence_store=DynamoDBPersistenceLayer(table_name=self._table),
        )
        return once


class _Unkept(Exception):
    """An answer that is not to be kept: Powertools deletes the record of a call that raises."""

    def __init__(self, response: Response | StreamedResponse) -> None:
        super().__init__()
        self.response = response


class _Patience:
    """The part of Lambda's context that Powertools reads: how long a request may run."""

    def get_remaining_time_in_millis(self) -> int:
        return _RUN_MS


def _exchange(key: str, request: Request) -> dict[str, Any]:
    """Return what identifies a request, and what must be equal in its repetitions.

    A key belongs to one path and to one caller, whom the gateway names: a header would be what the
    sender wants it to be.
    """
    content_type = request.headers.get("content-type", "").encode()
    body = hashlib.sha256(content_type + b"\0" + request.body).hexdigest()
    return {"key": [key, request.path, request.caller], "body": body}


def _keep(
    *,
    exchange: dict[str, Any],  # noqa: ARG001 Powertools reads it
    answer: Callable[[], Response | StreamedResponse],
    ran: list[bool],
) -> dict[str, Any]:
    """Return the answer in a form that DynamoDB can store.

    Raises:
        _Unkept: it must not be repeated.
    """
    response = answer()
    ran.append(True)
    if isinstance(response, StreamedResponse) or len(response.body) > LONGEST_KEPT:
        raise _Unkept(response)
    if response.status // 100 != _OK // 100:
        raise _Unkept(response)
    return {
        "status": response.status,
        "content_type": response.content_type,
        "headers": dict(response.headers),
        "body": base64.b64encode(response.body).decode(),
    }

"""The responses that the REST API sends without calling a function."""

from collections.abc import Sequence

from aws_cdk import aws_apigateway as apigateway

from lading.functions.contract.origins import ALLOW_ORIGIN, EVERY

_ERROR_BODY = '{"error":$context.error.messageString,"message":$context.error.messageString}'
"""Clients of every dialect read `error`, AWS's clients read `message`."""


def add_gateway_responses(api: apigateway.RestApi, origins: Sequence[str]) -> None:
    """Give each kind of error a body and headers, which pages of `origins` may read.

    The gateway cannot choose among several origins. Then every page may read them: they contain no
    data.
    """
    kinds = apigateway.ResponseType
    allowed = origins[0] if len(origins) == 1 else EVERY
    readable = {ALLOW_ORIGIN: f"'{allowed}'"} if origins else {}
    for id_, kind, headers in (
        ("ClientError", kinds.DEFAULT_4_XX, {}),
        ("ServerError", kinds.DEFAULT_5_XX, {}),
        ("Unauthorized", kinds.UNAUTHORIZED, {"WWW-Authenticate": "'Bearer'"}),
        ("Throttled", kinds.THROTTLED, {"Retry-After": "'1'"}),
    ):
        api.add_gateway_response(
            id_,
            type=kind,
            response_headers={**headers, **readable} or None,
            templates={"application/json": _ERROR_BODY},
        )

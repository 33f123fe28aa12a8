"""What the REST API answers by itself, when no function is asked."""

from collections.abc import Sequence

from aws_cdk import aws_apigateway as apigateway

from lading.functions.contract.origins import ALLOW_ORIGIN, EVERY

_ERROR_BODY = '{"error":$context.error.messageString,"message":$context.error.messageString}'
"""`error` is what every dialect's clients read, `message` what AWS's do."""


def word_refusals(api: apigateway.RestApi, origins: Sequence[str]) -> None:
    """Give each kind of refusal a body, and headers; pages of `origins` may read them.

    The gateway cannot choose among several origins: then every page may, for its own words hold
    nothing of anybody.
    """
    kinds = apigateway.ResponseType
    told = origins[0] if len(origins) == 1 else EVERY
    readable = {ALLOW_ORIGIN: f"'{told}'"} if origins else {}
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

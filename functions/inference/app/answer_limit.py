"""The limit of Lambda's answers: an invocation whose answer exceeds 6 MB fails.

API Gateway would turn that into a bare 502. Therefore the length of the returned document is
computed beforehand: text becomes a JSON string, anything else base64. An answer that is too long is
compressed if its caller accepts that; otherwise it becomes an error of its dialect.
"""

import json
from typing import Final

from lading.functions.contract.errors import AnswerTooLarge
from lading.functions.contract.limits import LAMBDA
from lading.functions.inference.dialects import refuse
from lading.functions.inference.wire import content_encoding
from lading.functions.inference.wire.messages import Observation, Request, Response

MOST: Final = LAMBDA.request_bytes - 16 * 1024
"""Bytes of a body in the returned document, which also holds status and headers."""

_TEXTS = ("text/", "application/json")
"""Content types that Mangum returns as text."""
_ESCAPED = (b'"', b"\\", b"\n", b"\r", b"\t")


def fit(response: Response, request: Request, observation: Observation) -> Response:
    """Return the response, compressed if necessary, or an error that says what to do."""
    size = size_of(response)
    if size <= MOST:
        return response
    encoding = content_encoding.choose(request.headers.get("accept-encoding", ""))
    if encoding and "content-encoding" not in response.headers:
        headers = {**response.headers, "content-encoding": encoding, "vary": "accept-encoding"}
        packed = content_encoding.pack(response.body, encoding)
        smaller = response._replace(body=packed, headers=headers)
        if size_of(smaller) <= MOST:
            return smaller
    observation.error = refusal = AnswerTooLarge(size, LAMBDA.request_bytes)
    return refuse(refusal, request.path)


def size_of(response: Response) -> int:
    """Return the bytes of the body in the document that the function returns."""
    body = response.body
    if response.content_type.startswith(_TEXTS):
        if body.isascii():
            return len(body) + sum(map(body.count, _ESCAPED))
        try:
            return len(json.dumps(body.decode()))
        except UnicodeDecodeError:
            pass
    return -(-len(body) // 3) * 4

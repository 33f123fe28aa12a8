"""Answers that Lambda would not give back: it ends an invocation whose answer is over 6 MB.

API Gateway would make a bare 502 of that. So the length of what goes back is known beforehand: text
stands in a JSON string, anything else in base64. An answer that is too long is compressed where its
caller takes that, and else becomes an error of its dialect.
"""

import json
from dataclasses import replace
from typing import Final

from lading.functions.contract.errors import AnswerTooLarge
from lading.functions.contract.limits import LAMBDA
from lading.functions.inference.dialects import refuse
from lading.functions.inference.wire import content_encoding
from lading.functions.inference.wire.messages import Observation, Request, Response

MOST: Final = LAMBDA.request_bytes - 16 * 1024
"""Bytes of a body as it goes back; status and headers go with it."""

_TEXTS = ("text/", "application/json")
"""Content types that Mangum hands on as text."""
_ESCAPED = (b'"', b"\\", b"\n", b"\r", b"\t")


def fit(response: Response, request: Request, observation: Observation) -> Response:
    """The response, compressed if it must be, or the error that says what to do."""
    size = size_of(response)
    if size <= MOST:
        return response
    encoding = content_encoding.choose(request.headers.get("accept-encoding", ""))
    if encoding and "content-encoding" not in response.headers:
        headers = {**response.headers, "content-encoding": encoding, "vary": "accept-encoding"}
        packed = content_encoding.pack(response.body, encoding)
        smaller = replace(response, body=packed, headers=headers)
        if size_of(smaller) <= MOST:
            return smaller
    observation.error = refusal = AnswerTooLarge(size, LAMBDA.request_bytes)
    return refuse(refusal, request.path)


def size_of(response: Response) -> int:
    """Bytes of the body in what the function returns."""
    body = response.body
    if response.content_type.startswith(_TEXTS):
        if body.isascii():
            return len(body) + sum(map(body.count, _ESCAPED))
        try:
            return len(json.dumps(body.decode()))
        except UnicodeDecodeError:
            pass
    return -(-len(body) // 3) * 4

"""The result of an invocation of a model's function, whether the function streams or not.

A function behind API Gateway returns a JSON document. One that streams returns its head as JSON,
eight zero bytes, and the body; an ordinary invocation gets all of that at once
(https://docs.aws.amazon.com/lambda/latest/dg/response-streaming-tutorial.html).
"""

import base64
import json
from typing import Any

from lading.functions.contract.names import ADAPTER


def read_answer(payload: bytes) -> Any:
    """Read the JSON document of an answer; a streamed body becomes base64 in it.

    Raises:
        ValueError: it is not JSON.
    """
    head, separator, body = payload.partition(ADAPTER.separator)
    document = json.loads(head)
    if not separator or not isinstance(document, dict):
        return document
    return {**document, "body": base64.b64encode(body).decode(), "isBase64Encoded": True}

"""What an invocation of a model's function returns, whether the function streams or not.

A function behind API Gateway answers a JSON document. One that streams answers its head as JSON,
eight zero bytes, and the body as it is; whoever invokes it as any function gets all of that at once
(https://docs.aws.amazon.com/lambda/latest/dg/response-streaming-tutorial.html).
"""

import base64
import json
from typing import Any

from lading.functions.contract.names import ADAPTER


def read_answer(payload: bytes) -> Any:
    """The JSON document of an answer; a streamed body is in it as API Gateway takes bytes.

    Raises:
        ValueError: it is no JSON.
    """
    head, separator, body = payload.partition(ADAPTER.separator)
    document = json.loads(head)
    if not separator or not isinstance(document, dict):
        return document
    return {**document, "body": base64.b64encode(body).decode(), "isBase64Encoded": True}

"""JSON objects in the bodies of other programs, which may send anything."""

import json
from typing import Any


def json_object(body: bytes) -> dict[str, Any]:
    """Return the JSON object in a body; an empty one when the body is anything else."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}

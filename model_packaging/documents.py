"""The two JSON formats of packaging."""

import json
from typing import Any


def canonical(document: Any) -> bytes:
    """Return the same bytes for equal values, for identities: sorted keys, no spaces.

    Raises:
        ValueError: a number is NaN or infinite.
    """
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return text.encode()


def readable(document: Any) -> bytes:
    """Return the format for users and git: sorted, indented, with a newline at the end.

    Raises:
        ValueError: a number is NaN or infinite.
    """
    return f"{json.dumps(document, sort_keys=True, indent=2, allow_nan=False)}\n".encode()

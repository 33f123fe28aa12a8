"""The two ways in which packaging writes JSON."""

import json
from typing import Any


def canonical(document: Any) -> bytes:
    """One byte string per value: sorted keys, no spaces; what identities are taken of.

    Raises:
        ValueError: a number is NaN or infinite.
    """
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return text.encode()


def readable(document: Any) -> bytes:
    """The form for files that people read and git compares: sorted, indented, a newline at the end.

    Raises:
        ValueError: a number is NaN or infinite.
    """
    return f"{json.dumps(document, sort_keys=True, indent=2, allow_nan=False)}\n".encode()

"""Sources that are not paths: `hf://…`, `s3://…`, `https://…`."""

import re
from pathlib import Path
from typing import Final

CACHE: Final = Path(".lading/sources")
"""The folder of downloaded sources, beside the lock."""

_REMOTE: Final = re.compile(r"[a-z][a-z0-9+.-]+:/.*", re.DOTALL)


def is_remote(source: str) -> bool:
    """Return whether a source is an address, not a path.

    >>> is_remote("hf://org/name"), is_remote("models/churn.onnx")
    (True, False)
    """
    return _REMOTE.fullmatch(source) is not None

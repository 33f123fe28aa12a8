"""One row of numbers, as callers of three dialects send it."""

from collections.abc import Callable
from typing import Any

import pytest


def each_dialect(model: str, name: str) -> pytest.MarkDecorator:
    """Call a test with `path` and `request_of`, which makes a body from rows, for each dialect.

    Args:
        model: the model that is asked.
        name: of its input.
    """

    def tensor(rows: Any) -> Any:
        shape = [len(rows), len(rows[0])]
        return {"inputs": [{"name": name, "shape": shape, "datatype": "FP32", "data": rows}]}

    ways: list[tuple[str, Callable[[Any], Any]]] = [
        (f"{model}/predict", lambda rows: {"inputs": rows}),
        (f"v1/models/{model}:predict", lambda rows: {"instances": rows}),
        (f"v2/models/{model}/infer", tensor),
    ]
    names = ["plain", "tensorflow", "open_inference"]
    return pytest.mark.parametrize(("path", "request_of"), ways, ids=names)

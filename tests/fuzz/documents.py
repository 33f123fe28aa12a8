"""JSON: the fast readers return what the exact one returns, or leave the document to it."""

import json
import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from lading.functions.contract.errors import RequestError
from lading.functions.inference.tensors.json_values import dumps, loads_exactly
from lading.functions.inference.tensors.simdjson_reader import Inexact, read
from tests.fuzz.target import Attempt, Target

_SEEDS = (
    *(b'{"instances":[[1,2],[3,4]]}', b"[[1.5,-2e3],[3,4]]", b'{"a":[true,null,"b"],"b":{}}'),
    *(b"[NaN,Infinity,-Infinity]", b"[[1],[2,3]]", b"[9007199254740993,1e400]", b'"\\ud800"'),
    *(b"[18446744073709551616,0.1,1E5,-0.0]", b'{"a":1,"a":2}', b"[[[1,2],[3,4]],[[5,6],[7,8]]]"),
)


def _alike(fast: Any, exact: Any) -> bool:
    """Return whether both are the same document; an array stands for the lists that it has."""
    if isinstance(fast, np.ndarray):
        fast = fast.tolist()
    if isinstance(fast, list) and isinstance(exact, list):
        return len(fast) == len(exact) and all(map(_alike, fast, exact))
    if isinstance(fast, dict) and isinstance(exact, dict):
        return fast.keys() == exact.keys() and all(_alike(fast[key], exact[key]) for key in fast)
    if isinstance(fast, float) and isinstance(exact, int | float) and exact is not True:
        return fast == exact or (math.isnan(fast) and math.isnan(exact))
    return bool(fast == exact)


@contextmanager
def opened() -> Iterator[Attempt]:
    """Compare the readers, and write what was read."""

    def attempt(data: bytes) -> None:
        try:
            exact = loads_exactly(data)
        except RequestError:
            exact = Inexact
        try:
            fast = read(data)
        except Inexact:
            fast = None
        if exact is Inexact:
            assert fast is None, "the fast reader accepts what is not JSON"
            return
        assert fast is None or _alike(fast, exact), (fast, exact)
        assert _alike(json.loads(dumps(exact)), exact)

    yield attempt


TARGET = Target("documents", opened, lambda: _SEEDS)

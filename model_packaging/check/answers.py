"""Keeps the answers of a model, so that stages do not send it the same rows again.

The check, the trial of an optimized model, the accuracy gate and the golden requests share rows:
the original and each graph answer each request once.
"""

import pickle
from collections.abc import Callable
from hashlib import blake2b

from lading.functions.inference.tensors.conversion import Array
from lading.model_packaging.check.probes import Request

MOST_BYTES = 256 << 20
"""The limit of kept answers of one model, in bytes; later answers are computed again."""

_OBJECT_BYTES = 64
"""The assumed size of one text of an answer."""


class Answers:
    """The answers of one model that returns the same answer to the same rows."""

    def __init__(self) -> None:
        self._known: dict[bytes, Request] = {}
        self._bytes = 0

    def of(self, model: Callable[[Request], Request], request: Request) -> Request:
        """Return the model's answer, from memory if it has answered this request before.

        Callers must not change the arrays. Whatever the model raises is not kept.
        """
        key = digest(request)
        if key not in self._known:
            answer = model(request)
            size = sum(map(_size, answer.values()))
            if self._bytes + size > MOST_BYTES:
                return answer
            self._bytes += size
            self._known[key] = answer
        return dict(self._known[key])


def remembered(model: Callable[[Request], Request]) -> Callable[[Request], Request]:
    """Return a model that answers as this one does, and keeps the answers."""
    answers = Answers()
    return lambda request: answers.of(model, request)


def digest(arrays: Request) -> bytes:
    """Return a digest of named arrays: of their names, types, shapes and values."""
    state = blake2b(digest_size=16)
    for name in sorted(arrays):
        array = arrays[name]
        state.update(repr((name, type(array).__name__, array.dtype.str, array.shape)).encode())
        content = pickle.dumps(array.tolist()) if array.dtype.hasobject else array.tobytes()
        state.update(len(content).to_bytes(8, "little"))
        state.update(content)
    return state.digest()


def _size(array: Array) -> int:
    return array.size * _OBJECT_BYTES if array.dtype.hasobject else array.nbytes

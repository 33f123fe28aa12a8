"""The dialects: one module each, found by the name under which `contract.ROUTES` lists its routes.

A dialect decodes a request to named arrays, has them predicted, and encodes the answer; its errors
have its own status codes and bodies. It works on `Call` and `Response` alone and knows no server.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Protocol

from functions.inference.dialects import open_inference, plain, tensorflow_serving
from functions.inference.errors import InferenceError
from functions.inference.exchange import Call, Response


class Dialect(Protocol):
    """What a dialect's module offers."""

    @property
    def OPERATIONS(self) -> Mapping[str, Callable[[Call], Response]]:  # noqa: N802 a constant
        """Operation, as named in `contract.ROUTES` -> what answers it."""

    def error_response(self, error: InferenceError) -> Response:
        """The dialect's answer to an error."""


DIALECTS: Mapping[str, Dialect] = MappingProxyType(
    {
        "open_inference": open_inference,
        "tensorflow_serving": tensorflow_serving,
        "plain": plain,
    }
)

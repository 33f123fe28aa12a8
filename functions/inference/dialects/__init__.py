"""The dialects: one module each, found by the name under which `routes.ROUTES` lists its routes.

A dialect decodes a request to named arrays, has them predicted, and encodes the answer; its errors
have its own status codes and bodies. It works on `Call` and `Response` alone and knows no server.
"""

from collections.abc import Callable, Mapping
from functools import cache
from importlib import import_module
from typing import Any, Protocol

from lading.functions.contract.errors import InferenceError

# These three are there from the start; the others are imported by who first speaks them.
from lading.functions.inference.dialects import open_inference, plain, tensorflow_serving  # noqa: F401
from lading.functions.inference.models.call import Call
from lading.functions.inference.wire.messages import Response, StreamedResponse


class Dialect(Protocol):
    """What a dialect's module offers."""

    @property
    def OPERATIONS(self) -> Mapping[str, Callable[[Call], Response | StreamedResponse]]:  # noqa: N802 a constant
        """Operation, as named in `routes.ROUTES` -> what answers it."""

    def error_response(self, error: InferenceError) -> Response:
        """The dialect's answer to an error."""


@cache
def find_dialect(name: str) -> Dialect:
    """The dialect of a name that `routes.ROUTES` has."""
    module: Any = import_module(f"{__name__}.{name}")
    return module  # type: ignore[no-any-return]  # a module satisfies no protocol before it is read

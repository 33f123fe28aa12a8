"""The dialects: one module each, of the name that its record has in `contract/dialects`.

A dialect decodes a request to named arrays, has them predicted, and encodes the answer. Its module
has `OPERATIONS`: an operation's name in the record's routes -> a function of a `Call`. One that
predicts is a generator, which yields a `Prediction` and receives the arrays; any other returns its
answer. Neither depends on a server, nor on where the model runs.
"""

from collections.abc import Mapping
from functools import cache
from importlib import import_module

from lading.functions.contract.dialects.dialect import split_path
from lading.functions.contract.errors import InferenceError
from lading.functions.contract.routes import dialect_of

# These three are imported at the start; the others when a request first needs them.
from lading.functions.inference.dialects import open_inference, plain, tensorflow_serving  # noqa: F401
from lading.functions.inference.models.call import Operation
from lading.functions.inference.tensors import json_values as json_codec
from lading.functions.inference.wire.messages import Response


@cache
def find_operations(name: str) -> Mapping[str, Operation]:
    """Return the operations of a dialect."""
    operations: Mapping[str, Operation] = import_module(f"{__name__}.{name}").OPERATIONS
    return operations


def refuse(error: InferenceError, path: str) -> Response:
    """Return the answer to an error, in the shape of the dialect that owns the path."""
    status, document, headers = dialect_of(split_path(path)).refuse(error, path)
    return Response(status, json_codec.dumps(document, bare_tokens=False), headers=headers)

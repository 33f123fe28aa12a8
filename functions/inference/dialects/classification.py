"""Triton's classification extension: the highest values of an output, as `value:index` in BYTES.

https://github.com/triton-inference-server/server/blob/main/docs/protocol/extension_classification.md
"""

from math import prod
from typing import Any

import numpy as np

from lading.functions.contract.errors import InvalidOutput, MalformedRequest
from lading.functions.inference.tensors.conversion import BYTES, Array, datatype_of

_MOST_CLASSES = 1 << 16


def read_count(name: str, wanted: Any) -> int:
    """Read how many classes an output's parameter requests.

    Raises:
        MalformedRequest: it is not a number of classes.
    """
    if type(wanted) is not int or not 0 < wanted <= _MOST_CLASSES:
        raise MalformedRequest(
            f"'classification' of output '{name[:40]}' must be a number from 1 to {_MOST_CLASSES}"
        )
    return wanted


def top_classes(name: str, array: Array, count: int) -> Array:
    """Return the `count` highest values of each row with their indexes, the highest first.

    Raises:
        InvalidOutput: the output's values cannot be ordered.
    """
    if datatype_of(array) in (BYTES, "BOOL"):
        reason = f"is {datatype_of(array)} and cannot be classified; remove 'classification'"
        raise InvalidOutput(name, reason)
    shape = (len(array), prod(array.shape[1:])) if array.ndim > 1 else (1, array.size)
    rows = array.reshape(shape)
    best = np.argsort(rows, axis=1, kind="stable")[:, ::-1][:, :count]
    form = "{:f}:{}" if rows.dtype.kind == "f" else "{}:{}"
    texts = np.empty(best.shape, np.object_)
    for (row, rank), index in np.ndenumerate(best):
        texts[row, rank] = form.format(rows[row, index], index).encode()
    return texts if array.ndim > 1 else texts[0]

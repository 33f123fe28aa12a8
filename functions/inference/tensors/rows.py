"""The rows of named arrays: places along their first axis, of which all have equally many."""

from collections.abc import Mapping

from lading.functions.contract.errors import InvalidInput
from lading.functions.inference.tensors.conversion import Array


def count_rows(inputs: Mapping[str, Array]) -> int:
    """Return the number of rows, which all inputs must have.

    Args:
        inputs: one array or more, each [rows, ...].

    Raises:
        InvalidInput: two inputs differ.
    """
    (first, array), *others = inputs.items()
    rows = len(array)
    for name, other in others:
        if len(other) != rows:
            raise InvalidInput(name, f"has {len(other)} rows, '{first}' has {rows}")
    return rows

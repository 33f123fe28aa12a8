"""Rows as records, as `DataFrame.to_dict("records")` writes them, to values by input."""

from collections.abc import Mapping, Sequence
from typing import Any

from lading.functions.contract.errors import InvalidInput, UnexpectedInput
from lading.functions.inference.artifact.specification import TensorSpec

_COLUMN = 2
"""The rank of a column of shape [rows, 1], whose values records have without their list."""


def columns_of(records: Sequence[Any], specs: Sequence[TensorSpec]) -> dict[str, list[Any]]:
    """Return the values of each input, a row for each record.

    NaN in place of a text is a missing one, as pandas has it.

    Raises:
        InvalidInput: a row is not an object, or its keys are not the inputs.
    """
    wanted = {spec.name: spec for spec in specs}
    for row, record in enumerate(records):
        _check(row, record, wanted)
    return {
        name: [_value(record[name], spec) for record in records] for name, spec in wanted.items()
    }


def _check(row: int, record: Any, wanted: Mapping[str, TensorSpec]) -> None:
    if not isinstance(record, dict):
        raise InvalidInput(next(iter(wanted), "inputs"), f"has no object in row {row}")
    if record.keys() == wanted.keys():
        return
    for name in record:
        if name not in wanted:
            raise UnexpectedInput(name, list(wanted))
    missing = next(name for name in wanted if name not in record)
    raise InvalidInput(missing, f"is missing in row {row}; a missing value is null")


def _value(value: Any, spec: TensorSpec) -> Any:
    if spec.datatype == "BYTES" and isinstance(value, float) and value != value:  # noqa: PLR0124 NaN
        value = None
    upright = len(spec.shape) == _COLUMN and spec.shape[1] == 1
    return [value] if upright and not isinstance(value, list) else value

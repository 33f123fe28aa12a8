"""A request that came with the model, as the first of the golden requests."""

import json
from collections.abc import Sequence
from typing import Any

from lading.functions.contract.errors import InferenceError
from lading.functions.inference.artifact.specification import TensorSpec
from lading.functions.inference.tensors.conversion import check_names, from_json
from lading.functions.inference.tensors.records import columns_of
from lading.model_packaging.check.agreement import call
from lading.model_packaging.check.probes import Request
from lading.model_packaging.conversion import ConvertedModel
from lading.model_packaging.library_errors import first_line
from lading.model_packaging.manifest.models import ModelSpec

_TABLE = 2
"""The rank of a table: rows and columns."""


def given_example(spec: ModelSpec, served: ConvertedModel) -> tuple[list[Request], str]:
    """Return the example as the model's inputs, and what a reader should know about it.

    There is none if the model came without one, or if the model does not accept it.
    """
    if spec.example is None:
        return [], ""
    try:
        request = _request(json.loads(spec.example)["inputs"], served)
    except InferenceError as error:
        return [], f"its input example does not fit: {first_line(error)}"
    answer, refusal = call(served.run, request)
    if answer is None:
        return [], f"its input example is refused: {refusal}"
    return [request], "the first is its input example"


def _of_records(records: list[Any], specs: Sequence[TensorSpec]) -> Any:
    """Return the values of columns by name; those of a model with one table, in their order."""
    if len(specs) == 1 and len(specs[0].shape) == _TABLE and specs[0].name not in records[0]:
        return [list(each.values()) for each in records if isinstance(each, dict)]
    return columns_of(records, specs)


def _request(given: Any, served: ConvertedModel) -> Request:
    """Return the arrays of records, of values by input, or of the only input's values."""
    specs = served.inputs
    if isinstance(given, list) and given and isinstance(given[0], dict):
        given = _of_records(given, specs)
    if not isinstance(given, dict):
        given = {specs[0].name: given}
    check_names(given, specs)
    return {spec.name: from_json(given[spec.name], spec.name, spec.datatype) for spec in specs}

"""A request that came with the model, as the first of the golden requests."""

import json
from typing import Any

from lading.functions.contract.errors import InferenceError
from lading.functions.inference.tensors.conversion import check_names, from_json
from lading.functions.inference.tensors.records import columns_of
from lading.model_packaging.check.agreement import call
from lading.model_packaging.check.probes import Request
from lading.model_packaging.conversion import ConvertedModel
from lading.model_packaging.library_errors import first_line
from lading.model_packaging.manifest.models import ModelSpec


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


def _request(given: Any, served: ConvertedModel) -> Request:
    """Return the arrays of records, of values by input, or of the only input's values."""
    specs = served.inputs
    if isinstance(given, list) and given and isinstance(given[0], dict):
        given = columns_of(given, specs)
    if not isinstance(given, dict):
        given = {specs[0].name: given}
    check_names(given, specs)
    return {spec.name: from_json(given[spec.name], spec.name, spec.datatype) for spec in specs}

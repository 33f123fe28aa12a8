"""The golden requests of an artifact, and whether a loaded model still answers them right.

`model_packaging/check/golden.py` writes them, and describes their form.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from lading.functions.contract.errors import InferenceError, brief
from lading.functions.inference.models.predictor import Predictor, keeps_memory
from lading.functions.inference.tensors.conversion import Array, from_json, reshape


class GoldenRequest(NamedTuple):
    """One request: an array for each input, and the arrays of the right answer."""

    inputs: dict[str, Array]
    outputs: dict[str, Array]


class Tolerance(NamedTuple):
    """How far a number may be off: `absolute + relative * |expected|`."""

    relative: float
    absolute: float


def read_golden(content: bytes) -> tuple[list[GoldenRequest], Tolerance]:
    """Return the requests of a golden.json, and the tolerance of their answers."""
    document = json.loads(content)
    stated = document.get("tolerance", {})
    tolerance = Tolerance(stated.get("relative", 0.0), stated.get("absolute", 0.0))
    requests = [
        GoldenRequest(_arrays(request["inputs"]), _arrays(request["outputs"]))
        for request in document["requests"]
    ]
    return requests, tolerance


def wrong_answers(predictor: Predictor) -> Iterator[str]:
    """Answer each golden request of a model at once, and yield what is wrong with the answers."""
    if predictor.golden is None:
        return
    requests, tolerance = read_golden(predictor.golden)
    for request in requests:
        try:
            found = _answer(predictor, request)
        except InferenceError as error:
            yield f"a golden request fails: {error}"
            continue
        if reason := difference(request.outputs, found, tolerance):
            yield reason


def _answer(predictor: Predictor, request: GoldenRequest) -> dict[str, Array]:
    """Answer a request, which may be far larger than usual ones, and keep no buffers of it."""
    known = keeps_memory.set(False)
    try:
        return predictor.predict(request.inputs)
    finally:
        keeps_memory.reset(known)


def difference(
    expected: Mapping[str, Array], found: Mapping[str, Array], tolerance: Tolerance
) -> str:
    """Return the first output that differs from the golden answer; empty if all are right."""
    for name, array in expected.items():
        if name not in found:
            return f"a golden request has no output '{brief(name)}'"
        if not _close(array, found[name], tolerance):
            return f"a golden request is answered wrong: output '{brief(name)}' differs"
    return ""


def _close(expected: Array, found: Array, tolerance: Tolerance) -> bool:
    if expected.shape != found.shape:
        return False
    if expected.dtype.kind not in "fV":
        return bool((expected == found).all())
    wanted, have = expected.astype(np.float64), found.astype(np.float64)
    return np.allclose(have, wanted, *tolerance, equal_nan=True)


def _arrays(tensors: Sequence[Mapping[str, Any]]) -> dict[str, Array]:
    return {
        each["name"]: reshape(
            from_json(each["data"], each["name"], each["datatype"]), each["shape"], each["name"]
        )
        for each in tensors
    }

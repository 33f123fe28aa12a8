"""NaN and infinities that an optimized model takes for numbers are left out of its domain.

Activations of 8 bits have no NaN. Where a model answers NaN to a row that holds NaN, a quantized
one answers a number that means nothing, so that it must refuse such rows.
"""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from lading.functions.inference.tensors.conversion import Array
from lading.functions.inference.tensors.domain import Domain
from lading.model_packaging.check.agreement import REFUSALS, Model
from lading.model_packaging.check.probes import Known, Request
from lading.model_packaging.conversion import Conversion, ConvertedModel


def without_lost_numbers(conversion: Conversion, model: bytes, rows: Request) -> Conversion:
    """The conversion, whose domains leave out NaN or infinities that the model takes for numbers.

    Inputs whose columns the converter knows stay as they are: missing values of these are compared
    when the model is tried. Behind processing steps, callers send no numbers to the graph.

    Args:
        conversion: what the model was made of.
        model: the optimized model.
        rows: usual rows, as callers send them.
    """
    if conversion.processing is not None:
        return conversion
    before, after = (
        ConvertedModel(conversion.session(each)).run for each in (conversion.onnx, model)
    )
    domains = dict(conversion.domains)
    for name, array in rows.items():
        if array.dtype.kind == "f" and not conversion.known.get(name, Known()).columns:
            domain = domains.get(name, Domain())
            takes = [_alike(before, after, {**rows, name: each}) for each in _spoiled(array)]
            missing = domain.missing if takes[0] else False
            domains[name] = replace(
                domain, missing=missing, infinite=domain.infinite and all(takes[1:])
            )
    stated = {name: domain for name, domain in domains.items() if domain != Domain()}
    return replace(conversion, domains=stated)


def _spoiled(array: Array) -> list[Array]:
    """The rows with NaN, infinity, or minus infinity in one place of each, the first all of it."""
    spoiled = []
    for value in (np.nan, np.inf, -np.inf):
        copy = array.copy()
        rows = copy.reshape(len(copy), -1) if copy.ndim > 1 else copy.reshape(-1, 1)
        if rows.size:
            places = np.arange(len(rows))
            rows[places, places % rows.shape[1]] = value
            rows[0] = value
        spoiled.append(copy)
    return spoiled


def _alike(before: Model, after: Model, request: Request) -> bool:
    """Whether both models have numbers in the same places of their answers, or both refuse."""
    was, now = (_numbers(model, request) for model in (before, after))
    if was is None or now is None:
        return was is now
    return was.keys() == now.keys() and all(np.array_equal(was[name], now[name]) for name in was)


def _numbers(model: Model, request: Request) -> Mapping[str, Array] | None:
    try:
        answer = model(dict(request))
    except REFUSALS:
        return None
    return {name: np.isfinite(array) for name, array in answer.items() if array.dtype.kind == "f"}

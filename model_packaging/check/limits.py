"""Finds values that a served model must refuse, because it would not answer as its original does.

NaN, infinities and arrays without elements mean nothing to most models, and runtimes differ in what
they make of them: torch's ReLU keeps NaN, onnxruntime's may not, and activations of 8 bits have no
NaN at all. Where the converter does not know what training allowed, both models are tried.
onnxruntime's LSTM and GRU even end the whole process on some arrays without elements, so models
with these operators always refuse such arrays.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from lading.functions.inference.tensors.conversion import Array
from lading.functions.inference.tensors.domain import Domain
from lading.model_packaging.check.agreement import Model, agrees, call
from lading.model_packaging.check.closeness import USUAL, Closeness
from lading.model_packaging.check.probes import Known, Request
from lading.model_packaging.check.probing import plausible, widened
from lading.model_packaging.check.samples import Samples, free_axes, given, make_up
from lading.model_packaging.conversion import Conversion, ConvertedModel, Session, open_session
from lading.model_packaging.onnx_graph import walk

if TYPE_CHECKING:
    from onnx import ModelProto

_FRAGILE = frozenset({"LSTM", "GRU"})
_ROWS = 16


def is_fragile(model: "ModelProto") -> bool:
    """Return whether the model has an operator that ends the process on arrays without elements."""
    bodies = (model.graph.node, *(function.node for function in model.functions))
    return any(node.op_type in _FRAGILE for body in bodies for node in walk(body))


def limited(name: str, conversion: Conversion, closeness: Closeness = USUAL) -> Conversion:
    """Return the conversion with domains that leave out what it answers differently.

    Inputs whose domain or columns the converter knows keep its NaN and infinities. Models behind
    processing steps are not tried, since callers send them no numbers.

    Raises:
        ConversionError: the model cannot be served.
    """
    others = tuple(limited(name, other, closeness) for other in conversion.others)
    session = open_session(name, conversion, conversion.onnx)
    empty = _accepts_empty(conversion)
    domains = dict(conversion.domains)
    if conversion.processing is None:
        served = ConvertedModel(session).run
        same = partial(agrees, conversion.reference, served, closeness=closeness)
        samples = _samples(name, conversion, session)
        rows = next(samples.requests(_ROWS))
        empty = empty and all(map(same, _emptied(rows, samples, free_axes(session.inputs))))
        for spec in session.inputs:
            if not _is_known(conversion, spec.name):
                domains[spec.name] = _domain(rows, spec.name, same)
    if not empty:
        for spec in session.inputs:
            domains[spec.name] = domains.get(spec.name, Domain())._replace(empty=False)
    return replace(conversion, domains=_stated(domains), others=others)


def _accepts_empty(conversion: Conversion) -> bool:
    """Return whether the model may be tried on arrays without elements, as far as is known."""
    from onnx import load_model_from_string

    if conversion.native:
        return all(each.empty for each in conversion.domains.values())
    return not is_fragile(load_model_from_string(conversion.onnx))


def without_lost_numbers(conversion: Conversion, model: bytes, rows: Request) -> Conversion:
    """Return the conversion with domains that an optimized model can serve.

    Where a model answers NaN to a row that holds NaN, a quantized one answers a number that means
    nothing, so it must refuse such rows. Inputs whose columns the converter knows keep their
    domains: their missing values are compared when the model is tried. Behind processing steps,
    callers send no numbers.

    Args:
        conversion: what the model was made from.
        model: the optimized model.
        rows: usual rows, as callers send them.
    """
    if conversion.processing is not None:
        return conversion
    original, optimized = map(conversion.session, (conversion.onnx, model))
    runs = ConvertedModel(original).run, ConvertedModel(optimized).run
    same = partial(_has_same_numbers, *runs)
    domains = dict(conversion.domains)
    for name, array in rows.items():
        if array.dtype.kind == "f" and not _has_columns(conversion, name):
            before, after = domains.get(name, Domain()), _domain(rows, name, same)
            missing = before.missing if after.missing else False
            infinite = before.infinite and after.infinite
            domains[name] = before._replace(missing=missing, infinite=infinite)
    return replace(conversion, domains=_stated(domains))


def _is_known(conversion: Conversion, name: str) -> bool:
    """Return whether the converter knows which numbers an input may hold."""
    stated = name in conversion.domains and conversion.domains[name] != Domain(empty=False)
    return stated or _has_columns(conversion, name)


def _has_columns(conversion: Conversion, name: str) -> bool:
    return bool(conversion.known.get(name, Known()).columns)


def _stated(domains: Mapping[str, Domain]) -> dict[str, Domain]:
    return {name: domain for name, domain in domains.items() if domain != Domain()}


def _samples(name: str, conversion: Conversion, session: Session) -> Samples:
    specs = widened(session.inputs, conversion.known)
    if conversion.examples:
        return given(name, dict(conversion.examples), specs)
    return plausible(make_up(name, specs), conversion.known)


def _domain(rows: Request, name: str, same: Callable[[Request], bool]) -> Domain:
    """Return the numbers that an input may hold: those for which `same` holds."""
    array = rows[name]
    if array.size and array.dtype.kind == "i":
        return Domain(negative=same(_with(rows, name, -1)))
    if not array.size or array.dtype.kind != "f":
        return Domain()
    missing = same(_with(rows, name, np.nan))
    infinite = all(same(_with(rows, name, value)) for value in (np.inf, -np.inf))
    return Domain(missing=missing, infinite=infinite)


def _with(rows: Request, name: str, value: float) -> Request:
    """Return the rows with the value in one place of each, and everywhere in the first."""
    array = rows[name].copy()
    flat = array.reshape(len(array), -1) if array.ndim > 1 else array.reshape(-1, 1)
    places = np.arange(len(flat))
    flat[places, places % flat.shape[1]] = value
    flat[0] = value
    return {**rows, name: array}


def _emptied(
    rows: Request, samples: Samples, axes: Mapping[str, tuple[int, ...]]
) -> Iterator[Request]:
    """Yield the rows without elements: no rows at all, and free axes of size 0."""
    if samples.batch == 0:
        yield {name: array[:0] if array.ndim else array for name, array in rows.items()}
    if any(axes.values()):
        yield {name: _without_elements(array, axes[name]) for name, array in rows.items()}


def _without_elements(array: Array, axes: tuple[int, ...]) -> Array:
    for axis in axes:
        array = np.take(array, [], axis)
    return array


def _has_same_numbers(before: Model, after: Model, request: Request) -> bool:
    """Return whether both models answer numbers in the same places, or both refuse."""
    was, now = (_numbers(model, request) for model in (before, after))
    if was is None or now is None:
        return was is now
    return was.keys() == now.keys() and all(np.array_equal(was[name], now[name]) for name in was)


def _numbers(model: Model, request: Request) -> Mapping[str, Array] | None:
    answer, _ = call(model, request)
    if answer is None:
        return None
    return {name: np.isfinite(array) for name, array in answer.items() if array.dtype.kind == "f"}

"""Values that a served model refuses, since it would not answer them as its original does.

NaN, infinities and arrays without elements mean nothing to most models, and runtimes differ in what
they make of them: torch's ReLU keeps NaN, onnxruntime's may not. Where the converter does not know
what training allowed, both models are tried. onnxruntime's LSTM and GRU even end the whole process
on some arrays without elements, so that models with them always refuse these.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from lading.functions.inference.tensors.conversion import Array
from lading.functions.inference.tensors.domain import Domain
from lading.model_packaging.check.agreement import Model, agrees
from lading.model_packaging.check.probes import Request
from lading.model_packaging.check.probing import plausible, widened
from lading.model_packaging.check.samples import free_axes, given, make_up
from lading.model_packaging.conversion import Conversion, ConvertedModel, Session, open_session
from lading.model_packaging.onnx_graph import walk

if TYPE_CHECKING:
    from onnx import ModelProto

_FRAGILE = frozenset({"LSTM", "GRU"})
_ROWS = 16


def is_fragile(model: "ModelProto") -> bool:
    """Whether the model has an operator that ends the process on arrays without elements."""
    bodies = (model.graph.node, *(function.node for function in model.functions))
    return any(node.op_type in _FRAGILE for body in bodies for node in walk(body))


def limited(name: str, conversion: Conversion) -> Conversion:
    """The conversion, whose domains leave out what it answers otherwise than its original.

    Inputs that the converter knows the domain or the columns of keep what it says of NaN and
    infinities. Models behind processing steps are not tried: callers send no numbers.

    Raises:
        ConversionError: the model cannot be served.
    """
    from onnx import load_model_from_string

    others = tuple(limited(name, other) for other in conversion.others)
    session = open_session(name, conversion, conversion.onnx)
    empty = not is_fragile(load_model_from_string(conversion.onnx))
    domains = dict(conversion.domains)
    if conversion.processing is None:
        trial = _LimitTrial(name, conversion, session)
        empty = empty and trial.takes_empty()
        for spec in session.inputs:
            known = conversion.known.get(spec.name)
            if spec.name not in domains and not (known and known.columns):
                domains[spec.name] = trial.domain(spec.name)
    if not empty:
        for spec in session.inputs:
            domains[spec.name] = replace(domains.get(spec.name, Domain()), empty=False)
    stated = {key: domain for key, domain in domains.items() if domain != Domain()}
    return replace(conversion, domains=stated, others=others)


class _LimitTrial:
    """Both models, and rows to change."""

    def __init__(self, name: str, conversion: Conversion, session: Session) -> None:
        self._original: Model = conversion.reference
        self._served: Model = ConvertedModel(session).run
        self._axes = free_axes(session.inputs)
        wide = widened(session.inputs, conversion.known)
        if conversion.examples:
            samples = given(name, dict(conversion.examples), wide)
        else:
            samples = plausible(make_up(name, wide), conversion.known)
        self._batch = samples.batch
        self._rows = next(samples.requests(_ROWS))

    def domain(self, name: str) -> Domain:
        """What an input of numbers may hold."""
        array = self._rows[name]
        if array.size and array.dtype.kind == "i":
            return Domain(negative=self._same(self._with(name, -1)))
        if not array.size or array.dtype.kind != "f":
            return Domain()
        return Domain(
            missing=self._same(self._with(name, np.nan)),
            infinite=all(self._same(self._with(name, value)) for value in (np.inf, -np.inf)),
        )

    def takes_empty(self) -> bool:
        """Whether both models make the same of arrays without elements."""
        return all(map(self._same, self._emptied()))

    def _emptied(self) -> Iterator[Request]:
        if self._batch == 0:
            yield {name: array[:0] if array.ndim else array for name, array in self._rows.items()}
        if any(self._axes.values()):
            yield {name: _emptied(array, self._axes[name]) for name, array in self._rows.items()}

    def _with(self, name: str, value: float) -> Request:
        """The rows with the value in one place of each, and everywhere in the first."""
        array = self._rows[name].copy()
        rows = array.reshape(len(array), -1) if array.ndim > 1 else array.reshape(-1, 1)
        places = np.arange(len(rows))
        rows[places, places % rows.shape[1]] = value
        rows[0] = value
        return {**self._rows, name: array}

    def _same(self, request: Request) -> bool:
        return agrees(self._original, self._served, request)


def _emptied(array: Array, axes: tuple[int, ...]) -> Array:
    for axis in axes:
        array = np.take(array, [], axis)
    return array

"""The ONNX form of boosted models, whichever library trained them.

The ONNX model has the input `X` of shape [-1, features], in which NaN is a missing value: float32
for XGBoost, which rounds its input to that type, and float64 for LightGBM. It returns

- a classifier: `label` [-1], int64, and `probabilities` [-1, classes];
- a multilabel classifier: both of shape [-1, labels];
- everything else: `prediction` [-1, targets].
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from lading.functions.inference.native.boosted import HALF, INPUT, Answers, named_answers
from lading.functions.inference.tensors.conversion import Array
from lading.functions.inference.tensors.domain import Domain
from lading.model_packaging.check.probes import Column, Known, Probe
from lading.model_packaging.check.tree_probes import tree_probes, typical_rows
from lading.model_packaging.check.trees import DamagedTree, NoTreeForm, TreeArrays
from lading.model_packaging.conversion import Conversion
from lading.model_packaging.converters.framework_errors import refusing
from lading.model_packaging.errors import ConversionError
from lading.model_packaging.manifest.models import ModelSpec
from lading.model_packaging.onnx_nodes import Nodes, value_info

if TYPE_CHECKING:
    from onnx import ModelProto

_PROBE_ROWS = 64

Transform = Callable[[Nodes, str], str]
"""Adds nodes that turn sums of trees, [rows, targets], into answers; returns the output's name."""


@dataclass(frozen=True, slots=True)
class Booster:
    """A boosted model, read from the library's own dump.

    Args:
        margins: adds the nodes that compute the sums [rows, targets], float32, from rows.
        transform: the objective's function of the sums.
        answers: the meaning of the answers.
        columns: the number of columns of a row.
        targets: the number of sums for each row.
        dtype: the type in which the library compares.
        trees: the splits of the trees, for probes.
        infinite: whether the library accepts infinite values.
        missing: a number that stands for a missing value, as NaN does.
        named: whether it was trained on a data frame whose categories have names.
    """

    margins: Transform
    transform: Transform
    answers: Answers
    columns: int
    targets: int
    dtype: type[np.floating]
    trees: tuple[TreeArrays, ...] = ()
    infinite: bool = True
    missing: float = np.nan
    named: bool = False


@dataclass(frozen=True, slots=True)
class BoostedFile:
    """A boosted model, as its library has read it from a file.

    Args:
        read: returns the booster, for its ONNX form. Raises NoTreeForm where it has none.
        predict: the library's own public call, which returns probabilities of classes, of the
            second of two classes, or numbers.
        answers: the meaning of the answers.
        columns: the number of columns of a row.
        targets: the number of answers for each row.
        dtype: the type of rows and of answers.
        infinite: whether the library accepts infinite values.
        options: what the library's runtime must know beside the file.
    """

    read: Callable[[], Booster]
    predict: Callable[[Array], Any]
    answers: Answers
    columns: int
    targets: int
    dtype: type[np.floating]
    infinite: bool = True
    options: Mapping[str, Any] = field(default_factory=dict)


def identity(_nodes: Nodes, sums: str) -> str:
    """Return the sums as the answers."""
    return sums


def sigmoid(steepness: float = 1) -> Transform:
    """Return the function 1 / (1 + exp(-steepness * sum))."""

    def transform(nodes: Nodes, sums: str) -> str:
        if steepness != 1:
            sums = nodes.node("Mul", sums, nodes.constant(np.float32(steepness)))
        return nodes.node("Sigmoid", sums)

    return transform


def exponential(nodes: Nodes, sums: str) -> str:
    """Compute exp(sum)."""
    return nodes.node("Exp", sums)


def softmax(nodes: Nodes, sums: str) -> str:
    """Compute probabilities of classes that exclude each other."""
    return nodes.node("Softmax", sums, axis=1)


def softplus(nodes: Nodes, sums: str) -> str:
    """Compute log(1 + exp(sum))."""
    return nodes.node("Softplus", sums)


def step(nodes: Nodes, sums: str) -> str:
    """Compute 1 if the sum is above 0, else 0."""
    return nodes.node("Cast", nodes.node("Greater", sums, nodes.constant(np.float32(0))), to=1)


def signed_square(nodes: Nodes, sums: str) -> str:
    """Compute the square of the sum, with the sum's sign."""
    return nodes.node("Mul", sums, nodes.node("Abs", sums))


def to_onnx(booster: Booster, classes: Array | None = None) -> "ModelProto":
    """Return the booster as an ONNX model.

    Args:
        booster: the model.
        classes: names of the classes, int64 or texts; by default their numbers.
    """
    nodes = Nodes()
    answers = booster.transform(nodes, booster.margins(nodes, INPUT))
    outputs = _OUTPUTS[booster.answers](nodes, answers, booster.targets, classes)
    values = []
    for name, (tensor, dtype, shape) in outputs.items():
        nodes.named(tensor, name)
        values.append(value_info(name, dtype, ("batch", *shape)))
    rows = value_info(INPUT, booster.dtype, ("batch", booster.columns))
    return nodes.model([rows], values)


_Outputs = Mapping[str, tuple[str, Any, tuple[int, ...]]]
"""Tensor, type and shape of each output by its name; the shape without the batch."""


def _of_two(nodes: Nodes, second: str, _targets: int, classes: Array | None) -> _Outputs:
    first = nodes.node("Sub", nodes.constant(np.float32(1)), second)
    likely = nodes.node("Concat", first, second, axis=1)
    is_second = nodes.node("Greater", second, nodes.constant(np.float32(HALF)))
    flat = nodes.node("Reshape", is_second, nodes.constant(np.array([-1])))
    return _named(nodes, nodes.node("Cast", flat, to=7), likely, 2, classes)


def _of_classes(nodes: Nodes, scores: str, targets: int, classes: Array | None) -> _Outputs:
    places = nodes.node("ArgMax", scores, axis=1, keepdims=0)
    return _named(nodes, places, scores, targets, classes)


def _named(nodes: Nodes, places: str, likely: str, count: int, classes: Array | None) -> _Outputs:
    names = np.arange(count) if classes is None else classes
    label = places if classes is None else nodes.node("Gather", nodes.constant(classes), places)
    return {"label": (label, names.dtype, ()), "probabilities": (likely, np.float32, (count,))}


def _of_labels(nodes: Nodes, scores: str, targets: int, _classes: Array | None) -> _Outputs:
    found = nodes.node("Greater", scores, nodes.constant(np.float32(HALF)))
    label = nodes.node("Cast", found, to=7)
    return {
        "label": (label, np.int64, (targets,)),
        "probabilities": (scores, np.float32, (targets,)),
    }


def _of_numbers(_: Nodes, numbers: str, targets: int, _classes: Array | None) -> _Outputs:
    return {"prediction": (numbers, np.float32, (targets,))}


_OUTPUTS: Mapping[Answers, Callable[[Nodes, str, int, Array | None], _Outputs]] = {
    "two classes": _of_two,
    "classes": _of_classes,
    "labels": _of_labels,
    "numbers": _of_numbers,
}


def convert_booster(spec: ModelSpec, file: BoostedFile) -> Conversion:
    """Return the conversion of a boosted model.

    Raises:
        ConversionError: a part of it has no ONNX form.
    """
    try:
        booster = file.read()
    except NoTreeForm as error:
        advice = "engine: native serves the file unchanged, in its library's own runtime"
        reason = f"has no ONNX form: {error}"
        if not isinstance(error, DamagedTree):
            reason = f"{reason}; {advice}"
        raise ConversionError(spec.name, reason) from error

    def reference(inputs: dict[str, Array]) -> dict[str, Array]:
        return _rounded_answers(booster.answers, np.asarray(file.predict(inputs[INPUT])))

    return Conversion(
        to_onnx(booster).SerializeToString(deterministic=True),
        refusing(reference),
        examples=typical_examples(booster),
        known=KNOWN,
        probes=tuple(booster_probes(booster.trees, booster.columns, booster.dtype)),
        domains=domains_of(infinite=booster.infinite),
    )


KNOWN: Mapping[str, Known] = MappingProxyType({INPUT: Known(columns=(Column(missing=True),))})
"""What is known of a booster's values: each may be missing."""


def domains_of(*, infinite: bool) -> dict[str, Domain]:
    """Return the values that a booster accepts."""
    return {} if infinite else {INPUT: Domain(infinite=False)}


def typical_examples(booster: Booster) -> dict[str, Array] | None:
    """Return rows of the same magnitude as the thresholds of the splits; None without splits."""
    rows = typical_rows(booster.trees, booster.columns, booster.dtype)
    return None if rows is None else {INPUT: rows}


def booster_probes(
    trees: Sequence[TreeArrays], columns: int, dtype: type[np.floating]
) -> Iterator[Probe]:
    """Yield rows that reach the splits, few in each probe, so that a limit cuts all kinds alike."""
    for kind, rows in tree_probes(trees, columns, dtype).items():
        for start in range(0, len(rows), _PROBE_ROWS):
            yield Probe(kind, {INPUT: rows[start : start + _PROBE_ROWS]})
    for value in (np.inf, -np.inf):
        yield Probe("infinite values", {INPUT: np.full((1, columns), value, dtype)})


def _rounded_answers(kind: Answers, answers: Array) -> dict[str, Array]:
    """Return a booster's answers in the types of its ONNX form."""
    named = named_answers(kind, answers, np.dtype(np.float64))
    return {
        name: array.astype(np.float32) if array.dtype.kind == "f" else array
        for name, array in named.items()
    }

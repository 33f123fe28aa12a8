"""Rows to try a graph on: held-out ones, or what its models were tested with.

Each model brings golden requests, which reach its decisions. A graph gets the rows of the models
that read its own inputs. Where only conditions read an input, it takes the values that they name,
so that each step of a switch answers some rows.
"""

from collections.abc import Iterator, Mapping
from itertools import cycle, islice
from typing import Any

import numpy as np

from lading.functions.contract.errors import InferenceError
from lading.functions.inference.artifact.graph_nodes import Comparison
from lading.functions.inference.artifact.specification import TensorSpec
from lading.functions.inference.health.golden import read_golden
from lading.functions.inference.models.predictor import take_runs
from lading.functions.inference.tensors.conversion import DTYPES, Array, as_datatype
from lading.model_packaging.check.agreement import Model
from lading.model_packaging.check.samples import Samples, batch_of, make_up
from lading.model_packaging.errors import DataUnusable
from lading.model_packaging.graphs.edges import Wired
from lading.model_packaging.graphs.nodes import PackagedNode
from lading.model_packaging.graphs.readers import Inner, reached, readers
from lading.model_packaging.graphs.tensors import holds
from lading.model_packaging.manifest.models import ModelSpec
from lading.model_packaging.measure.holdout import read_holdout

MOST_ROWS = 256
_ORIGIN = "the golden requests of its models"


def rows_for(
    spec: ModelSpec, wired: Wired, nodes: Mapping[str, PackagedNode], *, images: bool
) -> Samples:
    """Return rows that fit a graph's inputs; `images` is whether callers send image files.

    Raises:
        DataUnusable: the manifest's rows do not fit.
    """
    if spec.accuracy:
        return read_holdout(spec, wired.inputs, images=images)
    found = dict(_rows_of_models(wired, nodes))
    batch = batch_of(wired.inputs)
    if batch != 0:
        return make_up(spec.name, wired.inputs)
    count = min((len(rows) for rows in found.values()), default=0) or len(_compared(wired))
    inputs = {each.name: _rows(each, found, wired, count) for each in wired.inputs}
    return Samples(spec.name, _ORIGIN, inputs, count, batch)


def answered(samples: Samples, model: Model) -> Samples:
    """Return the rows that a graph answers: a switch may have no step for some.

    Raises:
        DataUnusable: it answers none.
    """
    if samples.batch != 0:
        return samples
    refusals: list[str] = []
    kept: list[int] = []
    for row, request in enumerate(samples.requests(1)):
        try:
            model(request)
            kept.append(row)
        except InferenceError as error:
            refusals.append(str(error))
    if not kept:
        reason = f"has no row that the graph answers: {refusals[0]}"
        raise DataUnusable(samples.model, samples.origin, reason, samples.place)
    if samples.truth is not None or len(kept) == samples.rows:
        return samples
    inputs = {name: array[kept] for name, array in samples.inputs.items()}
    return Samples(samples.model, samples.origin, inputs, len(kept), samples.batch)


def one_of_each_way(samples: Samples, model: Model) -> Iterator[dict[str, Array]]:
    """Yield a row for each set of models that answers one."""
    seen: set[frozenset[str]] = set()
    for request in samples.requests(1):
        take_runs()
        model(request)
        way = frozenset(run.node for run in take_runs())
        if way not in seen:
            seen.add(way)
            yield request


def _rows(spec: TensorSpec, found: Mapping[str, Array], wired: Wired, count: int) -> Array:
    """Return so many rows of one input."""
    if spec.name in found:
        return found[spec.name][:count]
    values = _values(spec, _compared(wired).get(spec.name, ()))
    if values:
        column = np.empty((count,), DTYPES[spec.datatype])
        column[:] = [*islice(cycle(values), count)]
        return as_datatype(column.reshape(count, *[1] * (len(spec.shape) - 1)), spec.datatype)
    return make_up(spec.name, [spec]).inputs[spec.name][:1].repeat(count, axis=0)


def _values(spec: TensorSpec, conditions: tuple[Comparison, ...]) -> list[Any]:
    """Return values on both sides of each condition."""
    values: list[Any] = []
    for each in conditions:
        stated = each.value if each.comparison == "in" else [each.value]
        values += stated
        if DTYPES[spec.datatype].kind in "fiu":
            near = (beside for value in stated for beside in (value - 1, value + 1))
            values += [each for each in near if holds(spec.datatype, each)]
    return [value.encode() if isinstance(value, str) else value for value in values]


def _compared(wired: Wired) -> dict[str, tuple[Comparison, ...]]:
    """Return the conditions on each input of the graph."""
    found: dict[str, tuple[Comparison, ...]] = {}
    for node, names in reached(wired):
        for condition in (each for step in node.steps for each in step.when):
            if condition.tensor in names:
                outer = names[condition.tensor]
                found[outer] = (*found.get(outer, ()), condition)
    return found


def _rows_of_models(wired: Wired, nodes: Mapping[str, PackagedNode]) -> Iterator[tuple[str, Array]]:
    """Yield the golden rows for inputs of the graph; of several models the first one's come last.

    Rows of one model stay together: it was tested with these pairs of inputs.
    """
    for use, names in reversed([*readers(wired, nodes)]):
        rows = _golden_rows(nodes[use], names) if names else {}
        yield from ((names[inner], array) for inner, array in rows.items())


def _golden_rows(node: PackagedNode, names: Inner) -> dict[str, Array]:
    """Return the rows of a model's golden requests that have the shape of the first one."""
    golden = node.published.artifact.golden
    requests = read_golden(golden)[0] if golden else []
    rows: dict[str, list[Array]] = {name: [] for name in names}
    for request in requests:
        if _shapes(request.inputs, names) == _shapes(requests[0].inputs, names):
            for name in names:
                rows[name].append(request.inputs[name])
    return {name: np.concatenate(arrays)[:MOST_ROWS] for name, arrays in rows.items() if arrays}


def _shapes(inputs: Mapping[str, Array], names: Inner) -> list[tuple[int, ...]]:
    return [inputs[name].shape[1:] for name in names]

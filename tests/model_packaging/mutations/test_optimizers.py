"""Quantized and pruned graphs are damaged on purpose, and packaging refuses each of them."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from lading.functions.inference.tensors.conversion import Array
from lading.model_packaging.check.stage import check
from lading.model_packaging.check.trial import TrialRows
from lading.model_packaging.conversion import Conversion, ConvertedModel, open_served
from lading.model_packaging.converters.onnx import CONVERTER
from lading.model_packaging.errors import PruningError, QuantizationError
from lading.model_packaging.manifest.entries import AccuracySpec
from lading.model_packaging.manifest.models import ModelSpec
from lading.model_packaging.manifest.options import PruneSpec, QuantizeSpec, Scheme
from lading.model_packaging.measure.accuracy import Gate, gate_stage
from lading.model_packaging.measure.change import AccuracyDropped
from lading.model_packaging.optimizers import prune, quantize
from lading.model_packaging.optimizers.optimizer import Optimized, Task
from lading.model_packaging.optimizers.prune import Pruned, prune_model
from lading.model_packaging.quantization.registry import SCHEMES
from lading.model_packaging.quantization.scheme import QuantizationPlan
from tests.model_packaging.pruning.networks import convolutional, network, normal

Damage = Callable[[onnx.ModelProto], None]

CLASSES, FEATURES, HIDDEN, COUNT = 8, 32, 64, 400
SHIFT = np.float32(-4)


def classifier() -> onnx.ModelProto:
    """Rows near 8 centers, or their opposites, to probabilities: no linear model can do that."""
    first = normal(FEATURES, HIDDEN, seed=1)
    rows, truth = near_centers()
    hidden = np.maximum(rows @ first + SHIFT, 0)
    onehot = np.eye(CLASSES, dtype=np.float32)[truth] - 1 / CLASSES
    second = np.linalg.lstsq(hidden, onehot, rcond=None)[0].astype(np.float32)
    return network(
        [
            helper.make_node("MatMul", ["x", "w1"], ["a"]),
            helper.make_node("Add", ["a", "b1"], ["b"]),
            helper.make_node("Relu", ["b"], ["h"]),
            helper.make_node("Gemm", ["h", "w2", "b2"], ["s"], alpha=8.0, beta=2.0),
            helper.make_node("Softmax", ["s"], ["y"]),
        ],
        [FEATURES],
        CLASSES,
        w1=first,
        b1=np.full(HIDDEN, SHIFT),
        w2=second,
        b2=np.linspace(-0.2, 0.2, CLASSES, dtype=np.float32),
    )


def near_centers() -> tuple[Array, Array]:
    truth = np.arange(COUNT) % CLASSES
    side = np.where(np.arange(COUNT) // CLASSES % 2, 1, -1)[:, np.newaxis].astype(np.float32)
    rows = side * normal(CLASSES, FEATURES, seed=5)[truth] + 0.4 * normal(COUNT, FEATURES, seed=6)
    return rows, truth


@dataclass(frozen=True, slots=True)
class World:
    """A model that passed its check, as the optimizers meet it."""

    task: Task
    conversion: Conversion
    gate: Gate | None

    def load(self, model: bytes) -> ConvertedModel:
        return open_served(self.task.spec.name, self.conversion, model)


def world(folder: Path, model: onnx.ModelProto, *, gated: bool) -> World:
    source, data = folder / "m.onnx", folder / "rows.npz"
    source.write_bytes(model.SerializeToString())
    rows, truth = near_centers()
    np.savez(data, X=rows, y=truth)
    accuracy = AccuracySpec(data, "accuracy", 0.02) if gated else None
    quantize = QuantizeSpec("none", (), data)
    spec = ModelSpec("m", source, accuracy=accuracy, quantize=quantize)
    conversion = CONVERTER.convert(spec)
    checked, _ = check(spec, conversion)
    load = partial(open_served, "m", conversion)
    gate = Gate(spec, checked.original, conversion.reference) if gated else None
    trial = TrialRows(load, [each.probe for each in checked.evidence.answered])
    task = Task(spec, lambda each: gate.judge(load(each).run) if gate else None, len, trial)
    return World(task, conversion, gate)


def quantized(given: World, scheme: Scheme, damage: Damage) -> Optimized:
    """What the stages `quantize` and `gate` make of it with a damaged scheme."""
    sound = SCHEMES[scheme]

    def apply(model: onnx.ModelProto, plan: QuantizationPlan) -> onnx.ModelProto:
        made = sound.apply(model, plan)
        damage(made)
        return made

    damaged = replace(sound, apply=apply)
    asked = replace(given.task.spec.quantize, scheme=scheme)
    task = replace(given.task, spec=replace(given.task.spec, quantize=asked))
    done = quantize.optimize(task, given.conversion.onnx, {scheme: damaged})
    assert done.facts["scheme"] == scheme
    gate_stage(given.gate, given.load(done.model).run, lossy=True)
    return done


def weight(model: onnx.ModelProto, start: str, kind: str = "") -> onnx.TensorProto:
    """The weights that a library made of those of this name: quantized, scale or zero_point."""
    weights: list[onnx.TensorProto] = list(model.graph.initializer)
    found = [each for each in weights if each.name.startswith(start)]
    named = [each for each in found if each.name.endswith(kind)]
    assert named, f"no weights {start}*{kind}"
    return named[0]


def changed(tensor: onnx.TensorProto, change: Callable[[Array], Array]) -> None:
    array = change(numpy_helper.to_array(tensor).copy())
    tensor.CopyFrom(numpy_helper.from_array(np.ascontiguousarray(array), tensor.name))


def second(model: onnx.ModelProto, kind: str, change: Callable[[Array], Array]) -> None:
    """Change what became of the second layer's weights, which took `alpha` in."""
    changed(weight(model, "w2_", kind), change)


def larger_column(model: onnx.ModelProto) -> None:
    def change(scales: Array) -> Array:
        scales[0] *= 8
        return scales

    second(model, "_scale", change)


def relu_lost(model: onnx.ModelProto) -> None:
    next(node for node in model.graph.node if node.op_type == "Relu").op_type = "Identity"


def softmax_lost(model: onnx.ModelProto) -> None:
    node = next(node for node in model.graph.node if node.op_type == "Softmax")
    node.op_type = "Identity"
    node.ClearField("attribute")


def inverted(model: onnx.ModelProto) -> None:
    node = next(node for node in model.graph.node if node.output[0] == "y")
    node.output[0] = "z"
    model.graph.node.append(helper.make_node("Neg", ["z"], ["y"]))


def one_row_only(model: onnx.ModelProto) -> None:
    node = next(node for node in model.graph.node if node.output[0] == "y")
    node.output[0] = "z"
    model.graph.initializer.append(numpy_helper.from_array(np.array([1, CLASSES]), "one row"))
    model.graph.node.append(helper.make_node("Reshape", ["z", "one row"], ["y"]))


def summed(model: onnx.ModelProto) -> None:
    """One number a row instead of eight."""
    node = next(node for node in model.graph.node if node.output[0] == "y")
    node.output[0] = "z"
    model.graph.initializer.append(numpy_helper.from_array(np.array([1]), "axis"))
    model.graph.node.append(helper.make_node("ReduceSum", ["z", "axis"], ["y"]))


QUANTIZED: dict[str, Damage] = {
    "a column's scale is larger": larger_column,
    "scales are those of other bits": lambda m: second(m, "_scale", lambda a: a / 16),
    "a scale is NaN": lambda m: second(m, "_scale", lambda a: a * np.float32(np.nan)),
    "zero points are shifted": lambda m: second(m, "_zero_point", lambda a: a + 40),
    "columns are swapped": lambda m: second(m, "_quantized", lambda a: a[:, ::-1]),
    "neurons are swapped": lambda m: second(m, "_quantized", lambda a: a[::-1]),
    "weights are lost": lambda m: second(m, "_quantized", np.zeros_like),
    "the sign of weights is lost": lambda m: second(m, "_quantized", np.abs),
    "the activation is lost": relu_lost,
    "softmax is lost": softmax_lost,
    "the signs of answers are other ones": inverted,
    "only one row is answered": one_row_only,
    "the shape is another": summed,
}


@pytest.mark.parametrize("gated", [True, False], ids=["gate", "no gate"])
@pytest.mark.parametrize("damage", QUANTIZED)
def test_mutations_quantized(tmp_path: Path, damage: str, gated: bool) -> None:
    given = world(tmp_path, classifier(), gated=gated)
    with pytest.raises((QuantizationError, AccuracyDropped)):
        quantized(given, "dynamic", QUANTIZED[damage])


@pytest.mark.parametrize("scheme", ["dynamic", "static", "fp16"])
@pytest.mark.parametrize("gated", [True, False], ids=["gate", "no gate"])
def test_the_sound_model_passes(tmp_path: Path, scheme: Scheme, gated: bool) -> None:
    assert quantized(world(tmp_path, classifier(), gated=gated), scheme, lambda _: None).model


def rows_of(name: str, change: Callable[[Array], Array]) -> Damage:
    return lambda model: changed(weight(model, name), change)


def shifted_places(model: onnx.ModelProto) -> None:
    """The places of what is left of a sparse weight, each one further."""
    indices = model.graph.sparse_initializer[0].indices
    changed(indices, lambda places: np.append(places[1:], places[-1] + 1))


def reversed_values(model: onnx.ModelProto) -> None:
    changed(model.graph.sparse_initializer[0].values, lambda values: values[::-1])


def turned(model: onnx.ModelProto) -> None:
    dims = model.graph.sparse_initializer[0].dims
    dims[:] = dims[::-1]


def pooled_otherwise(model: onnx.ModelProto) -> None:
    next(node for node in model.graph.node if node.op_type == "MaxPool").op_type = "AveragePool"


STRUCTURED: dict[str, Damage] = {
    "the first layer keeps another neuron": rows_of("w1", lambda a: np.roll(a, 1, axis=0)),
    "the bias is of other neurons": rows_of("b2", lambda a: a[::-1]),
    "the normalization is of other channels": rows_of("scale", lambda a: np.roll(a, 1)),
    "the mean is of other channels": rows_of("mean", lambda a: a + 1),
    "the next layer takes other channels": rows_of("w2", lambda a: np.roll(a, 1, axis=1)),
    "flattened numbers are in another order": rows_of(
        "w3", lambda a: a.reshape(-1, 16, 4).transpose(1, 0, 2).reshape(a.shape)
    ),
    "one more neuron is silent": rows_of("w3", lambda a: a * (np.arange(len(a)) >= 16)[:, None]),
    "the last bias is lost": rows_of("b3", np.zeros_like),
    "the activation is lost": relu_lost,
    "the pooling is another": pooled_otherwise,
}
MAGNITUDE: dict[str, Damage] = {
    "places are shifted": shifted_places,
    "values are in another order": reversed_values,
    "rows and columns are swapped": turned,
    "the last bias is lost": rows_of("b3", np.zeros_like),
    "the activation is lost": relu_lost,
}


def pruned(folder: Path, asked: PruneSpec, damage: Damage) -> Optimized:
    """What the stage `prune` makes of it with damaged pruning, without a gate."""
    source = folder / "m.onnx"
    source.write_bytes(convolutional().SerializeToString())
    spec = ModelSpec("m", source, prune=asked)
    conversion = CONVERTER.convert(spec)
    checked, _ = check(spec, conversion)
    trial = TrialRows(
        partial(open_served, "m", conversion), [each.probe for each in checked.evidence.answered]
    )

    def damaged(spec: ModelSpec, asked: PruneSpec, content: bytes) -> Pruned:
        sound = prune_model(spec, asked, content)
        model = onnx.load_model_from_string(sound.model)
        damage(model)
        return replace(sound, model=model.SerializeToString())

    return prune.optimize(Task(spec, lambda _: None, len, trial), conversion.onnx, damaged)


@pytest.mark.parametrize("damage", STRUCTURED)
def test_mutations_pruned_neurons(tmp_path: Path, damage: str) -> None:
    with pytest.raises(PruningError):
        pruned(tmp_path, PruneSpec("structured", 0.4), STRUCTURED[damage])


@pytest.mark.parametrize("damage", MAGNITUDE)
def test_mutations_pruned_weights(tmp_path: Path, damage: str) -> None:
    with pytest.raises(PruningError):
        pruned(tmp_path, PruneSpec("magnitude", 0.9), MAGNITUDE[damage])


@pytest.mark.parametrize("method", ["structured", "magnitude"])
def test_the_sound_pruned_model_passes(tmp_path: Path, method: str) -> None:
    asked = PruneSpec("structured", 0.4) if method == "structured" else PruneSpec("magnitude", 0.9)
    assert pruned(tmp_path, asked, lambda _: None).model

"""Damaged graphs of PyTorch's modules, each of which packaging refuses."""

from functools import cache
from typing import Any

import numpy as np
import pytest
from onnx import ModelProto, helper, numpy_helper

from lading.model_packaging.check.limits import limited
from lading.model_packaging.conversion import Conversion
from lading.model_packaging.manifest.models import ModelSpec
from lading.model_packaging.manifest.original import InputShape
from tests.model_packaging.converters.pytorch.test_export import (
    SERIES,
    converted,
    module_of,
    recurrent,
    spec_of,
)
from tests.model_packaging.mutations import layers
from tests.model_packaging.mutations.kit import Damage, require_refusal, require_sound
from tests.support.frameworks import needs

pytestmark = needs("pytorch", "torch", "onnxscript")

IDS = 400
INPUTS = {"x": InputShape(("batch", 4)), "ids": InputShape(("batch", "words"), "INT64")}


def network() -> Any:
    """Numbers and words to scores and a vector of the same form."""
    import torch

    functional = torch.nn.functional

    def forward(it: Any, x: Any, ids: Any) -> Any:
        words = it.table(ids).mean(1)
        kept = torch.where(x >= 0.625, x, -x).clamp(-1.5, 3.0)
        active = functional.gelu(it.first(kept - words))
        normed = it.norm(active)
        return {"scores": it.last(normed).softmax(1), "vector": functional.leaky_relu(normed)}

    module = module_of(
        forward,
        table=lambda: torch.nn.Embedding(IDS, 4),
        first=lambda: torch.nn.Linear(4, 6),
        norm=lambda: torch.nn.LayerNorm(6),
        last=lambda: torch.nn.Linear(6, 6),
    )
    for value in module.parameters():
        value.data = torch.randn(value.shape)
    return module


def columns() -> Any:
    """A column of ids for each of two tables."""
    import torch

    return module_of(
        lambda it, ids: torch.cat([it.large(ids[:, 0]), it.small(ids[:, 1])], 1),
        large=lambda: torch.nn.Embedding(90, 3),
        small=lambda: torch.nn.Embedding(7, 3),
    )


def last_rows(size: int) -> Damage:
    """The last row of the table of this size is another."""

    def damage(model: ModelProto) -> None:
        [table] = [each for each in model.graph.initializer if each.dims and each.dims[0] == size]
        array = numpy_helper.to_array(table).copy()
        array[-1] += 0.5
        table.CopyFrom(numpy_helper.from_array(array, table.name))

    return damage


@cache
def conversion_of(kind: str) -> tuple[ModelSpec, Conversion]:
    """Exported and checked once for all damages."""
    if kind == "network":
        inputs, module = INPUTS, network()
    elif kind == "columns":
        inputs, module = {"ids": InputShape(("batch", 2), "INT64")}, columns()
    else:
        inputs, module = SERIES, recurrent(kind, "all")
    spec = spec_of(inputs)
    return spec, require_sound(spec, limited("m", converted(module, inputs)))


def frozen_time(model: ModelProto) -> None:
    """As of a file that was traced with five steps: what comes after the fifth is lost."""
    node = layers.nodes_of(model, "LSTM", "GRU")[0]
    for name, number in (("none", 0), ("five", 5)):
        model.graph.initializer.append(numpy_helper.from_array(np.array([number]), name))
    cut = helper.make_node("Slice", [node.input[0], "none", "five", "none"], ["cut"])
    node.input[0] = "cut"
    nodes = list(model.graph.node)
    nodes.insert(nodes.index(node), cut)
    del model.graph.node[:]
    model.graph.node.extend(nodes)


def backwards(model: ModelProto) -> None:
    layers.attribute("GRU", "direction", "reverse")(model)


def other_gates(weights: Any) -> Any:
    """Keras has the gates of a GRU in another order than PyTorch's; so has ONNX."""
    update, reset, hidden = np.split(weights, 3, axis=1)
    return np.concatenate([reset, update, hidden], axis=1)


DAMAGES: dict[str, tuple[str, Damage]] = {
    "gelu is the one by tanh": ("network", layers.attribute("Gelu", "approximate", "tanh")),
    "a step does not take its edge": ("network", layers.operator("GreaterOrEqual", "Greater")),
    "the branches are swapped": ("network", layers.swapped_inputs("Where", 1, 2)),
    "the upper bound is lost": ("network", layers.weight("Clip", 2, lambda it: it * 1e9)),
    "a bias is lost": ("network", layers.weight("Gemm", 2, lambda it: it * 0)),
    "columns are swapped": ("network", layers.weight("Gemm", 1, lambda it: it[:, ::-1])),
    "a difference is the other way": ("network", layers.swapped_inputs("Sub", 0, 1)),
    "a norm has no scale": ("network", layers.weight("LayerNormalization", 1, np.ones_like)),
    "a norm has another epsilon": (
        "network",
        layers.attribute("LayerNormalization", "epsilon", 0.1),
    ),
    "classes are independent": ("network", layers.operator("Softmax", "Sigmoid")),
    "rows are mixed": ("network", layers.attribute("Softmax", "axis", 0)),
    "a slope is another": ("network", layers.attribute("LeakyRelu", "alpha", 0.1)),
    "the last id has another vector": ("network", layers.weight("Gather", 0, layers.last_row(0.5))),
    "the last id of a column has another vector": ("columns", last_rows(90)),
    "that of a column with fewer ids": ("columns", last_rows(7)),
    "outputs are swapped": ("network", layers.swapped_outputs),
    "the steps are frozen": ("GRU", frozen_time),
    "time runs backwards": ("GRU", backwards),
    "gates are in another order": ("GRU", layers.weight("GRU", 1, other_gates)),
    "the recurrent bias is lost": ("GRU", layers.weight("GRU", 3, lambda it: it * 0)),
    "the reset comes before the product": (
        "GRU",
        layers.attribute("GRU", "linear_before_reset", 0),
    ),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_mutations_pytorch(name: str) -> None:
    kind, damage = DAMAGES[name]
    require_refusal(*conversion_of(kind), damage)


@pytest.mark.parametrize("kind", ["network", "GRU", "columns"])
def test_the_same_modules_pass_when_nothing_is_damaged(kind: str) -> None:
    require_sound(*conversion_of(kind))

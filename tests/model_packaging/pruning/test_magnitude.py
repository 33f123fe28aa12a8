import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from lading.functions.inference.models.session import OnnxSession
from lading.functions.inference.tensors.conversion import Array
from lading.model_packaging.pruning.magnitude import prune_weights, store_sparsely
from tests.model_packaging.pruning.networks import convolutional, dense, normal


def weights(model: onnx.ModelProto) -> dict[str, Array]:
    return {each.name: numpy_helper.to_array(each) for each in model.graph.initializer}


def sparsity(array: Array) -> float:
    return float((array == 0).mean())


def test_each_layer_loses_its_share_of_its_smallest_weights() -> None:
    model = convolutional()
    before = weights(model)
    count = prune_weights(model, 0.5, [], everywhere=False)
    after = weights(model)
    assert count == sum(before[name].size // 2 for name in ("w1", "w2", "w3"))
    for name in ("w1", "w2", "w3"):
        gone = after[name] == 0
        assert sparsity(after[name]) == 0.5
        assert np.abs(before[name][gone]).max() <= np.abs(before[name][~gone]).min()
        assert np.array_equal(after[name][~gone], before[name][~gone])
    assert np.array_equal(after["b3"], before["b3"])


def test_all_layers_together_lose_the_smallest_of_all() -> None:
    model = dense(first=normal(16, 32) / 100)
    prune_weights(model, 0.5, [], everywhere=True)
    after = weights(model)
    assert sparsity(after["w1"]) > 0.6
    assert sparsity(after["w2"]) < 0.02


def test_an_excluded_layer_keeps_its_weights() -> None:
    model = dense()
    prune_weights(model, 0.5, ["MatMul_0"], everywhere=False)
    assert sparsity(weights(model)["w1"]) == 0
    assert sparsity(weights(model)["w2"]) == 0.5


@pytest.mark.parametrize(("share", "smaller"), [(0.5, 1.01), (0.8, 0.75), (0.95, 0.35)])
def test_what_is_mostly_zero_is_stored_in_fewer_bytes_and_answers_the_same(
    share: float, smaller: float
) -> None:
    model = dense(first=normal(16, 32))
    prune_weights(model, share, [], everywhere=False)
    plain = model.SerializeToString()
    store_sparsely(model)
    stored = model.SerializeToString()
    assert len(stored) < smaller * len(plain)
    onnx.checker.check_model(model)
    x = {"x": normal(5, 16, seed=9)}
    assert np.array_equal(OnnxSession(plain).run(x)["y"], OnnxSession(stored).run(x)["y"])


@pytest.mark.parametrize("everywhere", [True, False])
def test_of_weights_of_one_size_no_more_go_than_are_asked_for(everywhere: bool) -> None:
    model = dense(first=np.sign(normal(16, 32)))
    count = prune_weights(model, 0.5, ["MatMul_3"], everywhere=everywhere)
    assert count == 16 * 32 // 2
    assert sparsity(weights(model)["w1"]) == 0.5


def test_single_numbers_are_stored_as_they_are() -> None:
    model = dense("Clip", first=normal(16, 32))
    next(node for node in model.graph.node if node.op_type == "Clip").input.append("lowest")
    model.graph.initializer.append(numpy_helper.from_array(np.array(0, np.float32), "lowest"))
    prune_weights(model, 0.95, [], everywhere=False)
    plain = model.SerializeToString()
    store_sparsely(model)
    x = {"x": normal(5, 16, seed=9)}
    stored = OnnxSession(model.SerializeToString()).run(x)["y"]
    assert np.array_equal(stored, OnnxSession(plain).run(x)["y"])
    assert "lowest" in weights(model)

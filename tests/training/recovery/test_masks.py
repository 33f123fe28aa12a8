from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from lading.functions.inference.tensors.conversion import Array
from lading.model_packaging.manifest.models import ModelSpec
from lading.model_packaging.manifest.options import PruneSpec
from lading.model_packaging.optimizers.prune import prune_model
from lading.training.errors import TrainingError
from lading.training.recovery.masks import find_masks
from tests.model_packaging.pruning.networks import convolutional, dense, gemm


def spec_of(prune: PruneSpec) -> ModelSpec:
    return ModelSpec("net", Path("net.pt"), prune=prune)


def weights(model: onnx.ModelProto) -> dict[str, Array]:
    return {each.name: numpy_helper.to_array(each) for each in model.graph.initializer}


def test_magnitude_masks_the_smallest_weights_in_the_parameters_layout() -> None:
    model = dense()  # its weights are [inputs, neurons], a parameter's [neurons, inputs]
    plain = weights(model)
    state = {"first": plain["w1"].T, "second": plain["w2"].T, "shift": plain["b1"]}
    spec = spec_of(PruneSpec("magnitude", 0.75))
    masks = find_masks(spec, model.SerializeToString(), state)
    assert set(masks) == {"first", "second"}
    for name, mask in masks.items():
        values = np.abs(state[name])
        assert mask.shape == values.shape
        assert (~mask).sum() == int(0.75 * mask.size)
        assert values[~mask].max() <= values[mask].min()


def test_excluded_layers_have_no_mask() -> None:
    model = gemm()
    spec = spec_of(PruneSpec("magnitude", 0.5, exclude=("Gemm_0",)))
    assert set(find_masks(spec, model.SerializeToString(), weights(model))) == {"w2"}


def test_structured_masks_what_follows_the_removed_neurons() -> None:
    model = gemm()
    spec = spec_of(PruneSpec("structured", 0.5))
    (mask,) = find_masks(spec, model.SerializeToString(), weights(model)).values()
    assert mask.shape == (4, 32)
    assert not mask[:, 1::2].any()
    assert mask[:, ::2].all()


@pytest.mark.parametrize("prune", [PruneSpec("structured", 0.5), PruneSpec("magnitude", 0.7)])
def test_pruning_removes_the_same_after_other_weights_have_changed(prune: PruneSpec) -> None:
    model, spec = gemm(), spec_of(prune)
    masks = find_masks(spec, model.SerializeToString(), weights(model))
    generator = np.random.default_rng(5)
    for each in model.graph.initializer:
        value = generator.standard_normal(each.dims).astype(np.float32)
        if each.name in masks:
            value *= masks[each.name]
        each.CopyFrom(numpy_helper.from_array(value, each.name))
    again = find_masks(spec, model.SerializeToString(), weights(model))
    assert set(again) == set(masks)
    for name, mask in masks.items():
        np.testing.assert_array_equal(again[name], mask)
    silenced = onnx.load_model_from_string(
        prune_model(spec, prune, model.SerializeToString()).silenced
    )
    for name, value in weights(silenced).items():
        np.testing.assert_array_equal(value, weights(model)[name])


def test_a_convolution_that_the_exporter_scaled_is_found() -> None:
    model = convolutional()
    plain = weights(model)
    scale = np.linspace(-2, 4, 6, dtype=np.float32).reshape(6, 1, 1, 1)
    state = {"conv1": plain["w1"], "conv2": plain["w2"] / scale, "fc": plain["w3"].T}
    masks = find_masks(spec_of(PruneSpec("structured", 0.5)), model.SerializeToString(), state)
    assert set(masks) == {"conv2", "fc"}
    assert not masks["conv2"][:, :4].any()
    assert masks["conv2"][:, 4:].all()


def test_a_layer_without_its_parameter_is_named() -> None:
    model = gemm()
    state = {"w1": weights(model)["w1"]}
    with pytest.raises(TrainingError, match=r"prune.recover: .*'Gemm_2'.*prune.exclude"):
        find_masks(spec_of(PruneSpec("magnitude", 0.5)), model.SerializeToString(), state)

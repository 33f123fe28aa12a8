import numpy as np
import pytest
from onnx import helper

from lading.functions.inference.models.session import OnnxSession
from lading.model_packaging.errors import QuantizationError
from lading.model_packaging.pruning.magnitude import prune_weights, store_sparsely
from lading.model_packaging.quantization.registry import SCHEMES
from lading.model_packaging.quantization.scheme import QuantizationPlan, quantize
from tests.model_packaging.models import linear_bytes, wide, wide_rows

ROWS = QuantizationPlan(calibration=[{"x": wide_rows()}])
EVERY = sorted(SCHEMES)


def apply(name: str, model: bytes, plan: QuantizationPlan = ROWS) -> bytes:
    return quantize("linear", model, SCHEMES[name], plan)


def test_an_exclusion_that_means_nothing_is_told_so() -> None:
    with pytest.raises(QuantizationError, match=r"no node or operator 'Gem' .*operators: MatMul"):
        apply("dynamic", linear_bytes(), QuantizationPlan(("Gem",)))


@pytest.mark.parametrize("scheme", EVERY)
def test_weights_of_constant_nodes_are_quantized_too(scheme: str) -> None:
    model = wide()
    weight = model.graph.initializer.pop()
    model.graph.node.insert(0, helper.make_node("Constant", [], ["weight"], value=weight))
    content = model.SerializeToString()
    assert len(apply(scheme, content)) < 0.6 * len(content)


@pytest.mark.parametrize("scheme", EVERY)
def test_weights_that_are_stored_sparsely_are_quantized_too(scheme: str) -> None:
    model = wide()
    prune_weights(model, 0.8, [], everywhere=False)
    plain = model.SerializeToString()
    store_sparsely(model)
    content = apply(scheme, model.SerializeToString())
    wanted, found = (
        OnnxSession(each).run({"x": wide_rows()})["scores"] for each in (plain, content)
    )
    assert len(content) < 0.6 * len(plain)
    assert np.abs(found - wanted).max() < 0.2 * np.abs(wanted).max()

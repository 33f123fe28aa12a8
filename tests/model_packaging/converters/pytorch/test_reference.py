"""See `model_packaging/converters/pytorch/reference.py`."""

from typing import Any, NamedTuple

import numpy as np
import pytest

from lading.functions.inference.models.session import OnnxSession
from lading.functions.inference.tensors.conversion import datatype_of
from lading.model_packaging.errors import ConversionError, ManifestError
from tests.model_packaging.converters.pytorch.test_export import (
    agree,
    converted,
    module_of,
    names,
    rows,
)
from tests.support.frameworks import needs

pytestmark = needs("pytorch", "torch", "onnxscript")


class Pair(NamedTuple):
    first: Any
    second: Any


@pytest.mark.parametrize(
    ("forward", "outputs"),
    [
        (lambda _, x: {"x": x * 2, "y": x.sum(1)}, ["x_output", "y"]),
        (lambda _, x: {"z": x * 2, "a": x.sum(1)}, ["z", "a"]),
        (lambda _, x: (x * 2, (x * 3, {"b": x * 4, "a": [x * 5]})), "0 1_0 1_1_b 1_1_a_0"),
        (lambda _, x: {"loss": None, "logits": x * 2}, ["logits"]),
        (lambda _, x: (x * 2, None, x * 3), "0 2"),
        (lambda _, x: [x, x], "0 1"),
        (lambda _, x: Pair(x + 1, x + 2), ["first", "second"]),
        (lambda _, x: {"a": {"b": x + 1}, "a_b": x + 2}, ["a_b", "a_b_1"]),
        (lambda _, x: {"x": x, "same": x}, ["x_output", "same"]),
        (lambda it, x: (x + 1, it.weight), "0 1"),
    ],
)
def test_outputs_of_every_form_keep_their_order_and_get_names(
    forward: Any, outputs: list[str] | str
) -> None:
    import torch

    module = module_of(forward, weight=lambda: torch.nn.Parameter(torch.ones(2)))
    conversion = converted(module)
    if isinstance(outputs, str):
        outputs = [f"output_{each}" for each in outputs.split()]
    assert names(conversion) == outputs
    agree(conversion, module, {"x": rows(1)}, {"x": rows(6)})


def test_an_output_that_the_manifest_calls_like_an_input_is_refused() -> None:
    module = module_of(lambda _, x: (x * 2, x * 3))
    with pytest.raises(
        ManifestError, match=r"m\.outputs: names an output 'x', which is the name of an input"
    ):
        converted(module, outputs=("y", "x"))


@pytest.mark.parametrize(
    "forward",
    [
        lambda it, x: it.torch.nn.functional.dropout(x),
        lambda it, x: x + it.torch.rand(4),
        lambda _, x: x + np.random.default_rng().random(),
        lambda it, x: x + it.counter.add_(1),
    ],
)
def test_a_module_that_answers_differently_each_time_is_refused(forward: Any) -> None:
    import torch

    module = module_of(forward, torch=torch, counter=lambda: torch.zeros(1))
    module.torch = torch
    with pytest.raises(ConversionError, match="answers the same rows differently when called ag"):
        converted(module)


def test_an_output_in_bfloat16_is_given_as_such() -> None:
    import torch

    module = module_of(lambda _, x: (x * 3).to(torch.bfloat16))
    conversion = converted(module)
    wanted = conversion.reference({"x": rows(3)})["output"]
    found = OnnxSession(conversion.onnx).run({"x": rows(3)})["output"]
    assert datatype_of(wanted) == datatype_of(found) == "BF16"
    assert np.array_equal(wanted, found)


def test_a_request_that_lacks_an_input_is_refused_by_its_name() -> None:
    conversion = converted(module_of(lambda _, x: x * 2))
    with pytest.raises(ValueError, match="input 'x' is missing; there are y"):
        conversion.reference({"y": rows(1)})


@pytest.mark.parametrize(
    ("forward", "text"),
    [
        (
            lambda it, x: it.torch.fft.rfft(x),
            "returns complex numbers as 'output'; return torch.view",
        ),
        (lambda _, x: x.to_sparse(), "returns a tensor as 'output' that no array can hold"),
        (lambda _, x: (x, "text"), "returns a str as 'output_1'"),
        (
            lambda _, x: x.reshape(7, 9),
            "cannot be run on .*; give rows that it accepts as examples:",
        ),
    ],
)
def test_what_has_no_tensor_form_is_refused_by_name(forward: Any, text: str) -> None:
    import torch

    module = module_of(forward)
    module.torch = torch
    with pytest.raises(ConversionError, match=text) as caught:
        converted(module)
    assert "\n" not in str(caught.value)

"""See `model_packaging/converters/pytorch/refusals.py`: refusals name the layer, and advise."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lading.model_packaging.check.example_inputs import ExampleInputs
from lading.model_packaging.converters.pytorch.converter import CONVERTER
from lading.model_packaging.converters.pytorch.export import export_module
from lading.model_packaging.errors import ConversionError
from lading.model_packaging.manifest.models import ModelSpec
from lading.model_packaging.manifest.original import InputShape
from lading.model_packaging.quiet import quiet
from tests.model_packaging.converters.pytorch.test_export import (
    ROWS,
    checked,
    converted,
    module_of,
    spec_of,
)
from tests.support.frameworks import needs

pytestmark = needs("pytorch", "torch", "onnxscript")

IDS = {"ids": InputShape(("batch", "tokens"), "INT64")}
IMAGES = {"x": InputShape(("batch", 1, "height", "width"))}


def encoder(*, nested: bool, masked: bool = True) -> Any:
    """An encoder of token ids, in which 0 is padding."""
    import torch

    def forward(it: Any, ids: Any) -> Any:
        mask = {"src_key_padding_mask": ids == 0} if masked else {}
        return it.encoder(it.table(ids), **mask)[:, 0]

    layer = torch.nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
    return module_of(
        forward,
        table=lambda: torch.nn.Embedding(20, 8, padding_idx=0),
        encoder=lambda: torch.nn.TransformerEncoder(layer, 1, enable_nested_tensor=nested),
    )


def test_an_encoder_that_answers_rows_of_padding_by_nested_tensors_is_refused_by_name() -> None:
    text = r"nested tensors, .* in TransformerEncoder 'encoder'; create it with enable_nested_t"
    with pytest.raises(ConversionError, match=text) as caught:
        converted(encoder(nested=True), IDS)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("options", [{"nested": False}, {"nested": True, "masked": False}], ids=str)
def test_an_encoder_without_nested_tensors_passes_the_check(options: dict[str, bool]) -> None:
    checked(encoder(**options), IDS)


def packing() -> Any:
    """A module that packs the padded series which its LSTM gets."""
    import torch

    def forward(it: Any, x: Any, lengths: Any) -> Any:
        packed = torch.nn.utils.rnn.pack_padded_sequence(
            x, lengths, batch_first=True, enforce_sorted=False
        )
        return it.layers(packed)[1][0][-1]

    return module_of(forward, layers=lambda: torch.nn.LSTM(4, 6, batch_first=True))


PACKED = r"packs padded sequences \(pack_padded_sequence\), which has no ONNX form; pass the padded"


@pytest.mark.parametrize("axes", [{0: "batch"}, {0: "batch", 1: "time"}], ids=str)
def test_packed_sequences_are_refused_with_what_to_do(axes: Mapping[int, str]) -> None:
    series: Any = np.random.default_rng(0).normal(size=(3, 5, 4)).astype(np.float32)
    arrays = {"x": series, "lengths": np.array([5, 3, 2])}
    examples = ExampleInputs(arrays, {"x": axes, "lengths": {0: "batch"}}, real=True)
    with pytest.raises(ConversionError, match=PACKED), quiet():
        export_module(spec_of({}), packing(), examples)


def test_packed_sequences_are_named_also_where_made_up_lengths_fail() -> None:
    inputs = {"x": InputShape(("batch", "time", 4)), "lengths": InputShape(("batch",), "INT64")}
    with pytest.raises(ConversionError, match=PACKED):
        converted(packing(), inputs)


def pooling(size: Any) -> Any:
    import torch

    return module_of(
        lambda it, x: it.pool(it.conv(x)).flatten(1),
        conv=lambda: torch.nn.Conv2d(1, 2, 3, padding=1),
        pool=lambda: torch.nn.AdaptiveAvgPool2d(size),
    )


def test_adaptive_pooling_over_axes_of_any_size_is_refused_by_name_with_sizes() -> None:
    text = (
        r"pooling to \[3, 3\], in AdaptiveAvgPool2d 'pool', which fixes an axis .*"
        r"\('height', 'width'\); .* with x: \[batch, 1, 5, 7\] it converts"
    )
    with pytest.raises(ConversionError, match=text):
        converted(pooling(3), IMAGES)


def test_adaptive_pooling_of_an_exported_program_is_refused_by_name(tmp_path: Path) -> None:
    import torch

    free = torch.export.Dim.DYNAMIC
    with quiet():
        program = torch.export.export(
            pooling(3), (torch.ones(2, 1, 5, 7),), dynamic_shapes=(({2: free, 3: free},),)
        )
        torch.export.save(program, tmp_path / "model.pt2")
    text = r"to \[3, 3\], in AdaptiveAvgPool2d 'pool', which has no ONNX form; export it with ima"
    with pytest.raises(ConversionError, match=text):
        CONVERTER.convert(ModelSpec("m", tmp_path / "model.pt2"))


@pytest.mark.parametrize(
    ("size", "inputs"), [(1, IMAGES), (3, {"x": InputShape(("batch", 1, 6, 9))})]
)
def test_adaptive_pooling_to_one_value_or_of_fixed_axes_passes_the_check(
    size: int, inputs: Mapping[str, InputShape]
) -> None:
    checked(pooling(size), inputs)


def within(forward: Callable[[Any], Any]) -> Any:
    """A module in which the second part of `inner` computes `forward`."""
    import torch

    inner = torch.nn.Sequential(torch.nn.Linear(4, 4), module_of(lambda _, x: forward(x)))
    return module_of(lambda it, x: it.inner(x), inner=lambda: inner)


@pytest.mark.parametrize(
    ("operator", "text"),
    [
        ("special.i0", "ONNX lacks prims.bessel_i0, in Module 'inner.1'; compute it outside"),
        ("lgamma", "ONNX lacks prims.lgamma, in Module 'inner.1'; compute it outside"),
        ("histc", "has no ONNX form: .*aten_histc .*, in Module 'inner.1'"),
    ],
)
def test_an_operator_without_an_onnx_form_is_named_with_its_module(
    operator: str, text: str
) -> None:
    import torch

    function: Any = torch
    for part in operator.split("."):
        function = getattr(function, part)
    with pytest.raises(ConversionError, match=text) as caught:
        converted(within(function))
    assert "\n" not in str(caught.value)


def test_a_branch_on_values_is_named_with_its_module() -> None:
    module = within(lambda x: x * 2 if x.sum() > 0 else x)
    with pytest.raises(ConversionError, match=r"values of its inputs, in Module 'inner.1', which"):
        converted(module)


def test_an_operator_of_torchscript_without_an_onnx_form_is_named_with_its_module(
    tmp_path: Path,
) -> None:
    import torch

    with quiet():
        traced = torch.jit.trace(within(torch.lgamma), torch.ones(3, 4))
        traced.save(tmp_path / "script.pt")
    spec = ModelSpec("m", tmp_path / "script.pt", inputs=ROWS)
    text = r"ONNX lacks aten::lgamma, in Module 'inner.1'; compute it outside the model"
    with pytest.raises(ConversionError, match=text) as caught:
        CONVERTER.convert(spec)
    assert "\n" not in str(caught.value)

"""TorchScript behind the service's interface."""

import io
from typing import Any

import numpy as np
import pytest

from lading.functions.inference.artifact.specification import NativeSection, TensorSpec
from lading.functions.inference.models.predictor import Backend, SessionError
from lading.functions.inference.native.runtimes import load
from tests.support.frameworks import needs

pytestmark = [
    needs("pytorch", "torch"),
    pytest.mark.filterwarnings("ignore:.torch.jit.* is deprecated:DeprecationWarning"),
]

ROWS = {"x": np.array([1, 2], np.float32)}


def opened(answer: str, *answers: str, file: Any = None) -> Backend:
    import torch

    module = torch.jit.script(type("Program", (torch.nn.Module,), {})())
    module.define(f"def forward(self, x):\n    return {answer}\n")
    content = io.BytesIO()
    torch.jit.save(module, content)
    outputs = tuple(TensorSpec(f"y{index}", "FP32", (-1,)) for index, _ in enumerate(answers))
    inputs = (TensorSpec("x", "FP32", (-1,)),)
    section = NativeSection("torchscript", "model.pt", {"answers": answers}, inputs, outputs)
    return load(section, content.getvalue() if file is None else file)


@pytest.mark.parametrize(
    ("answer", "answers"),
    [
        ("x + 1", ["output"]),
        ("(x + 1, [x * 2])", ["output_0", "output_1_0"]),
        ('{"a": x + 1, "b": x * 2}', ["a", "b"]),
    ],
    ids=["tensor", "nested", "dict"],
)
def test_outputs_have_the_names_of_the_artifact_in_the_order_of_the_module(
    answer: str, answers: list[str]
) -> None:
    found = opened(answer, *answers).run(ROWS)
    wanted = {"y0": [2, 3], "y1": [2, 4]}
    assert {name: array.tolist() for name, array in found.items()} == {
        name: wanted[name] for name in ("y0", "y1")[: len(answers)]
    }


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ('{"b": x}', "it returns b for these inputs, and its artifact has output"),
        ("x.double()", "output 'y0' must be FP32 with 1 axes, got float64"),
        ("x.unsqueeze(0)", "must be FP32 with 1 axes, got float32 of"),
        ("3", "must be a tensor, got int"),
        ("x.to_sparse()", "fits no array"),
        ("x @ torch.zeros([5])", "RuntimeError: .*size"),
    ],
    ids=["name", "datatype", "axes", "number", "sparse", "failure"],
)
def test_answers_that_are_not_as_stated_are_failures_of_the_model(answer: str, reason: str) -> None:
    model = opened(answer, "output")
    with pytest.raises(SessionError, match=reason):
        model.run(ROWS)


def test_rows_are_not_changed_by_a_program_that_changes_its_input() -> None:
    rows = {"x": np.array([1, 2], np.float32)}
    assert opened("x.add_(1)", "output").run(rows)["y0"].tolist() == [2, 3]
    assert rows["x"].tolist() == [1, 2]


@pytest.mark.parametrize("file", [b"", b"PK\x03\x04", b"\x80\x02cos\nsystem\n."], ids=str)
def test_content_that_is_not_torchscript_is_an_error_of_one_line(file: bytes) -> None:
    with pytest.raises(SessionError) as caught:
        opened("x", "output", file=file)
    assert str(caught.value)
    assert "\n" not in str(caught.value)

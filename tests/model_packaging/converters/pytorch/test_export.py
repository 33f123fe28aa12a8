"""Modules of every kind, compared with their own call."""

import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from lading.functions.inference.models.session import OnnxSession
from lading.functions.inference.tensors.conversion import Array
from lading.model_packaging.check.example_inputs import ExampleInputs, example_inputs
from lading.model_packaging.check.limits import limited
from lading.model_packaging.check.stage import check
from lading.model_packaging.conversion import Conversion
from lading.model_packaging.converters.pytorch.converter import CONVERTER
from lading.model_packaging.converters.pytorch.export import export_module
from lading.model_packaging.errors import ConversionError, ConversionMismatch, ManifestError
from lading.model_packaging.manifest.models import ModelSpec
from lading.model_packaging.manifest.original import Datatype, InputShape
from lading.model_packaging.onnx_graph import operators
from lading.model_packaging.quiet import quiet
from tests.support.frameworks import needs

pytestmark = needs("pytorch", "torch", "onnxscript")

ROWS = {"x": InputShape(("batch", 4))}


def spec_of(inputs: Mapping[str, InputShape] = ROWS, **original: Any) -> ModelSpec:
    return ModelSpec("m", Path("model.pt"), inputs=inputs, **original)


def module_of(forward: Callable[..., Any], **parts: Any) -> Any:
    """A module in eval mode: `forward` gets it and its inputs."""
    import torch

    class Module(torch.nn.Module):
        def forward(self, *inputs: Any) -> Any:
            return forward(self, *inputs)

    torch.manual_seed(3)
    module = Module()
    for name, part in parts.items():
        setattr(module, name, part() if callable(part) else part)
    return module.eval()


def converted(
    module: Any,
    inputs: Mapping[str, InputShape] = ROWS,
    *,
    trace_first: bool = False,
    **original: Any,
) -> Conversion:
    spec = spec_of(inputs, **original)
    with quiet():
        return export_module(spec, module, example_inputs(spec), trace_first=trace_first)


def checked(
    module: Any, inputs: Mapping[str, InputShape] = ROWS, *, trace_first: bool = False
) -> Conversion:
    """The conversion as packaging checks it."""
    conversion = limited("m", converted(module, inputs, trace_first=trace_first))
    check(spec_of(inputs), conversion)
    return conversion


def agree(conversion: Conversion, module: Any, *requests: dict[str, Array]) -> None:
    """Check served model and reference against the module's own call, leaf by leaf."""
    import torch

    session = OnnxSession(conversion.onnx)
    for request in requests:
        with torch.no_grad():
            answer = module(*(torch.from_numpy(array) for array in request.values()))
        leaves = [it for it in torch.utils._pytree.tree_leaves(answer) if it is not None]
        leaves = [it.detach() for it in leaves]
        for model in (session.run, conversion.reference):
            found = list(model(dict(request)).values())
            assert len(found) == len(leaves)
            for array, leaf in zip(found, leaves, strict=True):
                assert array.shape == tuple(leaf.shape)
                assert array.dtype == leaf.numpy().dtype
                np.testing.assert_allclose(array, leaf.numpy(), 1e-4, 1e-5)


def rows(count: int, *sizes: int, seed: int = 0) -> Array:
    generator = np.random.default_rng(seed)
    return generator.standard_normal((count, *(sizes or (4,)))).astype(np.float32)


def names(conversion: Conversion) -> list[str]:
    return [each.name for each in OnnxSession(conversion.onnx).outputs]


def recurrent(kind: str, answer: str = "last", **options: Any) -> Any:
    import torch

    options = {"batch_first": True, **options}
    width = 6 * (2 if options.get("bidirectional") else 1)

    def forward(it: Any, x: Any) -> Any:
        steps, state = it.layers(x)
        if answer == "all":
            return it.head(steps), state
        if answer == "length" and x.shape[1] > 6:
            return it.head(steps[:, 0])
        if answer == "values" and x.sum() > 0:
            return it.head(steps[:, 0])
        if answer == "loop":
            return torch.stack([it.head(steps[:, at]) for at in range(steps.shape[1])], 1)
        return it.head(steps[:, -1])

    return module_of(
        forward,
        layers=lambda: getattr(torch.nn, kind)(4, 6, **options),
        head=lambda: torch.nn.Linear(width, 2),
    )


SERIES = {"x": InputShape(("batch", "time", 4))}


@pytest.mark.parametrize("answer", ["last", "all"])
@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("LSTM", {}),
        ("GRU", {}),
        ("RNN", {}),
        ("LSTM", {"bidirectional": True, "num_layers": 2, "dropout": 0.5}),
        ("GRU", {"batch_first": False}),
    ],
)
def test_layers_over_time_take_series_of_any_length(
    kind: str, options: dict[str, Any], answer: str
) -> None:
    module = recurrent(kind, answer, **options)
    conversion = converted(module, SERIES)
    lengths = [(1, 1), (1, 5), (2, 1), (3, 5), (2, 17), (9, 40)]
    agree(conversion, module, *({"x": rows(count, length, 4)} for count, length in lengths))


@pytest.mark.parametrize("answer", ["length", "loop"])
def test_a_length_that_must_be_fixed_is_named_with_a_shape_that_works(answer: str) -> None:
    module = recurrent("LSTM", answer)
    text = r"leaves free \('time'\); state its size as a number: with x: \[batch, 5, 4\] it conver"
    with pytest.raises(ConversionError, match=text) as caught:
        converted(module, SERIES)
    assert "\n" not in str(caught.value)
    conversion = converted(module, {"x": InputShape(("batch", 5, 4))})
    agree(conversion, module, {"x": rows(1, 5, 4)}, {"x": rows(7, 5, 4)})


@pytest.mark.parametrize("trace_first", [False, True])
@pytest.mark.parametrize(
    "forward",
    [
        lambda _, x: x * 2 if x.sum() > 0 else x,
        lambda _, x: x * 2 if float(x.max()) > 3 else x,
        lambda _, x: x[: int(x[0, 0])],
    ],
)
def test_branches_on_values_are_refused_in_one_line(forward: Any, trace_first: bool) -> None:
    with pytest.raises(ConversionError, match="branches on the values of its inputs") as caught:
        converted(module_of(forward), trace_first=trace_first)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("trace_first", [False, True])
@pytest.mark.parametrize(
    "forward",
    [
        lambda _, x: x * 2 if x.shape[0] == 1 else x + 0,
        lambda _, x: x * 2 if x.shape[0] % 2 else x + 0,
        lambda _, x: x * 2 if x.shape[0] > 100 else x + 0,
        lambda _, x: x * 2 if x.shape[1] > 40 else x + 0,
        lambda _, x: x * 2 if x.shape[1] < 4 else x + 0,
        lambda _, x: x[:, :2] if x.shape[1] > 4 else x[:, :1],
    ],
)
def test_branches_on_sizes_that_the_exporter_froze_are_found(
    forward: Any, trace_first: bool
) -> None:
    module = module_of(forward)
    with pytest.raises(ConversionMismatch, match=r"'output' (differs|has shape)"):
        checked(module, {"x": InputShape(("batch", "time"))}, trace_first=trace_first)


@pytest.mark.parametrize(
    ("forward", "datatype"),
    [
        (lambda _, x: x // 2, "INT64"),
        (lambda _, x: x.float() / 255, "UINT8"),
        (lambda _, x: (x >= 0.375) * 1.0, "FP32"),
        (lambda _, x: x.argmax(1), "FP32"),
        (lambda it, x: it.deep(x), "FP16"),
        (lambda _, x: (~x, x.sum(1)), "BOOL"),
    ],
)
def test_modules_pass_the_check_of_packaging(forward: Any, datatype: Datatype) -> None:
    import torch

    layers = [torch.nn.Linear(64, 64).half(), torch.nn.ReLU()] * 6
    module = module_of(forward, deep=lambda: torch.nn.Sequential(*layers))
    checked(module, {"x": InputShape(("batch", 64), datatype)})


@pytest.mark.parametrize("kind", ["LSTM", "GRU", "RNN"])
def test_layers_over_time_pass_the_check_of_packaging(kind: str) -> None:
    conversion = checked(recurrent(kind, "all"), SERIES)
    assert {f"size {size} along 'time'" for size in (1, 7)} <= {it.kind for it in conversion.probes}


def test_a_state_whose_batch_is_its_second_axis_passes_the_check_of_packaging() -> None:
    import torch

    module = module_of(
        lambda it, x, state: it.layers(x, state),
        layers=lambda: torch.nn.GRU(4, 6, num_layers=2, batch_first=True),
    )
    checked(module, {**SERIES, "state": InputShape((2, "batch", 6))})


def test_ids_below_zero_are_refused_as_the_embedding_refuses_them() -> None:
    import torch

    module = module_of(lambda it, ids: it.table(ids), table=lambda: torch.nn.Embedding(50, 3))
    conversion = checked(module, {"ids": InputShape(("batch", "tokens"), "INT64")})
    assert conversion.domains["ids"].negative is False


def test_branches_on_values_beside_layers_over_time_are_refused() -> None:
    with pytest.raises(ConversionError, match=r"branches on the values|leaves free"):
        converted(recurrent("GRU", "values"), SERIES)


def test_layers_that_train_differently_are_in_eval_mode(tmp_path: Path) -> None:
    import torch

    module = torch.nn.Sequential(
        torch.nn.BatchNorm1d(4), torch.nn.Dropout(0.5), torch.nn.Linear(4, 2)
    ).train()
    module(torch.randn(20, 4) * 3 + 1)
    torch.save(module, tmp_path / "m.pt")
    spec = ModelSpec("m", tmp_path / "m.pt", trust=True, inputs=ROWS)
    agree(CONVERTER.convert(spec), module.eval(), {"x": rows(1)}, {"x": rows(5)})


def test_ids_up_to_the_size_of_an_embedding_are_looked_up() -> None:
    import torch

    module = module_of(lambda it, ids: it.table(ids), table=lambda: torch.nn.Embedding(5000, 3))
    conversion = converted(module, {"ids": InputShape(("batch", "tokens"), "INT64")})
    ids = np.array([[0, 4999, 17], [2500, 1, 4998]])
    agree(conversion, module, {"ids": ids}, {"ids": ids[:1, :1]})


def test_a_detector_that_finds_nothing_has_an_output_without_rows() -> None:
    module = module_of(lambda _, x: {"boxes": x[x[:, 0] > 0], "which": (x[:, 0] > 0).nonzero()})
    conversion = converted(module)
    nothing = -np.abs(rows(3))
    assert conversion.reference({"x": nothing})["boxes"].shape == (0, 4)
    agree(conversion, module, {"x": nothing}, {"x": rows(5)}, {"x": rows(1)})


def test_a_module_without_inputs_is_taken(tmp_path: Path) -> None:
    (tmp_path / "networks.py").write_text(
        "import torch\n"
        "class Constant(torch.nn.Module):\n"
        "    def __init__(self):\n"
        "        super().__init__()\n"
        "        self.weight = torch.nn.Parameter(torch.zeros(3))\n"
        "    def forward(self):\n"
        "        return self.weight * 2\n",
        encoding="utf-8",
    )
    import torch

    torch.save({"weight": torch.tensor([1.0, 2.0, 3.0])}, tmp_path / "model.pt")
    conversion = CONVERTER.convert(
        ModelSpec(
            "m",
            tmp_path / "model.pt",
            class_path="networks:Constant",
            manifest=tmp_path / "models.yaml",
        )
    )
    for model in (OnnxSession(conversion.onnx).run, conversion.reference):
        assert model({})["output"].tolist() == [2, 4, 6]


@pytest.mark.parametrize("datatype", ["FP64", "FP16"])
def test_modules_of_other_precisions_take_and_give_them(datatype: Datatype) -> None:
    import torch

    module = module_of(lambda it, x: it.layer(x), layer=lambda: torch.nn.Linear(4, 3))
    module = module.double() if datatype == "FP64" else module.half()
    conversion = converted(module, {"x": InputShape(("batch", 4), datatype)})
    given = rows(5).astype(np.float64 if datatype == "FP64" else np.float16)
    wanted, found = (
        conversion.reference({"x": given}),
        OnnxSession(conversion.onnx).run({"x": given}),
    )
    assert wanted["output"].dtype == found["output"].dtype == given.dtype
    tolerance = 1e-12 if datatype == "FP64" else 2e-3
    assert np.abs(wanted["output"] - found["output"]).max() < tolerance


def test_text_inputs_are_refused_by_name(tmp_path: Path) -> None:
    import torch

    torch.save({}, tmp_path / "model.pt")
    with pytest.raises(ManifestError, match=r"m\.inputs: 'review' is text, and PyTorch has no t"):
        CONVERTER.convert(
            ModelSpec(
                "m", tmp_path / "model.pt", inputs={"review": InputShape(("batch",), "BYTES")}
            )
        )


def test_text_in_examples_is_refused_by_name(tmp_path: Path) -> None:
    import torch

    torch.save({}, tmp_path / "model.pt")
    np.savez(tmp_path / "rows.npz", review=np.array(["good", "bad"]))
    with pytest.raises(ManifestError, match="'review' is text"):
        CONVERTER.convert(ModelSpec("m", tmp_path / "model.pt", examples=tmp_path / "rows.npz"))


def test_torchscript_with_branches_and_nested_outputs_is_kept_whole(tmp_path: Path) -> None:
    import torch

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        source = (
            "def forward(self, x):\n"
            "    if bool(x.sum() > 0):\n"
            "        y = x * 2\n"
            "    else:\n"
            "        y = x - 1\n"
            "    return y, (y + 1, x)\n"
        )
        script = torch.jit.ScriptModule()
        script.define(source)
        script.save(tmp_path / "script.pt")
    spec = ModelSpec("m", tmp_path / "script.pt", inputs=ROWS)
    conversion = CONVERTER.convert(spec)
    assert names(conversion) == ["output_0", "output_1_0", "output_1_1"]
    agree(conversion, script, {"x": np.abs(rows(3))}, {"x": -np.abs(rows(2))})


def test_a_module_without_branches_is_traced_if_the_older_exporter_is_first() -> None:
    """The two exporters read the size of an axis by different operators."""
    module = module_of(lambda _, x: x @ x.transpose(1, 2) + x.shape[1])
    inputs = {"x": InputShape(("batch", "time", 4))}
    for trace_first in (True, False):
        conversion = checked(module, inputs, trace_first=trace_first)
        used = operators(onnx.load_model_from_string(conversion.onnx))
        assert ("Gather" in used) == trace_first
        agree(conversion, module, {"x": rows(1, 9, 4)}, {"x": rows(3, 1, 4)})


def test_examples_that_are_real_are_kept() -> None:
    spec = spec_of()
    examples = ExampleInputs({"x": rows(5)}, {"x": {0: "batch"}}, real=True)
    module = module_of(lambda _, x: x * 2)
    with quiet():
        conversion = export_module(spec, module, examples)
    assert conversion.examples is not None
    assert np.array_equal(conversion.examples["x"], rows(5))


def exported(folder: Path, most: int | None) -> ModelSpec:
    """A program for any number of rows up to `most`."""
    import torch

    rows_ = torch.export.Dim("rows", max=most)
    module = module_of(lambda _, x: x * 2)
    with quiet():
        program = torch.export.export(module, (torch.ones(3, 4),), dynamic_shapes=(({0: rows_},),))
        torch.export.save(program, folder / "model.pt2")
    return ModelSpec("m", folder / "model.pt2")


def test_an_exported_program_answers_up_to_the_rows_that_it_was_exported_for(
    tmp_path: Path,
) -> None:
    spec = exported(tmp_path, 64)
    conversion = limited("m", CONVERTER.convert(spec))
    assert "size 65 along 'batch'" in {each.kind for each in conversion.probes}
    check(spec, conversion)


def test_an_exported_program_for_few_rows_is_refused_with_their_number(tmp_path: Path) -> None:
    with pytest.raises(ConversionError, match="was exported for at most 16 rows; export"):
        CONVERTER.convert(exported(tmp_path, 16))


def test_an_input_of_one_number_passes_the_check_of_packaging() -> None:
    checked(module_of(lambda _, x, s: x * s), {**ROWS, "scale": InputShape(())})


def test_a_dict_from_torchscript_is_refused_with_advice(tmp_path: Path) -> None:
    import torch

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        script = type("Other", (torch.jit.ScriptModule,), {})()
        script.define("def forward(self, x):\n    return {'double': x * 2}\n")
        script.save(tmp_path / "script.pt")
    spec = ModelSpec("m", tmp_path / "script.pt", inputs=ROWS)
    with pytest.raises(ConversionError, match=r"returns a dict, .* TorchScript; return a tuple"):
        CONVERTER.convert(spec)

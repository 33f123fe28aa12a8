"""See `model_packaging/converters/pytorch/converter.py`; torch is imported where it is used."""

import io
import os
import pickle
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from lading.model_packaging.confinement import unavailable
from lading.model_packaging.converters.pytorch.converter import CONVERTER
from lading.model_packaging.errors import (
    ConversionError,
    ManifestError,
    PackagingError,
    SourceUnreadable,
    SourceUntrusted,
)
from lading.model_packaging.isolated import isolated
from lading.model_packaging.manifest.models import ModelSpec
from lading.model_packaging.manifest.original import InputShape
from lading.model_packaging.onnx_graph import require_finite_weights
from lading.model_packaging.packaging_limits import Limits
from lading.model_packaging.pipeline import package
from lading.model_packaging.stages import ignore_stages
from lading.model_packaging.store.local import LocalStore
from tests.model_packaging.converters.examples import agree, signature, spec_of, train
from tests.support.frameworks import needs

pytestmark = needs("pytorch", "torch", "onnxscript", "safetensors")

PIXELS = {"pixels": InputShape(("batch", 64))}


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example's folder with what its script writes; not to be written to."""
    return train("digits_pytorch", tmp_path_factory, "-W", "error", left_out="*.pt*")


@pytest.mark.parametrize("name", ["digits-pytorch", "digits-program", "digits-torchscript"])
def test_each_form_of_the_example_answers_as_the_original_for_any_number_of_rows(
    trained: Path, name: str
) -> None:
    conversion = CONVERTER.convert(spec_of(trained, name))
    assert signature(conversion) == {"pixels": ("FP32", (-1, 64)), "scores": ("FP32", (-1, 10))}
    rows = np.load(trained / "holdout.npz")["pixels"]
    agree(conversion, {"pixels": rows}, {"pixels": rows[:1]})
    with pytest.raises(ValueError, match=r"\w"):
        conversion.reference({"pixels": rows[:, :3]})


@pytest.mark.parametrize("name", ["digits-pytorch", "digits-program", "digits-torchscript"])
def test_the_same_file_gives_the_same_bytes_and_none_of_them_name_this_machine(
    trained: Path, name: str
) -> None:
    one, two = (CONVERTER.convert(spec_of(trained, name)).onnx for _ in range(2))
    assert one == two
    assert b".py" not in one
    axis = onnx.load_model_from_string(one).graph.input[0].type.tensor_type.shape.dim[0]
    assert axis.dim_param == "batch"


NETWORKS = """
import torch

class Named(torch.nn.Module):
    '''A dict of outputs, from two inputs that share two axes.'''
    def __init__(self):
        super().__init__()
        self.table = torch.nn.Embedding(16, 4)
    def forward(self, ids, mask):
        vectors = self.table(ids) * mask.unsqueeze(2)
        return {"total": vectors.sum(1), "longest": vectors.amax((1, 2))}

class Scaled(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.scale = torch.nn.Parameter(torch.ones(3))
        self.drop = torch.nn.Dropout(0.5)
    def forward(self, x):
        return self.drop(x) * self.scale, x.sum(1)

class Fixed(Scaled):
    def forward(self, x):
        return x.reshape(3, 3) * self.scale

class Listed(Scaled):
    def forward(self, x):
        return (self.scale * x), 3

class NeedsSize(Scaled):
    def __init__(self, size):
        super().__init__()

class Odd(Scaled):
    def forward(self, x):
        return torch.linalg.eigvals(x[:, :, None] * x[:, None, :]).real * self.scale

def plain():
    return 3
"""


def build(folder: Path, name: str, **original: Any) -> ModelSpec:
    """A spec of the class `name`, whose weights lie in model.pt."""
    import torch

    (folder / "networks.py").write_text(NETWORKS, encoding="utf-8")
    module: dict[str, Any] = {}
    exec(compile(NETWORKS, "networks", "exec"), module)  # noqa: S102 our own code, above
    kind = module[name] if name in ("Named", "Scaled") else module["Scaled"]
    torch.save(kind().state_dict(), folder / "model.pt")
    terms = {"class_path": f"networks:{name}", "inputs": {"x": InputShape(("batch", 3))}}
    stated = {key: value for key, value in {**terms, **original}.items() if value}
    return ModelSpec("m", folder / "model.pt", manifest=folder / "models.yaml", **stated)


def test_outputs_are_called_by_the_models_own_keys_and_axes_by_the_manifests_words(
    tmp_path: Path,
) -> None:
    inputs = {
        "ids": InputShape(("batch", "tokens"), "INT64"),
        "mask": InputShape(("batch", "tokens")),
    }
    conversion = CONVERTER.convert(build(tmp_path, "Named", inputs=inputs))
    assert list(signature(conversion)) == ["ids", "mask", "total", "longest"]
    shape = onnx.load_model_from_string(conversion.onnx).graph.input[1].type.tensor_type.shape
    assert [axis.dim_param for axis in shape.dim] == ["batch", "tokens"]
    ids = np.arange(10, dtype=np.int64).reshape(2, 5)
    agree(conversion, {"ids": ids, "mask": np.eye(2, 5, dtype=np.float32)})


def test_dropout_is_off_and_several_outputs_are_numbered(tmp_path: Path) -> None:
    conversion = CONVERTER.convert(build(tmp_path, "Scaled"))
    assert list(signature(conversion)) == ["x", "output_0", "output_1"]
    rows = np.ones((7, 3), np.float32)
    assert np.array_equal(conversion.reference({"x": rows})["output_0"], rows)
    agree(conversion, {"x": rows})


def test_an_output_may_be_called_as_something_inside_is(tmp_path: Path) -> None:
    conversion = CONVERTER.convert(build(tmp_path, "Scaled", outputs=("scale", "sum_1")))
    assert list(signature(conversion)) == ["x", "scale", "sum_1"]
    agree(conversion, {"x": np.ones((7, 3), np.float32)})


def test_examples_stand_in_for_shapes_and_both_models_are_compared_on_them(tmp_path: Path) -> None:
    rows = np.random.default_rng(0).random((5, 3), np.float32)
    np.savez(tmp_path / "examples.npz", x=rows)
    spec = build(tmp_path, "Scaled", inputs={}, examples=tmp_path / "examples.npz")
    conversion = CONVERTER.convert(spec)
    assert signature(conversion)["x"] == ("FP32", (-1, 3))
    assert conversion.examples is not None
    assert np.array_equal(conversion.examples["x"], rows)


def test_weights_in_safetensors_are_those_of_a_state_dict(tmp_path: Path) -> None:
    import torch
    from safetensors.torch import save_file

    spec = build(tmp_path, "Scaled")
    path = tmp_path / "model.safetensors"
    save_file(torch.load(spec.source), path)
    expected = CONVERTER.convert(spec).onnx
    assert CONVERTER.convert(replace(spec, source=path)).onnx == expected
    renamed = path.rename(tmp_path / "weights.bin")
    assert CONVERTER.convert(replace(spec, source=renamed)).onnx == expected


@pytest.mark.parametrize(
    ("name", "original", "text"),
    [
        ("Scaled", {"class_path": ""}, r"m\.class: is required, since model\.pt contains"),
        ("Scaled", {"inputs": {}}, r"m\.inputs: inputs or examples are needed"),
        ("Scaled", {"examples": Path("x.npz")}, "are both given; keep one"),
        ("Scaled", {"class_path": "networks:Scald"}, "has no class 'Scald'; did you mean 'Scaled'"),
        ("NeedsSize", {}, "cannot be created without arguments: TypeError"),
        ("plain", {}, "creates a int, which is not an nn.Module"),
        ("Named", {"class_path": "networks:Scaled"}, "does not fit its class: .*table.weight"),
        ("Scaled", {"inputs": {"x": InputShape((3, 4))}}, "cannot be run on its example inputs"),
        ("Scaled", {"outputs": ("one",)}, "returns 2 outputs, the manifest names 1"),
        (
            "Fixed",
            {"inputs": {"x": InputShape(("batch", 3))}},
            r"fixes an axis that models.yaml leaves free \('batch'\); .*: with x: \[3, 3\]",
        ),
        ("Listed", {}, "returns a int as 'output_1'; only tensors can be served"),
        ("Odd", {}, "ONNX lacks aten.linalg_eig, in Odd; compute it outside"),
    ],
)
def test_what_does_not_fit_together_is_one_clear_error(
    tmp_path: Path, name: str, original: dict[str, Any], text: str
) -> None:
    with pytest.raises(PackagingError, match=text) as caught:
        CONVERTER.convert(build(tmp_path, name, **original))
    assert "\n" not in str(caught.value)


class Marker:
    """Unpickling it makes a folder."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[str]]:
        return os.mkdir, (str(self.path),)


def test_code_in_a_pickle_never_runs_without_trust(tmp_path: Path) -> None:
    import torch

    spec = build(tmp_path, "Scaled")
    torch.save({"scale": Marker(tmp_path / "ran")}, spec.source)
    with pytest.raises(SourceUntrusted, match=r"mkdir.*save its state_dict\(\) alone instead"):
        CONVERTER.convert(spec)
    spec.source.write_bytes(pickle.dumps(Marker(tmp_path / "ran")))
    with pytest.raises(PackagingError, match="model 'm'"):
        CONVERTER.convert(spec)
    assert not (tmp_path / "ran").exists()


def test_code_in_an_exported_program_never_runs_without_trust(
    tmp_path: Path, trained: Path
) -> None:
    import zipfile

    import torch

    poisoned = io.BytesIO()
    torch.save((Marker(tmp_path / "ran"),), poisoned)
    path = tmp_path / "model.pt2"
    with zipfile.ZipFile(trained / "model.pt2") as source, zipfile.ZipFile(path, "w") as target:
        for name in source.namelist():
            sample = name.endswith("sample_inputs/model.pt")
            target.writestr(name, poisoned.getvalue() if sample else source.read(name))
    with pytest.raises(PackagingError, match="model 'm'") as caught:
        CONVERTER.convert(ModelSpec("m", path))
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "ran").exists()


def test_a_whole_module_needs_trust_and_then_no_class(tmp_path: Path) -> None:
    import torch

    spec = build(tmp_path, "Scaled", class_path="")
    torch.save(torch.nn.Linear(3, 2), spec.source)
    with pytest.raises(SourceUntrusted, match=r"torch\.nn\.modules\.linear\.Linear"):
        CONVERTER.convert(spec)
    trusted = replace(spec, trust=True)
    assert signature(CONVERTER.convert(trusted))["output"] == ("FP32", (-1, 2))


@pytest.mark.parametrize("content", [b"", b"garbage", b"\x80\x05", b"PK\x03\x04" + b"\x00" * 60])
@pytest.mark.parametrize("suffix", [".pt", ".pt2", ".safetensors"])
def test_a_damaged_file_is_one_clear_error(tmp_path: Path, suffix: str, content: bytes) -> None:
    spec = build(tmp_path, "Scaled")
    path = tmp_path / f"damaged{suffix}"
    path.write_bytes(content)
    with pytest.raises(SourceUnreadable, match="is damaged or not a file that PyTorch saves") as e:
        CONVERTER.convert(replace(spec, source=path))
    assert "\n" not in str(e.value)


@pytest.mark.parametrize("name", ["model.pt", "model.pt2", "scripted.pt"])
def test_a_truncated_file_is_one_clear_error(tmp_path: Path, trained: Path, name: str) -> None:
    content = (trained / name).read_bytes()
    path = tmp_path / name
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(SourceUnreadable, match="is damaged"):
        CONVERTER.convert(ModelSpec("m", path, inputs=PIXELS))


@pytest.mark.parametrize("name", ["model.pt2", "scripted.pt"])
def test_a_file_with_its_own_code_takes_no_class(trained: Path, name: str) -> None:
    spec = ModelSpec("m", trained / name, class_path="network:Network")
    with pytest.raises(ManifestError, match=r"m\.class: .*this file contains its own code"):
        CONVERTER.convert(spec)


def test_an_exported_program_takes_no_inputs_and_torchscript_needs_them(trained: Path) -> None:
    program = ModelSpec("m", trained / "model.pt2", inputs=PIXELS)
    with pytest.raises(ManifestError, match=r"m\.inputs: are part of the exported program"):
        CONVERTER.convert(program)
    with pytest.raises(ManifestError, match="inputs or examples are needed"):
        CONVERTER.convert(ModelSpec("m", trained / "scripted.pt"))


def test_what_is_neither_weights_nor_a_module_is_refused(tmp_path: Path) -> None:
    import torch

    spec = build(tmp_path, "Scaled")
    torch.save([1, 2], spec.source)
    with pytest.raises(SourceUnreadable, match="contains a list, neither weights nor a module"):
        CONVERTER.convert(spec)


def test_weights_that_are_nan_are_refused(tmp_path: Path) -> None:
    import torch

    spec = build(tmp_path, "Scaled")
    torch.save({"scale": torch.tensor([1.0, float("nan"), 2.0])}, spec.source)
    conversion = CONVERTER.convert(spec)
    with pytest.raises(ConversionError, match="holds NaN in 1 of the weights 'scale'; train it"):
        require_finite_weights("m", conversion.onnx)


def test_torchscript_that_was_traced_converts_too(tmp_path: Path) -> None:
    import torch

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.trace(torch.nn.Linear(64, 2), torch.zeros(3, 64)).save(tmp_path / "t.pt")
    conversion = CONVERTER.convert(ModelSpec("m", tmp_path / "t.pt", inputs=PIXELS))
    assert signature(conversion)["output"] == ("FP32", (-1, 2))


@pytest.mark.long
@pytest.mark.skipif(bool(unavailable()), reason=unavailable())
@pytest.mark.parametrize("unconfined", [True, False])
def test_torchscript_that_writes_a_file_is_kept_from_it_though_nobody_trusts_it(
    tmp_path: Path, *, unconfined: bool
) -> None:
    import torch

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        module = torch.jit.script(type("Thief", (torch.nn.Module,), {})())
        body = f"    torch.save(x, '{tmp_path}/x')\n    return x * 2\n"
        module.define(f"def forward(self, x):\n{body}")
        module.save(str(tmp_path / "t.pt"))
    spec = ModelSpec("m", tmp_path / "t.pt", inputs=PIXELS, manifest=tmp_path / "models.yaml")
    store, lock = LocalStore(tmp_path / "store"), tmp_path / "models.lock.json"
    with isolated(Limits(unconfined=unconfined)) as builder:
        package(spec, store, lock, ignore_stages, (), builder)
    assert (tmp_path / "x").exists() == unconfined

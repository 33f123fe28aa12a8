"""TorchScript that is not converted, from its file to an answer of the service."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lading.functions.contract.errors import ArtifactError, InvalidInput, ModelUnavailable
from lading.functions.contract.settings import ServedModel, ServingSettings
from lading.functions.inference.app.application import create_app
from lading.functions.inference.artifact.reading import read_artifact
from lading.functions.inference.artifact.specification import REPORT
from lading.functions.inference.loading.catalog import Catalog, load_catalog
from lading.functions.inference.loading.folder import load_model
from lading.model_packaging.confinement import unavailable
from lading.model_packaging.converters.pytorch.converter import CONVERTER
from lading.model_packaging.errors import ConversionError, ManifestError, PackagingError
from lading.model_packaging.manifest.models import ModelSpec, load_manifest
from lading.model_packaging.native.registry import find_native
from lading.model_packaging.packaging_limits import Limits
from lading.model_packaging.pipeline import package
from lading.model_packaging.specification import Packaged
from lading.model_packaging.store.local import LocalStore
from tests.model_packaging.native.dialects import each_dialect
from tests.support.driver import ask
from tests.support.frameworks import needs

pytestmark = [
    needs("pytorch", "torch"),
    pytest.mark.filterwarnings("ignore:.torch.jit.* is deprecated:DeprecationWarning"),
]

MANIFEST = """
models:
  steps:
    source: steps.pt
    engine: native
    inputs: {x: {shape: [batch, 3]}}
"""
ROWS = np.array([[1, -2, 0.5], [40, 3, 3]], np.float32)


def program(folder: Path, forward: str = "") -> Path:
    """Save a module whose loop depends on its rows, and that returns a dict: no exporter has it."""
    import torch

    torch.manual_seed(0)
    module = type("Program", (torch.nn.Module,), {})()  # torch keeps what it compiled by class
    module.linear = torch.nn.Linear(3, 2)
    scripted = torch.jit.script(module)
    scripted.define(forward or FORWARD)
    path = folder / "steps.pt"
    scripted.save(str(path))
    return path


FORWARD = """
def forward(self, x):
    if bool((x == 1e6).any()):
        raise ValueError("a row has 1e6")
    halved = torch.zeros([x.shape[0]], dtype=torch.int64)
    for _ in range(4):
        large = x.abs().amax(1) > 1
        if bool(large.any()):
            halved = halved + large.long()
            x = torch.where(large.unsqueeze(1), x / 2, x)
    return {"scores": self.linear(x), "halved": halved}
"""


def project(folder: Path, forward: str = "", manifest: str = MANIFEST) -> ModelSpec:
    program(folder, forward)
    (folder / "models.yaml").write_text(manifest, encoding="utf-8")
    return load_manifest(folder / "models.yaml").models["steps"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("script")


@pytest.fixture(scope="module")
def packaged(folder: Path) -> Packaged:
    spec = project(folder)
    return package(spec, LocalStore(folder / "store"), folder / "models.lock.json")


def catalog(folder: Path, packaged: Packaged) -> Catalog:
    model = ServedModel("steps", {1: packaged.digest})
    return load_catalog(ServingSettings((model,), str(folder / "store")))


def test_it_answers_bit_for_bit_as_the_module(folder: Path, packaged: Packaged) -> None:
    import torch

    predictor = catalog(folder, packaged).model("steps").predictor(1)
    wanted = torch.jit.load(folder / "steps.pt").eval()(torch.from_numpy(ROWS.copy()))
    answer = predictor.predict({"x": ROWS})
    assert answer.keys() == wanted.keys()
    assert all(np.array_equal(answer[it], wanted[it].detach().numpy()) for it in wanted)
    assert predictor.metadata.platform == "torchscript_pt"
    outputs = {it.name: (it.datatype, it.shape) for it in predictor.metadata.outputs}
    assert outputs == {"scores": ("FP32", (-1, 2)), "halved": ("INT64", (-1,))}


@pytest.mark.parametrize("rows", [ROWS.astype(np.float64), ROWS[:, :2]], ids=["dtype", "shape"])
def test_rows_that_do_not_fit_are_the_callers_mistake(
    folder: Path, packaged: Packaged, rows: Any
) -> None:
    predictor = catalog(folder, packaged).model("steps").predictor(1)
    with pytest.raises(InvalidInput):
        predictor.predict({"x": rows})


@each_dialect("steps", "x")
def test_each_dialect_answers_and_an_exception_is_a_failure_of_the_model(
    folder: Path, packaged: Packaged, path: str, request_of: Callable[[Any], Any]
) -> None:
    app = create_app(catalog(folder, packaged))
    assert ask(app, f"POST /{path}", request_of([[1, 2, 3]])).status == 200
    failed = ask(app, f"POST /{path}", request_of([[1e6, 0, 0]]))
    assert failed.status == 500
    assert "a row has 1e6" in failed.error
    assert b"forward" not in failed.body
    assert ask(app, f"POST /{path}", request_of([["a", 2, 3]])).status == 400


def test_it_runs_only_if_the_lock_pins_it_or_the_operator_allows_it(
    folder: Path, packaged: Packaged
) -> None:
    refused = load_model(folder / "store", "steps").versions[packaged.version]
    assert isinstance(refused, ModelUnavailable)
    assert "has code that no lock pins" in refused.reason
    allowed = load_model(folder / "store", "steps", allow_code=True).versions[packaged.version]
    assert not isinstance(allowed, ModelUnavailable)


def test_the_report_says_that_it_is_code_and_why_only_a_container_has_it(
    packaged: Packaged,
) -> None:
    assert packaged.target == "container"
    report = json.loads((Path(packaged.location) / REPORT).read_bytes())
    assert report["placement"]["refused"].keys() == {"lambda", "lambda-managed", "sagemaker"}
    assert "it runs your code; it runs in torch" in report["placement"]["why"]
    assert "250 MB" in report["placement"]["refused"]["lambda"]


def test_an_altered_file_of_an_artifact_is_refused(folder: Path, packaged: Packaged) -> None:
    path = Path(packaged.location) / "model.pt"
    content = path.read_bytes()
    path.chmod(0o644)
    path.write_bytes(content[:-1] + b"x")
    try:
        with pytest.raises(ArtifactError):
            read_artifact(path.parent, packaged.digest)
    finally:
        path.write_bytes(content)


def test_it_is_built_confined_unless_told_otherwise(folder: Path, packaged: Packaged) -> None:
    spec = load_manifest(folder / "models.yaml").models["steps"]
    assert packaged.built
    assert not Limits(unconfined=True).confines(spec)
    if not unavailable():
        assert Limits().confines(spec)


def test_the_exporter_that_refuses_it_names_engine_native(tmp_path: Path) -> None:
    with pytest.raises(ConversionError, match="engine: native serves the file as it is"):
        CONVERTER.convert(project(tmp_path))


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("x.long() if x.shape[0] == 1 else x", "returns 'output' as float32 with 2 axes or as"),
        ("torch.rand_like(x)", "differently when called again"),
        ("x.to(torch.bfloat16)", "BFloat16|bfloat16|BF16"),
    ],
    ids=["datatypes", "random", "bfloat16"],
)
def test_a_program_that_no_server_can_serve_is_refused(
    tmp_path: Path, answer: str, reason: str
) -> None:
    spec = project(tmp_path, f"def forward(self, x):\n    return {answer}\n")
    with pytest.raises(PackagingError, match=reason):
        package(spec, LocalStore(tmp_path / "store"), tmp_path / "models.lock.json")


def test_a_program_that_starts_threads_is_refused(tmp_path: Path) -> None:
    import torch

    class Forking(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.jit.wait(torch.jit.fork(torch.relu, x))

    spec = project(tmp_path)
    torch.jit.script(Forking()).save(str(spec.source))
    with pytest.raises(ConversionError, match="starts threads"):
        find_native("steps", spec.source).convert(spec)


@pytest.mark.parametrize("damage", ["truncated", "altered", "weights alone"])
def test_a_damaged_file_is_an_error_of_packaging(tmp_path: Path, damage: str) -> None:
    import torch

    spec = project(tmp_path)
    content = bytearray(spec.source.read_bytes())
    if damage == "truncated":
        spec.source.write_bytes(content[: len(content) // 2])
    elif damage == "altered":
        content[content.index(b"linear")] ^= 255
        spec.source.write_bytes(content)
    else:
        torch.save({"w": torch.zeros(2)}, spec.source)
    reason = "not TorchScript" if damage == "weights alone" else "damaged"
    with pytest.raises(PackagingError, match=reason):
        find_native("steps", spec.source).convert(spec)


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        ("target: lambda", "over 500 MB unpacked .*at most 250 MB"),
        ("target: sagemaker", "must be container for TorchScript"),
        ("quantize: dynamic", "has no effect with engine: native"),
        ("outputs: {y: {shape: [batch]}}", "must be a list of names"),
    ],
)
def test_a_manifest_that_cannot_work_is_refused(tmp_path: Path, key: str, reason: str) -> None:
    (tmp_path / "models.yaml").write_text(f"{MANIFEST}    {key}\n", encoding="utf-8")
    with pytest.raises(ManifestError, match=reason):
        load_manifest(tmp_path / "models.yaml")

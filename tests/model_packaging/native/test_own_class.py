"""A class of the user's own, from its folder to an answer of the service."""

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lading.cli.placements import needs_of
from lading.functions.contract.errors import ModelUnavailable
from lading.functions.contract.settings import ServedModel, ServingSettings
from lading.functions.inference.app.application import create_app
from lading.functions.inference.artifact.reading import read_artifact
from lading.functions.inference.artifact.specification import CARD, GOLDEN, REPORT
from lading.functions.inference.loading.catalog import Catalog, load_catalog
from lading.functions.inference.loading.folder import load_model
from lading.model_packaging.confinement import unavailable
from lading.model_packaging.errors import (
    ConversionError,
    DataUnusable,
    ManifestError,
    PackagingError,
    SourceError,
)
from lading.model_packaging.isolated import isolated
from lading.model_packaging.lock.file import read_lock
from lading.model_packaging.manifest.models import load_manifest
from lading.model_packaging.native.own_class import files_of
from lading.model_packaging.packaging_limits import Limits
from lading.model_packaging.placement.prices import read_prices
from lading.model_packaging.placement.targets import place
from lading.model_packaging.report.figures import ReportedVersion
from lading.model_packaging.report.page import render_page
from lading.model_packaging.resolution import identity_of, resolve
from lading.model_packaging.specification import Packaged
from tests.model_packaging.native.dialects import each_dialect
from tests.model_packaging.native.own_classes import MANIFEST, SERVICE, project, publish
from tests.support.driver import ask
from tests.support.predictors import PATIENCE


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("own_class")


@pytest.fixture(scope="module")
def packaged(folder: Path) -> Packaged:
    with isolated(Limits(unconfined=bool(unavailable()))) as builder:
        return publish(folder, project(folder), builder)


def catalog(folder: Path, packaged: Packaged) -> Catalog:
    model = ServedModel("churn", {1: packaged.digest})
    return load_catalog(ServingSettings((model,), str(folder / "store")))


def test_the_service_answers_as_the_class_does(folder: Path, packaged: Packaged) -> None:
    predictor = catalog(folder, packaged).model("churn").predictor(1)
    rows = np.array([[1, 2], [-3, 0.5]], np.float32)
    answer = predictor.predict({"X": rows})["score"]
    assert np.array_equal(answer, rows @ np.array([0.5, -2.0], np.float32))
    assert answer.dtype == np.float32


@each_dialect("churn", "X")
def test_each_dialect_answers_and_an_error_of_the_class_is_one_of_the_model(
    folder: Path, packaged: Packaged, path: str, request_of: Callable[[Any], Any]
) -> None:
    app = create_app(catalog(folder, packaged))
    answer = ask(app, f"POST /{path}", request_of([[1, 2]]))
    assert answer.status == 200
    assert b"-3.5" in answer.body
    failed = ask(app, f"POST /{path}", request_of([[2e6, 0]]))
    assert failed.status == 500
    assert "failed to predict: a row is too large" in failed.error
    assert b"secret" not in failed.body


def test_golden_requests_have_the_answers_of_the_class(packaged: Packaged) -> None:
    golden = json.loads((Path(packaged.location) / GOLDEN).read_bytes())
    request = golden["requests"][0]
    rows = np.reshape(request["inputs"][0]["data"], request["inputs"][0]["shape"])
    assert np.allclose(rows @ [0.5, -2.0], request["outputs"][0]["data"], rtol=1e-5)


def test_the_artifact_has_every_file_and_its_digest(folder: Path, packaged: Packaged) -> None:
    place_of = Path(packaged.location)
    artifact = read_artifact(place_of, packaged.digest)
    assert "code.zip" in artifact.specification["files"]
    for path in files_of(load_manifest(folder / "models.yaml").models["churn"]):
        assert path.read_bytes() in artifact.model
    assert artifact.specification["tools"]["numpy"] == np.__version__
    assert artifact.specification["accuracy"]["metric"] == "mae"


def test_it_runs_only_if_the_lock_pins_it_or_the_operator_allows_it(
    folder: Path, packaged: Packaged
) -> None:
    refused = load_model(folder / "store", "churn").versions[packaged.version]
    assert isinstance(refused, ModelUnavailable)
    assert "has code that no lock pins" in refused.reason
    allowed = load_model(folder / "store", "churn", allow_code=True).versions[packaged.version]
    assert not isinstance(allowed, ModelUnavailable)


def test_metadata_report_card_and_plan_say_that_it_runs_your_code(
    folder: Path, packaged: Packaged
) -> None:
    place_of = Path(packaged.location)
    predictor = catalog(folder, packaged).model("churn").predictor(1)
    assert predictor.metadata.platform == "python_your_code"
    card = (place_of / CARD).read_text(encoding="utf-8")
    assert "| not converted | runs your code: service:Churn of code.zip" in card
    report = json.loads((place_of / REPORT).read_bytes())
    assert "runs your code" in report["placement"]["why"]
    specification = read_artifact(place_of, packaged.digest).specification
    page = render_page(ReportedVersion(1, specification, report))
    assert "not converted, runs your code" in page
    placement = place(needs_of(folder / "models.lock.json", "churn"), read_prices())
    assert placement.chosen.target == "lambda"
    assert "runs your code" in placement.why
    assert placement.options[-1].to_json()["per_million_usd"] is None


def test_it_goes_to_lambda_and_may_go_to_a_container(folder: Path, packaged: Packaged) -> None:
    assert packaged.target == "lambda"
    placement = place(needs_of(folder / "models.lock.json", "churn"), read_prices())
    assert [each.target for each in placement.options] == ["lambda", "container"]
    assert placement.refused.keys() == {"lambda-managed", "sagemaker"}
    assert "runs your code" in placement.refused["sagemaker"]
    assert placement.break_even == {}


def test_the_lock_has_its_target_and_its_requirements(folder: Path, packaged: Packaged) -> None:
    entry = read_lock(folder / "models.lock.json").model("churn").versions[packaged.version]
    assert (entry.target, entry.processing) == ("lambda", ())
    assert entry.requirements == (f"numpy=={np.__version__}",)


def test_a_container_is_kept_when_the_manifest_says_so(tmp_path: Path) -> None:
    project(tmp_path)
    stated = MANIFEST + "    target: container\n"
    (tmp_path / "models.yaml").write_text(stated, encoding="utf-8")
    spec = load_manifest(tmp_path / "models.yaml").models["churn"]
    assert publish(tmp_path, spec).target == "container"
    assert read_lock(tmp_path / "models.lock.json").model("churn").versions[1].target == "container"


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (
            'return {"score": (inputs["X"] @ self.weights).astype("f8")}',
            r"output 'score' must be FP32 \(float32\), got float64; convert it",
        ),
        ('return {"scores": inputs["X"] @ self.weights}', "output 'scores' is not among"),
        ("return {}", "output 'score' is missing"),
        ('return {"score": inputs["X"]}', r"output 'score' must have the shape \[-1\], got"),
        ('return {"score": 3}', "output 'score' must be a numpy array, got a int"),
        ("return [1]", "returns a list, not a dict of arrays"),
        ('raise RuntimeError("no luck")', "no luck"),
        (
            'return {"score": np.random.rand(len(inputs["X"])).astype("f4")}',
            "output 'score' differs from call to call .*repeatable",
        ),
    ],
)
def test_answers_that_are_not_as_stated_are_refused(tmp_path: Path, body: str, reason: str) -> None:
    before = 'return {"score": inputs["X"] @ self.weights}'
    spec = project(tmp_path, SERVICE.replace(before, body))
    with pytest.raises(DataUnusable, match=reason):
        publish(tmp_path, spec)
    assert not (tmp_path / "models.lock.json").exists()


def test_a_class_that_answers_otherwise_in_another_process_is_refused(tmp_path: Path) -> None:
    answer, other = "@ self.weights", "@ self.weights + np.float32(os.getpid())"
    service = "import os\n" + SERVICE.replace(answer, other)
    with pytest.raises(PackagingError, match="'score'"):
        publish(tmp_path, project(tmp_path, service))


@pytest.mark.parametrize(
    ("service", "reason"),
    [
        ("import absent_module", "cannot run its service:Churn: ModuleNotFoundError"),
        ("class Other: pass", "has no attribute 'Churn'"),
        ("class Churn:\n    def __init__(self, folder): pass", "has no attribute 'predict'"),
        ("import sys; sys.exit(3)", r"SystemExit\(3\)"),
    ],
)
def test_a_class_that_cannot_be_made_is_an_error(tmp_path: Path, service: str, reason: str) -> None:
    with pytest.raises(ConversionError, match=reason):
        publish(tmp_path, project(tmp_path, service))


@pytest.mark.parametrize(
    ("requirements", "error", "reason"),
    [
        ("numpy==0.1\n", ConversionError, "needs numpy==0.1, but .* is installed; run pip"),
        ("no-such-thing==1.0\n", ConversionError, "no-such-thing==1.0, which is not installed"),
        ("numpy>=1\n", SourceError, "must be name==version, .* got 'numpy>=1'"),
    ],
)
def test_requirements_are_pinned_and_installed(
    tmp_path: Path, requirements: str, error: type[PackagingError], reason: str
) -> None:
    with pytest.raises(error, match=reason):
        publish(tmp_path, project(tmp_path, requirements=requirements))


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("json.py", "'json', which is the name of a module of Python's"),
        ("numpy.py", "an installed"),
    ],
)
def test_a_module_that_hides_another_is_refused(tmp_path: Path, name: str, reason: str) -> None:
    spec = project(tmp_path)
    (spec.source / name).write_text("", encoding="utf-8")
    with pytest.raises(SourceError, match=reason):
        files_of(spec)


def test_hidden_files_and_bytecode_are_not_published(tmp_path: Path) -> None:
    spec = project(tmp_path)
    for name in (".env", "__pycache__/service.cpython-311.pyc"):
        (spec.source / name).parent.mkdir(exist_ok=True)
        (spec.source / name).write_text("secret", encoding="utf-8")
    names = [path.name for path in files_of(spec)]
    assert names == ["weights.json", "requirements.txt", "service.py", "weights.py"]


def test_a_link_is_refused(tmp_path: Path) -> None:
    spec = project(tmp_path)
    (spec.source / "secret").symlink_to("/etc/passwd")
    with pytest.raises(SourceError, match="is a link"):
        files_of(spec)


def test_another_file_makes_another_version(tmp_path: Path) -> None:
    spec = project(tmp_path)
    before = identity_of(resolve(spec, ())[0])
    assert identity_of(resolve(spec, ())[0]) == before
    (spec.source / "data" / "weights.json").write_text("[1, 1]", encoding="utf-8")
    assert identity_of(resolve(spec, ())[0]) != before


def test_it_is_built_confined_unless_told_otherwise(tmp_path: Path) -> None:
    spec = project(tmp_path)
    assert not Limits(unconfined=True).confines(spec)
    assert not Limits().confines(replace(spec, engine=None))
    if not unavailable():
        assert Limits().confines(spec)


@pytest.mark.parametrize(
    ("key", "entry", "reason"),
    [
        ("class", "", "is required with engine: python"),
        ("inputs", "", "must state the shape of each with engine: python"),
        ("outputs", "outputs: [score]", "must state the shape of each with engine: python"),
        ("class", "class: service:Churn\n    target: sagemaker", "must be one of auto, lambda, c"),
        ("engine", "target: container", "container is for engine: python"),
        ("engine", "", "must be a list of names; a mapping is for engine: python"),
        ("engine", "engine: python\n    framework: xgboost", "has no effect with engine: python"),
        ("engine", "engine: python\n    quantize: dynamic", "has no effect with engine: python"),
        ("source", "source: hf://some/model", "must be a folder of this project"),
    ],
)
def test_a_manifest_that_cannot_work_is_refused(
    tmp_path: Path, key: str, entry: str, reason: str
) -> None:
    lines = [
        f"    {entry}" if line.strip().startswith(f"{key}:") else line
        for line in MANIFEST.splitlines()
    ]
    (tmp_path / "models.yaml").write_text("\n".join(lines), encoding="utf-8")
    with pytest.raises(ManifestError, match=reason):
        load_manifest(tmp_path / "models.yaml")


ENDLESS = """
class Churn:
    def __init__(self, folder):
        pass

    def predict(self, inputs):
        print("computes", flush=True)
        while True:
            pass
"""
CALLS_IT = """
import sys
from pathlib import Path
import numpy as np
from lading.model_packaging.manifest.models import load_manifest
from lading.model_packaging.native.original import OriginalProcess

spec = load_manifest(Path(sys.argv[1])).models["churn"]
OriginalProcess(spec, "python")({"X": np.zeros((1, 2), np.float32)})
"""


@pytest.mark.skipif(sys.platform != "linux", reason="needs Linux's signal at a parent's death")
def test_a_class_that_computes_without_end_ends_with_the_process_that_packages(
    tmp_path: Path,
) -> None:
    manifest = project(tmp_path, ENDLESS).manifest
    command = [sys.executable, "-c", CALLS_IT, str(manifest)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as packaging:
        assert packaging.stderr is not None
        assert "computes" in packaging.stderr.readline()
        packaging.kill()
        packaging.communicate(timeout=PATIENCE)  # both hold the pipe, so both have ended

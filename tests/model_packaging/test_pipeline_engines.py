"""Models that SageMaker serves, from the source to the lock."""

import json
import subprocess
import sys
import tarfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from lading.api.reports import report
from lading.functions.inference.artifact.reading import read_artifact
from lading.functions.inference.artifact.specification import GOLDEN, MODEL, REPORT
from lading.functions.inference.endpoint.fleet import folder_number
from lading.functions.inference.models.session import OnnxSession
from lading.model_packaging.engines.images import ImageUnknown
from lading.model_packaging.errors import FileMissing, ManifestError, SourceError
from lading.model_packaging.lock.file import LockedVersion, read_lock
from lading.model_packaging.manifest.entries import AccuracySpec, EngineSpec
from lading.model_packaging.manifest.models import ModelSpec
from lading.model_packaging.pipeline import package
from lading.model_packaging.placement.targets import DoesNotFit
from lading.model_packaging.specification import Packaged
from lading.model_packaging.store.local import LocalStore
from lading.model_packaging.store.versions import open_store
from tests.conftest import Bucket
from tests.model_packaging.language_models import language_model, spec_of
from tests.model_packaging.models import linear_bytes, linear_holdout, linear_spec
from tests.support.interpreter import ROOT

TRITON = "763104351884.dkr.ecr.eu-west-1.amazonaws.com/sagemaker-tritonserver:26.05-py3"


def run(folder: Path, spec: ModelSpec, *regions: str) -> Packaged:
    lock = folder / "models.lock.json"
    return package(spec, LocalStore(folder / "store"), lock, regions=regions)


def triton_spec(folder: Path, **options: Any) -> ModelSpec:
    return linear_spec(folder, target="sagemaker", engine=EngineSpec("triton", None, options))


def locked(folder: Path, name: str, version: int = 1) -> LockedVersion:
    return read_lock(folder / "models.lock.json").model(name).versions[version]


def test_an_onnx_model_becomes_a_repository_of_triton(tmp_path: Path) -> None:
    packaged = run(tmp_path, triton_spec(tmp_path, max_batch_size=8), "eu-west-1")
    assert (packaged.target, packaged.version, packaged.labels) == ("sagemaker", 1, ("stable",))
    folder = Path(packaged.location)
    assert sorted(path.name for path in folder.iterdir()) == [
        *("README.md", "artifact.json", "baseline.json", "engine", "golden.json", "report.json")
    ]
    artifact = read_artifact(folder, packaged.digest)
    assert artifact.engine is not None
    number = folder_number(artifact.engine)
    assert (folder / f"engine/model/{number}/model.onnx").read_bytes() == linear_bytes()
    assert artifact.engine.options == {"max_batch_size": 8}
    assert artifact.inputs == OnnxSession(linear_bytes()).inputs
    assert json.loads((folder / GOLDEN).read_bytes())["requests"]


def test_the_lock_says_what_runs_it_and_where(tmp_path: Path) -> None:
    run(tmp_path, triton_spec(tmp_path), "eu-west-1")
    entry = locked(tmp_path, "linear")
    assert entry.target == "sagemaker"
    assert entry.engine is not None
    assert entry.engine.images == {"eu-west-1": TRITON}
    assert entry.engine.amis == {"eu-west-1": "al2023-ami-sagemaker-inference-gpu-4-1"}
    assert entry.engine.environment == {"SAGEMAKER_TRITON_DEFAULT_MODEL_NAME": "model"}


def test_a_region_is_added_without_another_version(tmp_path: Path) -> None:
    spec = triton_spec(tmp_path)
    run(tmp_path, spec)
    again = run(tmp_path, spec, "eu-west-1")
    assert (again.version, again.built) == (1, False)
    engine = locked(tmp_path, "linear").engine
    assert engine is not None
    assert engine.images == {"eu-west-1": TRITON}


def test_another_target_or_option_is_another_version(tmp_path: Path) -> None:
    specs = (linear_spec(tmp_path), triton_spec(tmp_path), triton_spec(tmp_path, max_batch_size=8))
    assert [run(tmp_path, spec).version for spec in specs] == [1, 2, 3]
    assert [run(tmp_path, spec).version for spec in specs] == [1, 2, 3]
    assert (Path(run(tmp_path, specs[0]).location) / MODEL).is_file()


def test_two_builds_are_the_same_to_the_byte(tmp_path: Path) -> None:
    digests = set()
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        digests.add(run(tmp_path / name, triton_spec(tmp_path / name)).digest)
    assert len(digests) == 1


def test_a_language_model_goes_to_its_engine_as_it_is(tmp_path: Path) -> None:
    source = language_model(tmp_path / "chat")
    packaged = run(tmp_path, spec_of(source, "vllm", max_model_len=4096), "eu-west-1")
    folder = Path(packaged.location)
    assert packaged.size_after == sum(path.stat().st_size for path in source.iterdir())
    assert {path.name: path.read_bytes() for path in (folder / "engine").iterdir()} == {
        path.name: path.read_bytes() for path in source.iterdir()
    }
    artifact = read_artifact(folder, packaged.digest)
    assert (artifact.inputs, artifact.outputs, artifact.golden) == ((), (), None)
    engine = locked(tmp_path, "chat").engine
    assert engine is not None
    assert engine.environment["SM_VLLM_MAX_MODEL_LEN"] == "4096"
    assert run(tmp_path, spec_of(source, "vllm", max_model_len=4096)).built is False


def test_a_language_models_report_says_what_serves_it_and_at_what_price(tmp_path: Path) -> None:
    packaged = run(tmp_path, spec_of(language_model(tmp_path / "chat")), "eu-west-1")
    page = report(packaged.name, lock=tmp_path / "models.lock.json").html
    assert "Placement and cost" in page
    assert "its engine runs in a SageMaker container" in page
    assert f"/{packaged.name}/v1/chat/completions" in page


def test_a_language_model_needs_no_engine_in_the_manifest(tmp_path: Path) -> None:
    source = language_model(tmp_path / "chat")
    run(tmp_path, ModelSpec("chat", source, target="sagemaker"))
    engine = locked(tmp_path, "chat").engine
    assert engine is not None
    assert engine.name == "vllm"


def test_another_byte_of_a_language_model_is_another_version(tmp_path: Path) -> None:
    source = language_model(tmp_path / "chat")
    assert run(tmp_path, spec_of(source)).version == 1
    (source / "tokenizer.json").write_text('{"a": 1}')
    assert run(tmp_path, spec_of(source)).version == 2


def test_a_container_gets_one_archive_when_it_wants_one(tmp_path: Path) -> None:
    (tmp_path / "trees.json").write_bytes(b"[]")
    spec = spec_of(tmp_path / "trees.json", "container", archive=True)
    packaged = run(tmp_path, spec, "eu-west-1")
    with tarfile.open(Path(packaged.location) / "engine/model.tar.gz") as archive:
        assert archive.getnames() == ["trees.json"]
    engine = locked(tmp_path, "chat").engine
    assert engine is not None
    assert engine.archive
    assert engine.images == {"eu-west-1": "image"}


def test_a_large_model_is_published_to_s3_below_its_content(tmp_path: Path, bucket: Bucket) -> None:
    spec = spec_of(language_model(tmp_path / "chat"))
    package(spec, open_store(bucket.address), tmp_path / "models.lock.json")
    entry = locked(tmp_path, "chat")
    [copy] = entry.stores
    assert copy.kind == "s3"
    assert entry.engine is not None
    assert copy.engine == f"some/prefix/models/chat/sha256/{entry.engine.digest}/"
    assert f"{copy.engine}config.json" in set(bucket.keys())


def test_nothing_is_built_when_the_engine_could_not_run_it(tmp_path: Path) -> None:
    with pytest.raises(ImageUnknown, match="AWS publishes none there"):
        run(tmp_path, triton_spec(tmp_path), "cn-north-1")
    with pytest.raises(ManifestError, match="unknown option"):
        run(tmp_path, triton_spec(tmp_path, batch=1))
    assert not (tmp_path / "store").exists()
    assert not (tmp_path / "models.lock.json").exists()


@pytest.mark.parametrize("change", ["accuracy", "quantize"])
def test_what_says_nothing_to_an_unconverted_model_is_refused(tmp_path: Path, change: str) -> None:
    spec = spec_of(language_model(tmp_path / "chat"))
    accuracy = AccuracySpec(linear_holdout(tmp_path), "accuracy", 0.1)
    quantize = linear_spec(tmp_path).quantize
    changes: dict[str, Any] = {
        "accuracy": accuracy,
        "quantize": replace(quantize, scheme="dynamic"),
    }
    with pytest.raises(ManifestError, match=rf"{change}: has no effect on a model"):
        run(tmp_path, replace(spec, **{change: changes[change]}))


def test_a_missing_or_impossible_source_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(FileMissing):
        run(tmp_path, spec_of(tmp_path / "nowhere"))
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(SourceError, match="must be a folder"):
        run(tmp_path, spec_of(tmp_path / "file"))


def test_the_packaging_of_an_engine_imports_no_heavy_library(tmp_path: Path) -> None:
    script = (
        "import sys, lading.model_packaging.engines.registry as it; it.ENGINES; "
        "print([name for name in sys.modules if name.split('.')[0] in "
        "('sagemaker', 'boto3', 'torch', 'transformers', 'onnxruntime', 'sklearn')])"
    )
    found = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert found.stdout.strip() == "[]"


def test_a_model_that_may_go_anywhere_goes_where_it_fits(tmp_path: Path) -> None:
    packaged = run(tmp_path, linear_spec(tmp_path, target="auto"))
    assert packaged.target == locked(tmp_path, "linear").target == "lambda"
    again = run(tmp_path, linear_spec(tmp_path, target="auto"))
    assert (again.built, again.target) == (False, "lambda")
    chat = ModelSpec("chat", language_model(tmp_path / "chat"), target="auto")
    assert run(tmp_path, chat).target == "sagemaker"


def test_a_model_for_an_engine_that_may_go_anywhere_may_go_to_lambda(tmp_path: Path) -> None:
    spec = linear_spec(tmp_path, target="auto", engine=EngineSpec("triton"))
    assert run(tmp_path, spec).target == "lambda"
    assert locked(tmp_path, "linear").engine is None


def test_what_was_measured_stands_in_the_report(tmp_path: Path) -> None:
    folder = Path(run(tmp_path, linear_spec(tmp_path)).location)
    footprint = json.loads((folder / REPORT).read_bytes())["footprint"]
    assert footprint["peak_bytes"] > 10_000_000
    assert footprint["request_bytes"] == 16 * 4 + 4 * 4


def test_a_model_that_does_not_fit_its_target_is_not_published(tmp_path: Path) -> None:
    wide = 1_000_000
    model = linear_bytes(np.zeros((16, 4), np.float32))
    graph = onnx.load_model_from_string(model)
    graph.graph.input[0].type.tensor_type.shape.dim[1].dim_value = wide
    graph.graph.node[0].op_type = "Identity"
    del graph.graph.node[0].input[1], graph.graph.initializer[0]
    graph.graph.output[0].type.tensor_type.shape.dim[1].dim_value = wide
    (tmp_path / "wide.onnx").write_bytes(graph.SerializeToString())
    spec = ModelSpec("wide", tmp_path / "wide.onnx")
    with pytest.raises(DoesNotFit, match=r"over 6 MB encoded; set models\.wide\.target: sagemaker"):
        run(tmp_path, spec)
    assert not (tmp_path / "models.lock.json").exists()
    assert run(tmp_path, replace(spec, target="auto")).target == "sagemaker"


def test_a_model_for_managed_instances_is_a_version_of_its_own(tmp_path: Path) -> None:
    plain = run(tmp_path, linear_spec(tmp_path))
    managed = run(tmp_path, linear_spec(tmp_path, target="lambda-managed"))
    again = run(tmp_path, linear_spec(tmp_path, target="lambda-managed"))
    assert (plain.version, managed.version) == (1, 2)
    assert (again.version, again.built, again.target) == (2, False, "lambda-managed")
    entry = locked(tmp_path, "linear", 2)
    assert (managed.target, entry.target, entry.engine) == (*("lambda-managed",) * 2, None)

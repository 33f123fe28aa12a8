import hashlib
import json
import os
import subprocess
import sys
from dataclasses import replace
from importlib.metadata import version
from importlib.util import MAGIC_NUMBER
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest

from lading.functions.contract.names import ADAPTER, Library
from lading.functions.inference.native.libraries import LIBRARIES as NATIVE_LIBRARIES
from lading.functions.inference.processing.processed import LIBRARIES
from lading.stacks.build.interpreters import find_python
from lading.stacks.build.lambda_code import Folders, LambdaCode
from lading.stacks.errors import PythonMissing
from lading.stacks.plan.layer_sizes import layer_sizes
from lading.stacks.stages.target import Architecture, lambda_target, local_target
from tests.functions.inference.processing.images import options
from tests.stacks.conftest import ROOT, copy_project
from tests.support.frameworks import needs
from tests.support.lambda_python import require_lambda_python

EXERCISES = {
    "tokens": "import tokenizers as library; library.Tokenizer(library.models.BPE())",
    "image": "import io, numpy, PIL as library, PIL.Image; files = [io.BytesIO(), io.BytesIO()]; "
    "kinds = ('PNG', 'JPEG'); "
    "[PIL.Image.new('RGB', (9, 9)).save(*each) for each in zip(files, kinds)]; "
    f"step = image.make({options()!r}, {{}}); contents = [each.getvalue() for each in files]; "
    "assert step.before({'image': numpy.array(contents, object)})['pixels'].shape == (2, 3, 4, 6)",
}
"""What each step does with its library, as a program."""

MAGIC_3_13 = bytes.fromhex("f30d0d0a")


def hashes(project: Path) -> tuple[str, str]:
    code = LambdaCode(project, lambda_target())
    return code.layer().asset_hash, code.functions().asset_hash


def contents(folder: Path) -> dict[str, tuple[str, int, float]]:
    """Path -> digest, mode and time of everything below `folder`."""
    return {
        path.relative_to(folder).as_posix(): (
            hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "",
            path.stat().st_mode,
            path.stat().st_mtime,
        )
        for path in folder.rglob("*")
    }


def names(folder: Path) -> list[str]:
    return [path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()]


def test_hashes_are_known_without_a_build(project: Path) -> None:
    assert all(len(asset_hash) == 64 for asset_hash in hashes(project))
    assert not (project / ".lading").exists()


def test_hashes_do_not_know_the_folder(project: Path, tmp_path: Path) -> None:
    assert hashes(copy_project(tmp_path / "elsewhere")) == hashes(project)


def test_what_does_not_run_changes_no_hash(project: Path) -> None:
    before = hashes(project)
    (project / "functions" / "README.md").write_text("edited")
    (project / "functions" / "tests").mkdir()
    (project / "functions" / "tests" / "test_a.py").write_text("assert True\n")
    (project / "functions" / "__pycache__").mkdir(exist_ok=True)
    (project / "functions" / "__pycache__" / "a.cpython-313.pyc").touch()
    (project / "requirements" / "dev.txt").write_text("pytest==1\n")
    assert hashes(project) == before


def test_an_edit_of_a_source_changes_the_function_code_alone(project: Path) -> None:
    layer, functions = hashes(project)
    with (project / "functions/contract/settings.py").open("a") as source:
        source.write("# edited\n")
    assert hashes(project)[0] == layer
    assert hashes(project)[1] != functions


def test_another_requirement_changes_the_layer_alone(project: Path) -> None:
    layer, functions = hashes(project)
    with (project / "requirements/lambda.txt").open("a") as lock:
        lock.write("six==1.17.0 --hash=sha256:0\n")
    assert hashes(project)[0] != layer
    assert hashes(project)[1] == functions


def test_another_architecture_is_another_layer_with_the_same_functions(project: Path) -> None:
    x86, arm = (LambdaCode(project, lambda_target(machine)) for machine in ("x86_64", "arm64"))
    assert x86.layer().asset_hash != arm.layer().asset_hash
    assert x86.functions().asset_hash == arm.functions().asset_hash


def test_two_builds_in_different_folders_are_the_same_bytes(project: Path, tmp_path: Path) -> None:
    require_lambda_python()
    other = copy_project(tmp_path / "a longer name than the other")
    for part in ("layer", "functions"):
        one, two = (
            getattr(LambdaCode(root, lambda_target()), part)().folder() for root in (project, other)
        )
        assert one.name == two.name
        assert contents(one) == contents(two)


def test_the_layer_is_compiled_for_lambdas_python(cross: Folders) -> None:
    compiled = list(cross.layer.rglob("*.pyc"))
    assert len(compiled) > 200
    assert {path.read_bytes()[:4] for path in compiled} == {MAGIC_3_13}
    assert not list(cross.layer.rglob("*.py"))


def test_the_layer_has_libraries_for_lambdas_python_alone(cross: Folders) -> None:
    tagged = [name for name in names(cross.layer) if ".cpython-" in name]
    assert len(tagged) > 5
    assert all(".cpython-313-x86_64-linux-gnu.so" in name for name in tagged)


def test_the_layer_holds_nothing_that_an_installer_leaves(cross: Folders) -> None:
    found = {Path(name).name for name in names(cross.layer)}
    assert not found & {"RECORD", "WHEEL", "INSTALLER", "REQUESTED", "direct_url.json"}
    assert {Path(name).parts[0] for name in names(cross.layer)} == {"python"}


def test_the_versions_in_the_layer_can_be_told(cross: Folders) -> None:
    described = list((cross.layer / "python").glob("numpy-*.dist-info/METADATA"))
    assert len(described) == 1
    assert b"\nVersion: 2." in described[0].read_bytes()


def test_the_function_code_is_the_sources_and_their_compiled_files(cross: Folders) -> None:
    project = cross.functions.parents[2]
    paths = [project / "__init__.py", *(project / "functions").rglob("*.py")]
    sources = {f"lading/{path.relative_to(project).as_posix()}" for path in paths}
    sources = {it for it in sources if not it.startswith("lading/functions/pages/")}  # its own code
    found = names(cross.functions)
    assert {name for name in found if name.endswith(".py")} == sources
    compiled = [name for name in found if name.endswith(".pyc")]
    assert len(compiled) == len(sources)
    assert all("__pycache__" in name and name.endswith(".cpython-313.pyc") for name in compiled)


def test_the_code_of_the_pages_is_alone_and_has_their_files(project: Path) -> None:
    code = LambdaCode(project, local_target())
    found = names(code.pages().folder())
    entry = "lading/functions/pages/lambda_handler.py"
    assert {entry, "lading/functions/pages/assets/ui.js"} <= {*found}
    assert not any("inference" in name or "application" in name for name in found)
    assert code.pages().asset_hash != code.functions().asset_hash


def test_what_the_web_adapter_starts_can_be_executed_and_nothing_else(cross: Folders) -> None:
    files = [path for path in cross.functions.rglob("*") if path.is_file()]
    executable = [path for path in files if path.stat().st_mode & 0o111]
    assert executable == [cross.functions / ADAPTER.handler]


def test_the_layer_has_what_streaming_takes(local: Folders) -> None:
    places = os.pathsep.join((str(local.layer / "python"), str(local.functions)))
    run = [sys.executable, "-S", "-c", "import lading.functions.inference.entry.web_adapter"]
    subprocess.run(run, env={"PYTHONPATH": places}, check=True)


def test_the_local_build_answers_and_is_compiled_for_this_python(local: Folders) -> None:
    assert list(local.layer.parent.glob("*.answered"))
    magic = {path.read_bytes()[:4] for path in local.layer.rglob("*.pyc")}
    assert magic == {MAGIC_NUMBER}


def test_the_build_for_lambda_answers_under_lambdas_python(cross: Folders) -> None:
    if not lambda_target().runs_here:
        pytest.skip("Lambda's code does not run on this machine")
    assert list(cross.layer.parent.glob(f"{cross.layer.name[:32]}-*.answered"))


def test_a_finished_build_is_used_again(local: Folders) -> None:
    unusable = replace(local_target(), pip_options=("--no-such-option",))
    assert LambdaCode(local.layer.parents[2], unusable).build() == local


def test_without_lambdas_python_nothing_is_downloaded_or_built(project: Path) -> None:
    missing = replace(lambda_target(), python="3.99")
    with pytest.raises(PythonMissing, match=r"`uv python install 3\.99`"):
        LambdaCode(project, missing).build()
    assert not list((project / ".lading/build/.unfinished").iterdir())


@pytest.mark.parametrize("architecture", get_args(Architecture))
def test_the_layer_is_hardly_larger_than_onnxruntime_and_numpy(
    cross: Folders, architecture: Architecture
) -> None:
    project = cross.layer.parents[2]
    built = LambdaCode(project, lambda_target(architecture)).build()
    sizes = layer_sizes(built.layer, built.functions)
    assert sum(sizes.values()) <= 1.10 * (sizes["onnxruntime"] + sizes["numpy"])


@pytest.mark.parametrize(("step", "library"), LIBRARIES.items())
@pytest.mark.parametrize("place", ["local", "cross"])
def test_a_processing_layer_has_what_its_step_imports_beside_the_runtime_layer(
    step: str, library: Library, place: str, request: pytest.FixtureRequest
) -> None:
    built: Folders = request.getfixturevalue(place)
    target = local_target() if place == "local" else lambda_target()
    if not target.runs_here:
        pytest.skip(f"{target} does not run on this machine")
    builder = LambdaCode(built.layer.parents[2], target)
    processing = builder.build_processing(library, builder.processing(library))
    code = f"from lading.functions.inference.processing import {step}; {EXERCISES[step]}"
    path = os.pathsep.join(map(str, (processing / "python", built.layer / "python")))
    done = subprocess.run(
        [find_python(target.python), "-S", "-c", f"{code}; print(library.__file__)"],
        check=True,
        capture_output=True,
        text=True,
        env={"PYTHONPATH": os.pathsep.join((str(built.functions), path))},
    )
    assert done.stdout.startswith(str(processing))
    sizes = layer_sizes(built.layer, built.functions, processing)
    assert sum(sizes.values()) < 150 << 20


NATIVE = """
import json, sys
from pathlib import Path
import numpy as np
from lading.functions.inference.artifact.reading import read_artifact
from lading.functions.inference.native.runtimes import open_native
from lading.functions.inference.tensors.conversion import DTYPES
predictor = open_native(read_artifact(Path(sys.argv[1])), 1)
[tensor] = predictor.metadata.inputs
rows = np.ones((1, 3), DTYPES[tensor.datatype])
answers = predictor.predict({tensor.name: rows})
shape = next(it.shape for it in answers.values() if it.ndim == 2)
loaded = sys.argv[2] in Path("/proc/self/maps").read_text()
print(json.dumps([shape, "onnxruntime" in sys.modules, loaded]))
"""


@pytest.mark.slow
@needs("boosting", "xgboost")
@pytest.mark.parametrize("library", NATIVE_LIBRARIES.values())
def test_the_layer_of_a_runtime_answers_beside_the_runtime_layer_and_fits_lambda(
    cross: Folders, library: Library, tmp_path: Path
) -> None:
    target = lambda_target()
    if not target.runs_here:
        pytest.skip(f"{target} does not run on this machine")
    builder = LambdaCode(cross.layer.parents[2], target)
    layer = builder.build_processing(library, builder.processing(library))
    own = layer / "lib" / "libgomp.so.1" if library == "lightgbm" else layer / "python"
    folders = (layer / "python", cross.layer / "python", cross.functions)
    done = subprocess.run(
        [find_python(target.python), "-S", "-c", NATIVE, artifact_of(library, tmp_path), own],
        check=True,
        capture_output=True,
        text=True,
        env={
            "PYTHONPATH": os.pathsep.join(map(str, folders)),
            "LD_LIBRARY_PATH": str(layer / "lib"),
        },
    )
    assert json.loads(done.stdout.splitlines()[-1]) == [[1, 2], False, True]
    sizes = layer_sizes(cross.layer, cross.functions, layer)
    assert sum(sizes.values()) < (230 if library == "skops" else 160) << 20


def artifact_of(library: Library, folder: Path) -> Path:
    """An artifact whose model the library computes, of three columns and two classes."""
    kept = ROOT / "tests/contracts/formats/native"
    if library == "lightgbm":
        return kept
    name, datatype, model, options = MODELS[library]()
    document = json.loads((kept / "artifact.json").read_bytes())
    tensor = {"name": name, "datatype": datatype, "shape": [-1, 3]}
    scores = {
        "name": "scores" if library == "litert" else "probabilities",
        "datatype": "FP64" if library == "skops" else "FP32",
        "shape": [-1, 2],
    }
    sides = {"inputs": [tensor], "outputs": [scores]}
    native = {"runtime": library, "file": "model.bin", "options": options, **sides}
    digest = f"sha256:{hashlib.sha256(model).hexdigest()}"
    document |= {**sides, "native": native, "files": {"model.bin": digest}}
    (folder / "model.bin").write_bytes(model)
    (folder / "artifact.json").write_text(json.dumps(document), encoding="utf-8")
    return folder


def _xgboost() -> tuple[str, str, bytes, dict[str, Any]]:
    import xgboost

    rows = np.random.default_rng(0).normal(size=(60, 3))
    data = xgboost.DMatrix(rows, rows[:, 0] > 0)
    trained = xgboost.train({"objective": "binary:logistic"}, data, 2)
    options = {"answers": "two classes", "rounds": 0, "in_place": True, "booster": "gbtree"}
    return "X", "FP32", bytes(trained.save_raw("json")), options


def _litert() -> tuple[str, str, bytes, dict[str, Any]]:
    model = (ROOT / "tests/model_packaging/native/dense.tflite").read_bytes()
    return "x", "FP32", model, {"signature": "serving_default"}


def _skops() -> tuple[str, str, bytes, dict[str, Any]]:
    from sklearn.linear_model import LogisticRegression
    from skops.io import dumps

    rows = np.eye(3)
    options = {
        "trusted": [],
        "versions": {name: version(name) for name in ("scikit-learn", "skops")},
        "calls": {"probabilities": ["predict_proba", None]},
        "columns": [["X", place] for place in range(3)],
        "missing": ["text"] * 3,
        "names": ["a", "b", "c"],
    }
    return "X", "FP64", dumps(LogisticRegression().fit(rows, [0, 1, 1])), options


MODELS = {"litert": _litert, "skops": _skops, "xgboost": _xgboost}
"""Library -> the name and the datatype of a model's input, the model, and its options."""

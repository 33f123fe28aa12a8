"""The Dockerfile names what there is: files, packages, the module and the Python."""

import json
import os
import re
import subprocess
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from lading.functions.contract.names import CONTAINER
from lading.functions.inference.native import libraries as runtimes
from lading.functions.inference.processing.processed import LIBRARIES
from lading.stacks.build.interpreters import find_python
from lading.stacks.stages.target import LAMBDA_PYTHON
from tests.support.interpreter import ROOT, run_clean

DOCKERFILE = ROOT / "functions" / "inference" / "Dockerfile"

OPTIONAL = {"botocore", "grpc_tools"}
"""What Powertools and grpc look for, and do without."""

IMPORTED = """
import json, sys
before = set(sys.modules)  # what the environment's own .pth files bring
import lading.functions.inference.entry.container, lading.functions.inference.rpc.server
added = set(sys.modules) - before
print(json.dumps({"roots": sorted({name.partition(".")[0] for name in added})}))
"""


def instructions(name: str) -> list[str]:
    """The arguments of every instruction of this name."""
    text = DOCKERFILE.read_text().replace("\\\n", " ")
    return re.findall(rf"^{name} +(.+)$", text, re.MULTILINE)


def test_what_it_copies_is_there_and_not_ignored() -> None:
    ignored = DOCKERFILE.with_name("Dockerfile.dockerignore").read_text().splitlines()
    copied = [words.split()[:-1] for words in instructions("COPY") if "--from" not in words]
    sources = [source for words in copied for source in words]
    assert len(sources) == 14
    for source in sources:
        assert (ROOT / source).exists()
        assert f"!{source}" in ignored


def test_it_starts_the_container_as_sagemaker_does() -> None:
    (entry,), (command,) = instructions("ENTRYPOINT"), instructions("CMD")
    python, option, module = json.loads(entry)
    assert (python, option, json.loads(command)) == ("python", "-m", ["serve"])
    assert (ROOT / module.replace(".", "/")).with_suffix(".py").is_file()
    assert instructions("EXPOSE") == [str(CONTAINER.default_port)]


def test_it_runs_the_python_that_lambda_runs() -> None:
    assert {image.split("-")[0] for image in instructions("FROM")} == {f"python:{LAMBDA_PYTHON}"}


def test_processing_steps_find_their_libraries_there() -> None:
    installed = [re.findall(r"-r /tmp/(\w+)\.txt", words) for words in instructions("RUN")]
    [sets] = [sets for sets in installed if sets and "container" not in sets]
    text = "".join((ROOT / "requirements" / f"{name}.txt").read_text() for name in sets)
    pinned = set(re.findall(r"^([\w.-]+)==", text, re.MULTILINE))
    assert pinned == set(LIBRARIES.values())


def test_what_the_container_imports_is_installed_there() -> None:
    (seen,) = run_clean(IMPORTED, {})
    known = packages_distributions()
    text = Path(ROOT / "requirements" / "container.txt").read_text()
    pinned = {_canonical(name) for name in re.findall(r"^([\w.-]+)==", text, re.MULTILINE)}
    for root in set(seen["roots"]) & known.keys() - OPTIONAL - {"lading"}:
        assert pinned & set(map(_canonical, known[root])), root


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


@pytest.mark.slow
@pytest.mark.long
def test_the_step_for_models_that_are_not_converted_installs_their_libraries(
    tmp_path: Path,
) -> None:
    """Nobody builds the image here: the step runs in folders, in an environment of its own."""
    python = find_python(LAMBDA_PYTHON)
    subprocess.run([python, "-m", "venv", tmp_path / "environment"], check=True)
    [step] = [words for words in instructions("RUN") if "LIBRARIES" in words]
    moved = step.replace("/opt/", f"{tmp_path}/opt/").replace(" /tmp/$", f" {ROOT}/requirements/$")
    (tmp_path / "opt").mkdir()
    environment = {
        "PATH": f"{tmp_path}/environment/bin:/usr/bin:/bin",
        "LIBRARIES": " ".join(runtimes.LIBRARIES.values()),
        **{name: value for name, value in os.environ.items() if name.startswith("PIP_")},
    }
    subprocess.run(["/bin/sh", "-c", moved], check=True, env=environment, cwd=tmp_path)
    installed = {path.name for path in (tmp_path / "opt/lading").iterdir()}
    assert {"ai_edge_litert", "lightgbm", "narwhals", "scipy", "skops", "xgboost"} <= installed
    assert "sklearn" in installed
    assert (tmp_path / "opt/lib/libgomp.so.1").is_file()
    code = "import ctypes, glob; ctypes.CDLL(glob.glob('lightgbm/lib/*.so')[0])"
    subprocess.run(
        [python, "-I", "-S", "-c", code],
        check=True,
        cwd=tmp_path / "opt/lading",
        env={"LD_LIBRARY_PATH": str(tmp_path / "opt/lib")},
    )
    alone = tmp_path / "alone"
    alone.mkdir()
    again = moved.replace(f"{tmp_path}/opt/", f"{alone}/opt/")
    (alone / "opt").mkdir()
    environment["LIBRARIES"] = "lightgbm"
    subprocess.run(["/bin/sh", "-c", again], check=True, env=environment, cwd=alone)
    assert not (alone / "opt/lading/sklearn").exists()
    assert (alone / "opt/lib/libgomp.so.1").is_file()

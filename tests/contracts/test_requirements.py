"""Requirements: pyproject.toml names them, and one resolution with hashes locks them."""

import re
import tomllib
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
EXTRAS: dict[str, list[str]] = PYPROJECT["project"]["optional-dependencies"]
GROUPS: dict[str, list[Any]] = PYPROJECT["dependency-groups"]
MAKEFILE = (ROOT / "Makefile").read_text().replace("\\\n", " ")
CORE: list[str] = PYPROJECT["project"]["dependencies"]

OWNERS = (
    "aws-cdk-lib",
    "aws-lambda-powertools",
    "boto3",
    "fastapi",
    "mangum",
    "onnxruntime",
    "sagemaker",
)
OWN_ENVIRONMENT = {
    *("audit", "clients", "emulate", "flower", "kserve", "mlflow-server", "rie", "sam", "triton")
}
"""Tools in environments of their own, whose versions differ from the project's."""

FILES = sorted(path.stem for path in (ROOT / "requirements").glob("*.txt"))
TOGETHER = [name for name in FILES if name not in OWN_ENVIRONMENT | {"torch"}]

DEMO = [*CORE, *EXTRAS["sklearn"], *GROUPS["build"]]
EXPECTED = {
    "../requirements": [*DEMO, *EXTRAS["cloud"], *EXTRAS["deploy"]],
    "demo": DEMO,
    **{
        name: [*DEMO, *EXTRAS[name]]
        for name in ("cloud", "mlflow", "server", "pytorch", "tensorflow")
    },
    **{name: [*DEMO, *EXTRAS[name]] for name in ("boosting", "huggingface", "tabular")},
    "dev": [*DEMO, *EXTRAS["cloud"], *EXTRAS["server"], *GROUPS["dev"]],
    "container": [*GROUPS["lambda"], *GROUPS["container"]],
}
"""What each locked file must hold; the others hold the group of their name."""


def pins(file: str) -> dict[str, str]:
    """`name==version ; marker` -> its hashes, as one text."""
    text = (ROOT / file).read_text()
    entries = re.split(r"\n(?=[A-Za-z])", text.replace("\\\n", ""))
    return {
        entry.partition(" --hash")[0].strip(): entry.partition(" --hash")[2].strip()
        for entry in entries
        if "==" in entry
    }


def without_marker(pin: str) -> str:
    return pin.partition(" ;")[0]


def names(file: str) -> set[str]:
    return {pin.partition("==")[0] for pin in pins(file)}


def named(requirements: list[Any]) -> set[str]:
    """The distributions that a list names, without itself, groups it includes, and torch."""
    parsed = [Requirement(each) for each in requirements if isinstance(each, str)]
    return {str(canonicalize_name(each.name)) for each in parsed} - {"lading", "torch"}


def test_the_whole_deploy_set_is_locked_together() -> None:
    assert names("requirements.txt") >= set(OWNERS)


@pytest.mark.parametrize(
    "file", ["../requirements", *(name for name in FILES if name not in {"rie", "torch"})]
)
def test_a_locked_file_holds_what_pyproject_names(file: str) -> None:
    expected = EXPECTED[file] if file in EXPECTED else GROUPS[file]
    assert names(f"requirements/{file}.txt") >= named(expected)


def test_every_requirement_of_pyproject_is_locked() -> None:
    locked = {name for file in FILES for name in names(f"requirements/{file}.txt")}
    everything = [*CORE, *chain(*EXTRAS.values(), *GROUPS.values())]
    assert named(everything) - locked - names("requirements.txt") == set()


def test_an_error_about_a_missing_library_names_an_extra_and_a_target_of_make() -> None:
    code = "".join(path.read_text() for path in (ROOT / "model_packaging").rglob("*.py"))
    extras = set(re.findall(r'tool_versions\(\s*spec,\s*"(\w+)"', code))
    assert len(extras) > 5
    assert extras <= EXTRAS.keys()
    phony = re.findall(r"^(?:\.PHONY:|FRAMEWORKS :=) (.+)$", MAKEFILE, re.MULTILINE)
    assert extras <= {target for names in phony for target in names.split()}


def test_what_runs_on_lambda_is_part_of_what_everybody_installs() -> None:
    assert named(GROUPS["lambda"]) < named(CORE)


def test_a_package_has_the_same_versions_and_hashes_in_every_file() -> None:
    seen: dict[str, dict[str, str]] = {}
    for file in ("../requirements", *TOGETHER):
        here: dict[str, dict[str, str]] = {}
        for pin, hashes in pins(f"requirements/{file}.txt").items():
            name, _, version = without_marker(pin).partition("==")
            here.setdefault(name, {})[version] = hashes  # two where an old Python needs another
        for name, versions in here.items():
            assert seen.setdefault(name, versions) == versions, f"{name} in {file}"
    assert len(seen) > 200


def test_only_torch_is_without_a_hash_and_brings_no_cuda() -> None:
    lines = (ROOT / "requirements/torch.txt").read_text().splitlines()
    [linux, other] = [line for line in lines if not line.startswith(("#", "--"))]
    assert re.fullmatch(r'torch==[\d.]+\+cpu ; sys_platform == "linux"', linux)
    assert re.fullmatch(r'torch==[\d.]+ ; sys_platform != "linux"', other)
    for file in set(TOGETHER) - {"managed"}:  # an image with a GPU
        assert not [
            pin
            for pin in pins(f"requirements/{file}.txt")
            if pin.startswith(("torch==", "nvidia-")) and "== 'x86_64'" in pin
        ]


@pytest.mark.parametrize("file", ["../requirements", *(name for name in FILES if name != "torch")])
def test_every_pin_has_hashes_and_names_no_index(file: str) -> None:
    assert pins(f"requirements/{file}.txt")
    assert all("sha256:" in hashes for hashes in pins(f"requirements/{file}.txt").values())
    text = (ROOT / "requirements" / f"{file}.txt").read_text()
    assert not re.search(r"://|--(extra-)?index-url|--find-links", text)


def test_deploying_from_a_laptop_installs_nothing_of_sagemaker() -> None:
    assert "aws-cdk-lib" in names("requirements/cloud.txt")
    assert not {name for name in names("requirements/cloud.txt") if "sagemaker" in name}


def test_the_lambda_set_holds_no_training_library_and_no_aws_sdk() -> None:
    unwanted = {"boto3", "scikit-learn", "skl2onnx", "skops", "onnx", "aws-cdk-lib"}
    assert not names("requirements/lambda.txt") & unwanted

"""The locked requirements: one resolution, every subset within it, every file hashed."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
OWNERS = (
    "aws-cdk-lib",
    "aws-lambda-powertools",
    "boto3",
    "fastapi",
    "mangum",
    "onnxruntime",
    "sagemaker",
)

FRAMEWORKS = ("pytorch", "tensorflow", "boosting", "huggingface", "tabular")
PROCESSING = ("processing", "pillow", "tokenizers")


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


def test_the_whole_deploy_set_is_locked_together() -> None:
    names = {pin.partition("==")[0] for pin in pins("requirements.txt")}
    assert names >= set(OWNERS)


@pytest.mark.parametrize("subset", ["lambda", "demo", "cloud"])
def test_a_subset_has_the_versions_and_the_files_of_the_whole(subset: str) -> None:
    whole = {without_marker(pin): hashes for pin, hashes in pins("requirements.txt").items()}
    for pin, hashes in pins(f"requirements/{subset}.txt").items():
        assert whole[without_marker(pin)] == hashes


def test_the_checks_run_on_the_versions_that_are_deployed() -> None:
    whole = {without_marker(pin) for pin in pins("requirements.txt")}
    named = {pin.partition("==")[0] for pin in whole}
    for pin in map(without_marker, pins("requirements/dev.txt")):
        assert pin in whole or pin.partition("==")[0] not in named


@pytest.mark.parametrize("file", ["frameworks", *FRAMEWORKS, *PROCESSING])
def test_a_framework_comes_in_the_versions_of_the_whole_and_of_all_frameworks(file: str) -> None:
    whole = {without_marker(pin) for pin in pins("requirements.txt")}
    named = {pin.partition("==")[0] for pin in whole}
    together = {without_marker(pin) for pin in pins("requirements/frameworks.txt")}
    for pin in map(without_marker, pins(f"requirements/{file}.txt")):
        assert pin in together
        assert pin in whole or pin.partition("==")[0] not in named


def test_only_torch_is_without_a_hash_and_brings_no_cuda() -> None:
    lines = (ROOT / "requirements/torch.txt").read_text().splitlines()
    [linux, other] = [line for line in lines if not line.startswith(("#", "--"))]
    assert re.fullmatch(r'torch==[\d.]+\+cpu ; sys_platform == "linux"', linux)
    assert re.fullmatch(r'torch==[\d.]+ ; sys_platform != "linux"', other)
    for name in ("frameworks", *FRAMEWORKS):
        assert not [
            pin
            for pin in pins(f"requirements/{name}.txt")
            if pin.startswith(("torch==", "nvidia-")) and "== 'x86_64'" in pin
        ]


@pytest.mark.parametrize(
    "file",
    [
        "requirements.txt",
        *(
            f"requirements/{name}.txt"
            for name in ("lambda", "demo", "cloud", "container", "dev", "emulate", "sam", "triton")
        ),
        *(
            f"requirements/{name}.txt"
            for name in ("frameworks", *FRAMEWORKS, *PROCESSING, "minilm", "sentences", "language")
        ),
    ],
)
def test_every_pin_has_hashes_and_names_no_index(file: str) -> None:
    assert all("sha256:" in hashes for hashes in pins(file).values())
    assert not re.search(r"://|--(extra-)?index-url|--find-links", (ROOT / file).read_text())


def test_deploying_from_a_laptop_installs_nothing_of_sagemaker() -> None:
    names = {pin.partition("==")[0] for pin in pins("requirements/cloud.txt")}
    assert "aws-cdk-lib" in names
    assert not {name for name in names if "sagemaker" in name}


def test_the_lambda_set_holds_no_training_library_and_no_aws_sdk() -> None:
    names = {pin.partition("==")[0] for pin in pins("requirements/lambda.txt")}
    assert not names & {"boto3", "scikit-learn", "skl2onnx", "skops", "onnx", "aws-cdk-lib"}

from pathlib import Path

import pytest

from lading.stacks.build.requirements import Locked, locked_requirements
from lading.stacks.build.trimming import UNUSED_DISTRIBUTIONS
from lading.stacks.errors import RequirementsUnusable
from lading.stacks.stages.target import lambda_target
from tests.stacks.conftest import ROOT

LOCK = ROOT / "requirements" / "lambda.txt"


def read(folder: Path, text: str) -> tuple[Locked, ...]:
    path = folder / "lambda.txt"
    path.write_text(text)
    return locked_requirements(path, lambda_target())


def test_markers_are_those_of_the_target(tmp_path: Path) -> None:
    text = (
        "one==1 ; python_full_version < '3.12' --hash=sha256:a\n"
        "one==2 ; python_full_version >= '3.12' --hash=sha256:b\n"
        "two==3 ; sys_platform == 'win32' --hash=sha256:c\n"
    )
    assert read(tmp_path, text) == (Locked("one", "==2", ("sha256:b",)),)


def test_order_comments_and_line_breaks_do_not_matter(tmp_path: Path) -> None:
    one = read(tmp_path, "a==1 --hash=sha256:x --hash=sha256:y\nb==1 --hash=sha256:z\n")
    other = "# made by uv\nb==1 \\\n    --hash=sha256:z # via a\n\na==1 \\\n"
    other += "    --hash=sha256:y \\\n    --hash=sha256:x\n"
    assert read(tmp_path, other) == one


def test_the_lock_has_one_version_of_each_distribution() -> None:
    names = [locked.name for locked in locked_requirements(LOCK, lambda_target())]
    assert {"numpy", "onnxruntime", "mangum", "orjson"} <= set(names)
    assert len(names) == len(set(names))


@pytest.mark.parametrize("name", UNUSED_DISTRIBUTIONS)
def test_what_is_left_out_is_in_the_lock(name: str) -> None:
    assert f"\n{name}==" in LOCK.read_text()
    assert name not in {locked.name for locked in locked_requirements(LOCK, lambda_target())}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "has no requirement"),
        ("a==1\n", "has no hash of 'a'"),
        ("-r other.txt --hash=sha256:a\n", "has an invalid line: '-r other.txt'"),
        ("a==1 --hash=sha256:a\na==2 --hash=sha256:b\n", "has 'a' 2 times"),
    ],
)
def test_a_file_that_is_no_lock_is_refused(tmp_path: Path, text: str, reason: str) -> None:
    with pytest.raises(RequirementsUnusable, match="make lock") as caught:
        read(tmp_path, text)
    assert reason in caught.value.reason


def test_a_missing_lock_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RequirementsUnusable, match="cannot be read"):
        locked_requirements(tmp_path / "lambda.txt", lambda_target())

"""The requirements of a class of the user's own."""

from importlib.metadata import version

import pytest

from lading.functions.inference.native.requirements import check_installed, read_requirements

NUMPY = version("numpy")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("numpy==2.1.0", ("numpy", "2.1.0")),
        ("uvicorn[standard] == 0.30.1  # a server", ("uvicorn", "0.30.1")),
        ("torch==2.4.0+cpu", ("torch", "2.4.0+cpu")),
        ("six==1.16.0 \\\n    --hash=sha256:ab --hash=sha256:cd", ("six", "1.16.0")),
    ],
)
def test_a_pinned_requirement_is_read(line: str, expected: tuple[str, str]) -> None:
    assert [tuple(each) for each in read_requirements(line)] == [expected]


def test_comments_and_empty_lines_are_skipped() -> None:
    assert not list(read_requirements("# all\n\n   \n"))


@pytest.mark.parametrize(
    "line",
    ["numpy", "numpy>=2", "numpy==2.*", "-r other.txt", "numpy==1; python_version<'3.12'",
     "https://example.com/x.whl", "numpy==1,==2"],
)  # fmt: skip
def test_anything_else_is_refused_with_its_line(line: str) -> None:
    with pytest.raises(ValueError, match=r"must be name==version") as caught:
        list(read_requirements(line))
    assert f"'{line}'" in str(caught.value)


def test_what_is_installed_passes() -> None:
    check_installed(f"numpy=={NUMPY}\n")
    check_installed(f"numpy=={NUMPY}.0\n")


def test_every_difference_is_named() -> None:
    with pytest.raises(
        ValueError, match=r"numpy==0\.1, but .* is installed; absent-x==1, which is"
    ):
        check_installed("numpy==0.1\nabsent-x==1\n")

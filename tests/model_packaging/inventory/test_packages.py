from importlib.metadata import version
from pathlib import Path

from lading.model_packaging.inventory.packages import Package, read_locked, with_license
from tests.support.interpreter import ROOT


def test_locked_files_are_read_with_digests_and_markers(tmp_path: Path) -> None:
    locked = tmp_path / "locked.txt"
    locked.write_text(
        "b-1==2.0 ; python_full_version < '3.12' \\\n"
        f"    --hash=sha256:{'0' * 64} \\\n    --hash=sha256:{'1' * 64}\n"
        f"b-1==3.0 \\\n    --hash=sha256:{'2' * 64}\na==1\n"
    )
    assert read_locked(locked, locked) == [
        Package("a", "1"),
        Package(
            "b-1",
            "2.0",
            (f"sha256:{'0' * 64}", f"sha256:{'1' * 64}"),
            "python_full_version < '3.12'",
        ),
        Package("b-1", "3.0", (f"sha256:{'2' * 64}",)),
    ]


def test_every_package_of_the_layer_is_read() -> None:
    file = ROOT / "requirements/lambda.txt"
    pins = [line for line in file.read_text().splitlines() if "==" in line and line[0] != " "]
    assert len(read_locked(file)) == len(pins)


def test_a_license_is_that_of_the_very_version_which_is_installed() -> None:
    here = with_license(Package("numpy", version("numpy")))
    assert "BSD-3-Clause" in here.expression
    for other in (Package("numpy", "0.0.1"), Package("no-such-package-here", "1")):
        assert with_license(other) == other

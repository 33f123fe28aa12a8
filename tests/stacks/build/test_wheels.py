from pathlib import Path
from zipfile import ZipFile

import pytest

from lading.stacks.build.requirements import Locked
from lading.stacks.build.wheels import install_wheels, unpack_wheel
from lading.stacks.errors import WheelsMissing
from lading.stacks.stages.target import lambda_target

FILES = {
    "a/__init__.py": "",
    "a/tests/test_a.py": "",
    "a-1.data/purelib/b.py": "",
    "a-1.data/scripts/run": "",
    "a-1.dist-info/METADATA": "Name: a\n\nREADME",
    "a-1.dist-info/RECORD": "",
    "../outside.py": "",
}


def test_a_wheel_is_unpacked_without_what_is_left_out(tmp_path: Path) -> None:
    with ZipFile(tmp_path / "a.whl", "w") as archive:
        for name, text in FILES.items():
            archive.writestr(name, text)
    unpack_wheel(tmp_path / "a.whl", tmp_path / "to")
    written = {
        path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()
    }
    assert written == {"a.whl", "to/a/__init__.py", "to/b.py", "to/a-1.dist-info/METADATA"}


def test_a_wheel_that_is_not_what_the_lock_says_is_refused(tmp_path: Path) -> None:
    locked = Locked("mangum", "==0.22.0", (f"sha256:{'0' * 64}",))
    with pytest.raises(WheelsMissing, match=r"HASH|hash") as caught:
        install_wheels([locked], lambda_target(), tmp_path / "python")
    assert "Python 3.13" in caught.value.target
    assert not (tmp_path / "python").exists()

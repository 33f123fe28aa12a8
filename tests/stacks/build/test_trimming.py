import subprocess
import sys
from email.parser import BytesParser
from importlib.metadata import files
from importlib.util import find_spec
from pathlib import Path, PurePosixPath
from typing import get_args

import pytest

from lading.functions.contract.names import Library
from lading.stacks.build.trimming import UNUSED_PATHS, WHOLE, is_kept, trimmed
from tests.stacks.conftest import ROOT

LINUX_ONLY = pytest.mark.skipif(sys.platform != "linux", reason="reads Linux's wheels")

DISTRIBUTIONS = {
    "ai_edge_litert": "ai-edge-litert",
    "aws_lambda_powertools": "aws-lambda-powertools",
    "PIL": "pillow",
    "numpy": "numpy",
    "onnxruntime": "onnxruntime",
    "pillow": "pillow",
    "scipy": "scipy",
    "simdjson": "pysimdjson",
}


def installed(distribution: str) -> list[str]:
    return [path.as_posix() for path in files(distribution) or ()]


def library(distribution: str, name: str) -> Path:
    """A shared library of an installed distribution."""
    found = [path for path in files(distribution) or () if path.name.startswith(name)]
    return Path(str(found[0].locate()))


@LINUX_ONLY
@pytest.mark.parametrize("unused", UNUSED_PATHS)
def test_what_is_left_out_is_in_a_wheel(unused: str) -> None:
    distribution = DISTRIBUTIONS[unused.partition("/")[0].removesuffix(".libs")]
    if distribution in get_args(Library) and find_spec("PIL") is None:
        pytest.skip("make processing brings it")
    if distribution == "ai-edge-litert" and find_spec("ai_edge_litert") is None:
        pytest.skip("make litert brings it")
    names = installed(distribution)
    assert any(name.startswith(unused) for name in names)


@pytest.mark.parametrize(
    "path",
    [
        *("numpy/__init__.pyi", "numpy/py.typed", "numpy/linalg/tests/test_linalg.py"),
        *("numpy/_core/include/numpy/arrayobject.h", "numpy/random/lib/libnpyrandom.a"),
        *("onnxruntime/tools/__init__.py", "onnxruntime/ThirdPartyNotices.txt"),
        *("a-1.dist-info/RECORD", "a-1.dist-info/licenses/METADATA", "a/__pycache__/b.pyc"),
    ],
)
def test_what_no_running_service_reads_is_left_out(path: str) -> None:
    assert not is_kept(PurePosixPath(path))


def test_a_layer_may_keep_the_whole_of_a_package() -> None:
    path = PurePosixPath("scipy/stats/__init__.py")
    assert not is_kept(path)
    assert is_kept(path, WHOLE["skops"])
    assert not is_kept(PurePosixPath("scipy/stats/tests/test_stats.py"), WHOLE["skops"])
    assert not is_kept(PurePosixPath("simdjson/a.py"), WHOLE["skops"])


@pytest.mark.parametrize(
    "path",
    [
        *("numpy/__init__.py", "numpy/testing/__init__.py", "numpy.libs/libopenblas.so"),
        *("a-1.dist-info/METADATA", "a-1.dist-info/entry_points.txt", "docs.py", "a/data.json"),
    ],
)
def test_code_libraries_data_and_names_are_kept(path: str) -> None:
    assert is_kept(PurePosixPath(path))


def test_metadata_keeps_its_fields_without_the_readme() -> None:
    content = b"Metadata-Version: 2.4\r\nName: a\r\nVersion: 1\r\n\r\n# A\r\n\r\nName: b\r\n"
    kept = trimmed(PurePosixPath("a-1.dist-info/METADATA"), content)
    assert b"#" not in kept
    assert BytesParser().parsebytes(kept)["Version"] == "1"


@LINUX_ONLY
def test_debug_information_behind_the_segments_is_left_out() -> None:
    path = library("pysimdjson", "csimdjson")
    kept = trimmed(PurePosixPath(path.name), path.read_bytes())
    assert len(kept) < path.stat().st_size / 10


@LINUX_ONLY
@pytest.mark.parametrize("distribution", ["numpy", "orjson", "pysimdjson", "onnxruntime"])
def test_the_segments_of_a_library_stay_as_they_are(distribution: str) -> None:
    for name in (name for name in installed(distribution) if ".so" in name):
        content = library(distribution, PurePosixPath(name).name).read_bytes()
        kept = trimmed(PurePosixPath(name), content)
        assert kept[64:] == content[64 : len(kept)]


@LINUX_ONLY
def test_a_trimmed_library_loads(tmp_path: Path) -> None:
    path = library("pysimdjson", "csimdjson")
    (tmp_path / path.name).write_bytes(trimmed(PurePosixPath(path.name), path.read_bytes()))
    code = f"import sys; sys.path[:0] = [{str(tmp_path)!r}]; import csimdjson as c; print("
    code += "c.__file__, c.Parser().parse(b'[1, 2]').as_list())"
    command = [sys.executable, "-I", "-c", code]
    printed = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT)
    assert printed.stdout == f"{tmp_path / path.name} [1, 2]\n"


def test_other_files_stay_as_they_are() -> None:
    assert trimmed(PurePosixPath("a.py"), b"x = 1\n") == b"x = 1\n"

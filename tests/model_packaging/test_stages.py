import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import NoReturn, cast

import onnx
import pytest

from lading.model_packaging.building import build_here
from lading.model_packaging.conversion import Converter
from lading.model_packaging.errors import SourceError
from lading.model_packaging.manifest.models import ModelSpec
from lading.model_packaging.resolution import ConversionJob, resolve
from lading.model_packaging.stages import Stages, UnexpectedFailure, ignore_stages
from tests.model_packaging.models import linear_spec


def test_each_stage_is_told_when_it_starts_and_how_it_ended(tmp_path: Path) -> None:
    told: list[tuple[str, str]] = []
    stages = Stages(lambda *each: told.append(each), ModelSpec("m", tmp_path), tmp_path / "m.txt")
    assert stages.run("count", lambda given: (given + 1, "one more"), 2) == 3
    assert told == [("count", ""), ("count", "one more")]


def test_a_stage_counts_its_own_processor_time_and_that_of_its_processes(tmp_path: Path) -> None:
    def compute() -> tuple[int, str]:
        subprocess.run([sys.executable, "-c", "sum(range(20_000_000))"], check=True)
        return 0, "computed"

    stages = Stages(ignore_stages, ModelSpec("m", tmp_path), tmp_path / "m.txt")
    stages.run("nothing", lambda: (0, "done"))
    stages.run("compute", compute)
    assert list(stages.cpu_seconds) == ["nothing", "compute"]
    assert stages.cpu_seconds["compute"] > stages.cpu_seconds["nothing"]


def test_an_error_of_packaging_passes_as_it_is(tmp_path: Path) -> None:
    def refuse() -> NoReturn:
        raise SourceError("m", tmp_path, "is empty")

    with pytest.raises(SourceError, match="is empty"):
        Stages(ignore_stages, ModelSpec("m", tmp_path), tmp_path / "m.txt").run("read", refuse)
    assert not (tmp_path / "m.txt").exists()


class Broken:
    """A converter whose library raises an error of its own."""

    framework = "onnx"

    def convert(self, spec: ModelSpec) -> NoReturn:
        raise KeyError("no such\nweight")


def test_any_error_of_a_library_is_one_line_with_its_traceback_in_a_file(tmp_path: Path) -> None:
    job, _ = resolve(linear_spec(tmp_path), ())
    assert isinstance(job, ConversionJob)
    broken = replace(job, converter=cast("Converter", Broken()))
    details = tmp_path / "failures" / "linear.txt"
    with pytest.raises(UnexpectedFailure) as caught:
        build_here(broken, "sha256:0", ignore_stages, details)
    line = str(caught.value)
    assert "\n" not in line
    for fact in ("'linear'", "'convert'", "KeyError", f"onnx {onnx.__version__}", str(details)):
        assert fact in line
    assert "in convert" in details.read_text()
    assert caught.value.stage == "convert"

"""What a repository becomes for a Triton without an onnxruntime backend, and how it is started."""

from pathlib import Path

import pytest

from lading.emulator.engines import triton
from lading.emulator.engines.container_process import PORT
from lading.emulator.errors import EngineUnavailable
from tests.contracts.test_sagemaker_engines import NO_TRITON, repository
from tests.emulator.harness import TOOLS


def copied(root: Path, config: str) -> Path:
    folder = root / "copy"
    triton._copy_repository(repository(root, b"model", config), folder)
    return folder / "model"


@pytest.mark.parametrize("line", ['backend: "onnxruntime"', 'platform:"onnxruntime_onnx"'])
def test_an_onnx_model_is_run_by_the_python_backend(tmp_path: Path, line: str) -> None:
    model = copied(tmp_path, f'name: "model"\n{line}\nmax_batch_size: 4\n')
    text = (model / "config.pbtxt").read_text()
    assert text == 'name: "model"\nbackend: "python"\nmax_batch_size: 4\n'
    assert "class TritonPythonModel" in (model / "1" / "model.py").read_text()
    assert (model / "1" / "model.onnx").read_bytes() == b"model"


def test_another_model_stays_as_it_is(tmp_path: Path) -> None:
    model = copied(tmp_path, 'backend: "python"')
    assert (model / "config.pbtxt").read_text() == 'backend: "python"'
    assert not (model / "1" / "model.py").exists()


def test_the_repository_itself_is_left_alone(tmp_path: Path) -> None:
    copied(tmp_path, 'backend: "onnxruntime"')
    original = tmp_path / "repository" / "model" / "config.pbtxt"
    assert original.read_text() == 'backend: "onnxruntime"'


@NO_TRITON
def test_without_the_interpreters_library_it_is_unavailable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(triton, "_library", lambda: "libpython0.0.so")
    with pytest.raises(EngineUnavailable, match=r"Triton .* needs libpython0\.0\.so"):
        triton.triton_container(
            repository(tmp_path, b"model", ""), tmp_path, tmp_path, tmp_path / "log"
        )


@pytest.mark.parametrize("names", [[], ["m", "n"]])
def test_a_repository_must_hold_one_model(tmp_path: Path, names: list[str]) -> None:
    for name in names:
        (tmp_path / name).mkdir()
    reason = f"must hold one model, or an ensemble called 'model', not {len(names)} models"
    with pytest.raises(EngineUnavailable, match=reason):
        triton.triton_container(tmp_path, tmp_path / "scratch", TOOLS, tmp_path / "log")


@NO_TRITON
def test_the_program_serves_the_model_alone_in_sagemakers_mode(tmp_path: Path) -> None:
    folder = repository(tmp_path, b"model", 'backend: "onnxruntime"')
    program = triton.triton_container(folder, tmp_path / "scratch", TOOLS, tmp_path / "log")
    options = dict(option.split("=", 1) for option in program.command[1:])
    assert options["--load-model"] == "model"
    assert options["--sagemaker-port"] == PORT
    assert (options["--allow-sagemaker"], options["--allow-http"]) == ("true", "false")
    assert program.environment["SAGEMAKER_TRITON_DEFAULT_MODEL_NAME"] == "model"

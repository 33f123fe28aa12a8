"""Which engine of this machine stands in for a locked one."""

import sys
import tarfile
from pathlib import Path

import pytest

from lading.emulator.engines.container_process import EngineProcess
from lading.emulator.engines.language import RunningServer
from lading.emulator.engines.local_engines import LocalEngines
from lading.emulator.errors import EngineUnavailable
from tests.support.worlds import settings_for, times


def room(root: Path, told: list[str], server: str = "") -> LocalEngines:
    return LocalEngines(root / "logs", root / "scratch", root / "tools", server, told.append)


def command(engine: object) -> str:
    assert isinstance(engine, EngineProcess)
    return " ".join(engine.program.command)


def test_where_there_is_no_triton_the_services_own_container_stands_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", "elsewhere")
    told: list[str] = []
    engine = room(tmp_path, told).engine("e", "triton", tmp_path)
    assert "lading.functions.inference.entry.container serve" in command(engine)
    assert told[-1].startswith(
        "Triton cannot be used on this machine: its wheel is for Linux on x86-64"
    )
    assert told[-1].endswith("; Lading's own container serves the model instead")


def test_a_container_of_models_is_served(tmp_path: Path) -> None:
    settings_for(tmp_path, {"m": {1: times(2)}})
    engine = room(tmp_path, []).engine("e", "container", tmp_path)
    assert "lading.functions.inference.entry.container serve" in command(engine)


def test_an_archive_is_unpacked_before_it_is_served(tmp_path: Path) -> None:
    settings_for(tmp_path / "content", {"m": {1: times(2)}})
    with tarfile.open(tmp_path / "model.tar.gz", "w:gz") as archive:
        archive.add(tmp_path / "content", arcname=".")
    engine = room(tmp_path, []).engine("e", "container", tmp_path)
    assert (tmp_path / "scratch/e-model/models/m/1/model.onnx").read_bytes() == times(2)
    assert isinstance(engine, EngineProcess)
    assert str(tmp_path / "scratch/e-model") in str(engine.program)


def test_a_container_of_anything_else_cannot_be_had(tmp_path: Path) -> None:
    with pytest.raises(
        EngineUnavailable, match="the image of endpoint e cannot be used on this machine"
    ):
        room(tmp_path, []).engine("e", "container", tmp_path)


@pytest.mark.parametrize("kind", ["vllm", "djl-lmi"])
def test_a_language_model_is_answered_by_the_users_own_server(tmp_path: Path, kind: str) -> None:
    told: list[str] = []
    engine = room(tmp_path, told, "http://127.0.0.1:8000/v1").engine("e", kind, tmp_path)
    assert isinstance(engine, RunningServer)
    assert told == ["endpoint e: http://127.0.0.1:8000/v1"]


def test_that_server_answers_for_no_other_model(tmp_path: Path) -> None:
    settings_for(tmp_path, {"m": {1: times(2)}})
    engine = room(tmp_path, [], "http://127.0.0.1:8000/v1").engine("e", "container", tmp_path)
    assert isinstance(engine, EngineProcess)


def test_without_its_libraries_a_language_model_needs_a_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lading.emulator.engines.language._NEEDED", ("no_such_library",))
    with pytest.raises(EngineUnavailable, match=r"no_such_library not installed; run `make lang"):
        room(tmp_path, []).engine("e", "vllm", tmp_path)

import os
import signal
from dataclasses import replace
from pathlib import Path

import pytest

from lading.model_packaging.errors import DataUnusable, PackagingError, SourceUnreadable
from lading.model_packaging.isolated import PackagingProcessDied, isolated
from lading.model_packaging.manifest.models import ModelSpec
from lading.model_packaging.manifest.original import OwnCode
from lading.model_packaging.measure.change import AccuracyDropped
from lading.model_packaging.pipeline import FAILURES, STAGES, package
from lading.model_packaging.specification import Packaged
from lading.model_packaging.stages import ignore_stages
from lading.model_packaging.store.local import LocalStore
from tests.model_packaging.models import linear_spec


def run(folder: Path, spec: ModelSpec, told: list[str] | None = None) -> Packaged:
    def on_stage(stage: str, outcome: str) -> None:
        if told is not None and outcome:
            told.append(stage)

    lock = folder / "models.lock.json"
    with isolated() as builder:
        return package(spec, LocalStore(folder / "store"), lock, on_stage, (), builder)


def with_code(folder: Path, preprocess: str) -> ModelSpec:
    """A model whose own code does this when it is first run."""
    file = folder / "step.py"
    file.write_text(
        f"import os, signal, sys\n\ndef preprocess(arrays):\n    {preprocess}\n    return arrays\n"
    )
    return replace(
        linear_spec(folder),
        accuracy=None,
        code=OwnCode(file, {}, {}),
        manifest=folder / "models.yaml",
    )


def failure(folder: Path) -> Path:
    return folder / FAILURES / "linear.txt"


def test_another_process_publishes_the_same_bytes(tmp_path: Path) -> None:
    told: list[str] = []
    spec = linear_spec(tmp_path)
    packaged = run(tmp_path, spec, told)
    here = package(spec, LocalStore(tmp_path / "other"), tmp_path / "other.json", ignore_stages)
    assert packaged.digest == here.digest
    assert told == list(STAGES)
    assert not failure(tmp_path).exists()


def test_files_of_an_engine_come_back_whole(tmp_path: Path) -> None:
    spec = replace(linear_spec(tmp_path), target="sagemaker")
    packaged = run(tmp_path, spec)
    here = package(spec, LocalStore(tmp_path / "other"), tmp_path / "other.json", ignore_stages)
    assert (packaged.target, packaged.digest) == ("sagemaker", here.digest)


@pytest.mark.parametrize("ending", [signal.SIGSEGV, signal.SIGKILL])
def test_a_process_that_dies_is_an_error_that_names_stage_and_signal(
    tmp_path: Path, ending: signal.Signals
) -> None:
    spec = with_code(tmp_path, f"print('before', flush=True); os.kill(os.getpid(), {int(ending)})")
    with pytest.raises(PackagingProcessDied, match=rf"in stage 'check': .* {ending.name}") as e:
        run(tmp_path, spec)
    assert "\n" not in str(e.value)
    said = failure(tmp_path).read_text()
    assert said.startswith("before\n")
    assert ("preprocess" in said) == (ending == signal.SIGSEGV)
    assert not (tmp_path / "models.lock.json").exists()


def test_a_process_that_exits_is_an_error_that_names_its_code(tmp_path: Path) -> None:
    with pytest.raises(PackagingProcessDied, match="it ended with exit code 7"):
        run(tmp_path, with_code(tmp_path, "os._exit(7)"))


def test_an_error_comes_back_with_its_facts(tmp_path: Path) -> None:
    spec = linear_spec(tmp_path)
    spec.source.write_bytes(b"no model")
    with pytest.raises(SourceUnreadable, match="model 'linear'") as caught:
        run(tmp_path, spec)
    assert caught.value.path == spec.source
    assert not failure(tmp_path).exists()


def test_an_error_that_takes_several_facts_comes_back(tmp_path: Path) -> None:
    spec = linear_spec(tmp_path)
    assert spec.accuracy is not None
    spec.accuracy.data.write_bytes(b"no rows")
    with pytest.raises(DataUnusable) as caught:
        run(tmp_path, spec)
    assert caught.value.data == str(spec.accuracy.data)
    assert not issubclass(AccuracyDropped, type(caught.value))


def test_nothing_is_left_running_when_the_caller_gives_up(tmp_path: Path) -> None:
    class Stop(PackagingError):
        pass

    spec = with_code(tmp_path, f"open({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid()))")

    def on_stage(stage: str, outcome: str) -> None:
        if (stage, bool(outcome)) == ("check", True):
            raise Stop

    with isolated() as builder, pytest.raises(Stop):
        package(spec, LocalStore(tmp_path), tmp_path / "lock.json", on_stage, (), builder)
    child = int((tmp_path / "pid").read_text())
    with pytest.raises(ProcessLookupError):
        os.kill(child, 0)

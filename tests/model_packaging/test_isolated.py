import os
import pickle
import signal
import socket
from dataclasses import replace
from pathlib import Path
from textwrap import dedent
from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from lading.model_packaging.confinement import unavailable
from lading.model_packaging.errors import DataUnusable, PackagingError, SourceUnreadable
from lading.model_packaging.isolated import PackagingProcessDied, isolated
from lading.model_packaging.manifest.models import ModelSpec
from lading.model_packaging.manifest.original import OwnCode
from lading.model_packaging.measure.change import AccuracyDropped
from lading.model_packaging.packaging_limits import (
    ConfinementMissing,
    Limits,
    PackagingOutOfMemory,
    PackagingTimedOut,
)
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


class Hostile:
    """What runs a statement when it is unpickled."""

    def __init__(self, statement: str) -> None:
        self.statement = statement

    def __reduce__(self) -> Any:
        return exec, (self.statement,)


def hostile_spec(folder: Path, statement: str) -> ModelSpec:
    (folder / "model.pkl").write_bytes(pickle.dumps(Hostile(statement)))
    return ModelSpec("model", folder / "model.pkl", trust=True, manifest=folder / "models.yaml")


confinable = pytest.mark.skipif(bool(unavailable()), reason=unavailable())


@confinable
@pytest.mark.parametrize(
    "statement",
    [
        "import socket; socket.create_connection(('127.0.0.1', {port}), 5)",
        "open('{folder}/stolen', 'w')",
        "import subprocess; subprocess.run(['touch', '{folder}/stolen'], check=True)",
        "import os; assert 'SECRET_OF_TEST' not in os.environ, 'no secret'; raise OSError('empty')",
    ],
    ids=["network", "file", "another program", "environment"],
)
def test_a_pickle_reaches_no_network_no_other_file_and_no_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, statement: str
) -> None:
    monkeypatch.setenv("SECRET_OF_TEST", "secret")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        code = statement.replace("{port}", str(port)).replace("{folder}", str(tmp_path))
        with pytest.raises(SourceUnreadable, match=r"denied|CalledProcessError|empty"):
            run(tmp_path, hostile_spec(tmp_path, code))
    assert not (tmp_path / "stolen").exists()


@confinable
def test_what_a_pickle_writes_into_the_pipe_of_messages_is_not_run_outside(tmp_path: Path) -> None:
    message = pickle.dumps(Hostile(f"open('{tmp_path}/stolen', 'w')"))
    statement = dedent(f"""
        import os, stat
        for number in range(3, 256):
            try:
                if stat.S_ISFIFO(os.fstat(number).st_mode):
                    os.write(number, {message!r})
            except OSError:
                pass
        os._exit(0)
    """)
    with pytest.raises(PackagingProcessDied):
        run(tmp_path, hostile_spec(tmp_path, statement))
    assert not (tmp_path / "stolen").exists()


@confinable
def test_a_pickle_that_does_no_such_thing_is_packaged_confined(tmp_path: Path) -> None:
    rows, classes = np.arange(12.0).reshape(6, 2), np.arange(6) % 2
    (tmp_path / "model.pkl").write_bytes(pickle.dumps(LogisticRegression().fit(rows, classes)))
    spec = ModelSpec("model", tmp_path / "model.pkl", trust=True, manifest=tmp_path / "models.yaml")
    assert run(tmp_path, spec).version == 1


def test_without_confinement_a_pickle_needs_a_word_of_its_user(tmp_path: Path) -> None:
    spec = hostile_spec(tmp_path, "raise OSError('it ran')")
    limits, lock = Limits(unconfined=True), tmp_path / "lock.json"
    with isolated(limits) as builder, pytest.raises(SourceUnreadable, match="it ran"):
        package(spec, LocalStore(tmp_path / "store"), lock, ignore_stages, (), builder)
    error = ConfinementMissing("model", "Darwin has neither seccomp nor Landlock")
    assert "Darwin has neither" in str(error)
    assert "--unconfined" in str(error)


@pytest.mark.parametrize(
    ("limits", "work", "error"),
    [
        (Limits(seconds=5, unconfined=True), "import time; time.sleep(600)", PackagingTimedOut),
        (Limits(memory=1 << 30, unconfined=True), "bytearray(1 << 31)", PackagingOutOfMemory),
    ],
    ids=["time", "memory"],
)
def test_packaging_ends_at_its_limits(
    tmp_path: Path, limits: Limits, work: str, error: type[PackagingError]
) -> None:
    spec, lock = hostile_spec(tmp_path, work), tmp_path / "models.lock.json"
    with isolated(limits) as builder, pytest.raises(error, match="in stage"):
        package(spec, LocalStore(tmp_path / "store"), lock, ignore_stages, (), builder)
    assert not lock.exists()

"""Messages of a child process: what is read, and what is not made of them."""

import io
import os
import pickle
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lading.model_packaging.child_messages import is_kept, read_message
from lading.model_packaging.errors import SourceUnreadable
from lading.model_packaging.measure.change import AccuracyChange, ConfidenceInterval, Intervals
from lading.model_packaging.store.publication import Built


class Made:
    """What calls `function` when it is unpickled."""

    def __init__(self, function: object, *arguments: object) -> None:
        self.function, self.arguments = function, arguments

    def __reduce__(self) -> Any:
        return self.function, self.arguments


def read(message: object) -> Any:
    return read_message(io.BytesIO(pickle.dumps(message)))


CHANGE = AccuracyChange(
    "mae",
    0.1,
    0.2,
    0.1,
    0.2,
    10,
    Intervals(ConfidenceInterval(0, 1), ConfidenceInterval(0, 1), ConfidenceInterval(0, 1)),
)


@pytest.mark.parametrize(
    "message",
    [
        ("convert", "9 bytes"),
        Built({"model.onnx": b"content"}),
        CHANGE,
        {1.5, None, Path("a")},
        SourceUnreadable,
        np.float32(2),
    ],
    ids=["stage", "files", "record", "values", "class of an error", "number"],
)
def test_what_packaging_says_is_read(message: object) -> None:
    assert read(message) == message


def test_arrays_are_read() -> None:
    np.testing.assert_array_equal(read(np.arange(3.0)), np.arange(3.0))


@pytest.mark.parametrize(
    "message",
    [
        Made(os.mkdir, "made"),
        Made(exec, "import os; os.mkdir('made')"),
        Made(subprocess.Popen, ["mkdir", "made"]),
        Made(getattr, "text", "upper"),
        Made(pickle.loads, pickle.dumps(Made(os.mkdir, "made"))),
        np.array([Made(os.mkdir, "made")], dtype=object),
    ],
    ids=["function", "code", "program", "attribute", "pickle", "array"],
)
def test_nothing_is_called(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, message: object
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(pickle.UnpicklingError):
        read(message)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "name",
    ["subprocess.Popen", "Popen", "isolated", "serve"],
    ids=["attribute", "imported class", "function", "entry"],
)
def test_what_a_module_of_ours_has_imported_or_does_is_not_given(name: str) -> None:
    module, wanted = b"lading.model_packaging.isolated", name.encode()
    text = b"".join(b"\x8c" + bytes([len(it)]) + it for it in (module, wanted))
    with pytest.raises(pickle.UnpicklingError):
        read_message(io.BytesIO(b"\x80\x04" + text + b"\x93."))


@pytest.mark.parametrize(
    "content", [b"\x80\x04K\x01", b"\x80\x04t.", b"nonsense", b"\x80\x04\x8c\x09x."]
)
def test_a_damaged_message_is_one_error(content: bytes) -> None:
    with pytest.raises((pickle.UnpicklingError, EOFError)):
        read_message(io.BytesIO(content))


def test_the_end_is_an_error_of_its_own() -> None:
    with pytest.raises(EOFError):
        read_message(io.BytesIO())


def test_only_errors_that_everybody_has_are_kept() -> None:
    assert is_kept(SourceUnreadable)
    assert is_kept(OSError)
    assert not is_kept(subprocess.SubprocessError)

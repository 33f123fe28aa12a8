"""Predictions that were made, for tests of captures, and places that keep them."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from threading import Event
from typing import Any

import numpy as np

from lading.functions.contract.captured import CapturedRequest, read_lines
from lading.functions.contract.errors import CaptureUnreachable
from lading.functions.inference.artifact.specification import TensorSpec
from lading.functions.inference.models.prediction import Prediction
from lading.functions.inference.models.predictor import ModelMetadata, Predictor
from lading.functions.inference.tensors.conversion import Array

AGE, INCOME = TensorSpec("age", "INT64", (-1, 1)), TensorSpec("income", "FP32", (-1, 1))
X, NOTE = TensorSpec("x", "FP32", (-1, 2)), TensorSpec("note", "BYTES", (-1,))
LABEL, SCORES = TensorSpec("label", "INT64", (-1,)), TensorSpec("scores", "FP32", (-1, 2))


class Lender(Predictor):
    """A model of columns; it is asked by nobody here."""

    metadata = ModelMetadata("credit", 3, "test", (AGE, INCOME, X, NOTE), (LABEL, SCORES))

    def predict(self, inputs: dict[str, Array], outputs: Sequence[str] = ()) -> dict[str, Array]:
        raise NotImplementedError


def answered(age: int = 40, note: bytes = b"hello") -> tuple[Prediction, Mapping[str, Array]]:
    notes = np.empty(1, np.object_)
    notes[0] = note
    inputs = {
        "age": np.array([[age]]),
        "income": np.array([[0.1]], np.float32),
        "x": np.array([[1.5, np.inf]], np.float32),
        "note": notes,
    }
    outputs = {"label": np.array([1]), "scores": np.array([[0.25, 0.75]], np.float32)}
    return Prediction(Lender(), inputs), outputs


def documents(captured: CapturedRequest) -> tuple[Any, Any]:
    """Request and answer, as JSON."""
    assert captured.answer is not None
    return json.loads(captured.request.content), json.loads(captured.answer.content)


def captured_in(folder: Path) -> list[CapturedRequest]:
    files = sorted(folder.rglob("captured/**/*.jsonl"))
    return [each for file in files for each in read_lines(file.read_bytes())]


class Gate:
    """A place whose writes wait until it is open; it may also fail."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}
        self.open, self.entered, self.tries = Event(), Event(), 0
        self.failure = ""

    def put(self, key: str, content: bytes) -> bool:
        self.tries += 1
        self.entered.set()
        assert self.open.wait(20)
        if self.failure:
            raise CaptureUnreachable(self.failure)
        return self.kept.setdefault(key, content) is content

    def get(self, key: str) -> bytes | None:
        return self.kept.get(key)

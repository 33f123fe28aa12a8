"""What another version answers to captured requests, held against the captured answers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from lading.api.errors import InputUnreadable
from lading.cli.errors import FieldsMissing
from lading.functions.contract.captured import CapturedRequest, Payload
from lading.functions.contract.errors import InferenceError
from lading.functions.evidence.intervals import Interval, share_of
from lading.functions.inference.artifact.specification import TensorSpec
from lading.functions.inference.capture.truths import FeedbackScore, score_of, whole_rows
from lading.functions.inference.dialects import plain
from lading.functions.inference.health.golden import Tolerance
from lading.functions.inference.models.predictor import ModelMetadata, Predictor
from lading.functions.inference.tensors.conversion import Array, from_json
from lading.functions.inference.tensors.json_values import loads_object, to_text
from lading.functions.inference.wire import media_requests

ALPHA: Final = 0.05
MOST_SHOWN: Final = 20
"""Requests that differ and are named."""
_JSON: Final = "application/json"
_FLOATS: Final = "f"


@dataclass(slots=True)
class OutputCounts:
    """How one output differs.

    Args:
        rows: the rows that were compared.
        differ: the rows that do not agree.
        largest: the largest difference of two numbers; None of other types.
    """

    rows: int = 0
    differ: int = 0
    largest: float | None = None


@dataclass(slots=True)
class Replayed:
    """The comparison of all captured requests.

    Args:
        model: the model.
        version: the version that was asked.
        requests: how many requests.
        rows: how many rows.
        agree: how many rows agree in all captured outputs.
        refused: requests that the version refuses.
        outputs: each captured output.
        differing: ids of requests that differ, and what differs; the first ones.
        unknown: outputs that were captured, and that the version does not have.
        before: how right the captured answers are whose truth is known.
        after: how right the version's answers to the same requests are.
    """

    model: str
    version: int
    requests: int = 0
    rows: int = 0
    agree: int = 0
    refused: int = 0
    outputs: dict[str, OutputCounts] = field(default_factory=dict)
    differing: list[tuple[str, str]] = field(default_factory=list)
    unknown: set[str] = field(default_factory=set)
    before: list[FeedbackScore] = field(default_factory=list)
    after: list[FeedbackScore] = field(default_factory=list)

    @property
    def agreement(self) -> Interval:
        """The share of rows that agree, with its interval."""
        return share_of(self.agree, self.rows, ALPHA)


class Replay:
    """Asks a version what others were asked.

    Args:
        predictor: the version.
        tolerance: how far apart numbers may be.
        truths: id of a request -> the truth about it, where it is known.
    """

    def __init__(
        self, predictor: Predictor, tolerance: Tolerance, truths: Mapping[str, Any]
    ) -> None:
        self._predictor, self._tolerance, self._truths = predictor, tolerance, truths
        metadata = predictor.metadata
        self._specs = {spec.name: spec for spec in metadata.outputs}
        self.result = Replayed(metadata.name, metadata.version)

    def add(self, captured: CapturedRequest) -> None:
        """Ask the version what a captured request asked, and compare the answers.

        Raises:
            FieldsMissing: the capture has not kept all inputs.
            InputUnreadable: the request or its answer has another form.
        """
        try:
            inputs = _inputs(captured, self._predictor.metadata)
            outputs = _outputs(captured)
            told = self._told(outputs)
        except InferenceError as error:
            raise InputUnreadable(f"captured request '{captured.id}'", str(error)) from error
        self.result.requests += 1
        rows = max((len(array) for array in told.values()), default=1)
        self.result.rows += rows
        try:
            answer = self._predictor.predict(inputs)
        except InferenceError as error:
            self.result.refused += 1
            self._differs(captured.id, f"refused: {error}")
            return
        self.result.agree += int(self._compare(captured.id, told, answer, rows).sum())
        self._judge(captured, outputs, answer)

    def _told(self, outputs: Mapping[str, Any]) -> dict[str, Array]:
        """Return the captured outputs that the version has, too, as [rows, values]."""
        self.result.unknown |= outputs.keys() - self._specs.keys()
        return {
            name: _rows(from_json(outputs[name], name, spec.datatype), spec)
            for name, spec in self._specs.items()
            if name in outputs
        }

    def _compare(
        self, identity: str, told: Mapping[str, Array], answer: Mapping[str, Array], rows: int
    ) -> Array:
        """Return which rows agree in all outputs."""
        agree = np.full(rows, fill_value=True)
        for name, expected in told.items():
            found = _rows(answer[name], self._specs[name])
            counts = self.result.outputs.setdefault(name, OutputCounts())
            same = self._same(expected, found, counts)
            counts.rows += len(same)
            counts.differ += int(np.count_nonzero(~same))
            if not same.all():
                row = int(np.flatnonzero(~same)[0])
                self._differs(identity, _difference(name, row, expected, found))
            agree &= same if len(same) == rows else same.all()
        return agree

    def _same(self, expected: Array, found: Array, counts: OutputCounts) -> Array:
        """Return for each row whether two outputs agree; note the largest difference."""
        if expected.shape != found.shape:
            return np.zeros(len(expected), bool)
        if expected.dtype.kind != _FLOATS:
            return np.asarray((expected == found).all(axis=1))
        apart = np.abs(found.astype(np.float64) - expected.astype(np.float64))
        finite = apart[np.isfinite(apart)]
        counts.largest = max(counts.largest or 0.0, float(finite.max()) if finite.size else 0.0)
        relative, absolute = self._tolerance
        near = np.isclose(found, expected, rtol=relative, atol=absolute, equal_nan=True)
        return np.asarray(near.all(axis=1))

    def _judge(
        self, captured: CapturedRequest, told: Mapping[str, Any], answer: Mapping[str, Array]
    ) -> None:
        """Hold both answers against the truth, where it is known."""
        if captured.id not in self._truths:
            return
        specs, truth = self._predictor.metadata.outputs, self._truths[captured.id]
        texts = {name: _listed(array) for name, array in answer.items()}
        try:
            before, after = (
                score_of((self.result.model, version), specs, outputs, truth)
                for version, outputs in (
                    (captured.version or 0, told),
                    (self.result.version, texts),
                )
            )
        except InferenceError:  # the other version has other outputs
            return
        self.result.before.append(before)
        self.result.after.append(after)

    def _differs(self, identity: str, how: str) -> None:
        if len(self.result.differing) < MOST_SHOWN:
            self.result.differing.append((identity, how))


def _inputs(captured: CapturedRequest, metadata: ModelMetadata) -> dict[str, Array]:
    """Return the inputs of a captured request, for a version's signature.

    Raises:
        FieldsMissing: some were not kept.
        InferenceError: it has another form.
    """
    payload = captured.request
    if payload.content_type != _JSON:
        return media_requests.decode(payload.content_type, payload.content, metadata)
    document = loads_object(payload.content)
    given = document.get("inputs")
    if isinstance(given, dict):
        missing = [spec.name for spec in metadata.inputs if spec.name not in given]
        if missing:
            raise FieldsMissing(captured.id, missing)
        document = {"inputs": {spec.name: given[spec.name] for spec in metadata.inputs}}
    return plain.decode(document, metadata)


def _outputs(captured: CapturedRequest) -> dict[str, Any]:
    """Return the captured outputs by name; none where the answer was not captured."""
    answer = captured.answer or Payload(b"{}")
    outputs = loads_object(answer.content).get("outputs", {})
    return outputs if isinstance(outputs, dict) else {}


def _rows(array: Array, spec: TensorSpec) -> Array:
    whole = whole_rows(array, spec)
    return whole.reshape(len(whole), -1) if whole.size else np.empty((len(whole), 0), array.dtype)


def _listed(array: Array) -> Any:
    text = to_text(array)
    return text.tolist() if isinstance(text, np.ndarray) else text


def _difference(name: str, row: int, expected: Array, found: Array) -> str:
    if expected.shape != found.shape:
        return f"{name} has the shape {list(found.shape)}, not {list(expected.shape)}"
    place = int(np.flatnonzero(found[row] != expected[row])[0])
    values = (_shown(found[row, place]), _shown(expected[row, place]))
    return f"{name}[{row}] is {values[0]}, not {values[1]}"


def _shown(value: Any) -> str:
    return value.decode(errors="replace")[:40] if isinstance(value, bytes) else f"{value:.6g}"

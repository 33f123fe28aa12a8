"""Truths that belong to captured requests, or to answers that the caller sends along.

A truth is stored before it is counted, and stored once: what is acknowledged is found by
`lading feedback`, and a repetition changes nothing.
"""

import hmac
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, Final, NamedTuple

from lading.functions.contract.capture import CaptureSettings
from lading.functions.contract.captured import REQUESTS, TRUTHS, object_key, read_lines, truth_line
from lading.functions.contract.errors import (
    CaptureUnreachable,
    MalformedRequest,
    NotCaptured,
    NotEntitled,
    RequestTooLarge,
)
from lading.functions.inference.capture.places import CapturePlace, place_of
from lading.functions.inference.capture.truths import FeedbackScore, score_of
from lading.functions.inference.models.predictor import ModelMetadata
from lading.functions.inference.tensors.json_values import loads_object
from lading.functions.inference.wire.messages import LONGEST_ID, is_request_id

LONGEST_BODY: Final = 256 * 1024
_HIGHEST_VERSION: Final = 999_999
_OF_REQUEST: Final = frozenset({"request_id", "truth"})
_OF_ANSWER: Final = frozenset({"id", "answer", "truth"})


class Accepted(NamedTuple):
    """A truth that has been stored.

    Args:
        score: how right the answer was.
        counted: whether it is the first truth of its request.
    """

    score: FeedbackScore
    counted: bool


class _Answer(NamedTuple):
    """An answer that a truth is about: its id, its version, its outputs."""

    id: str
    version: int
    outputs: Mapping[str, Any]


class Feedback:
    """Accepts truths.

    Args:
        settings: where the captured requests are, and who may send truths.
        place: the same place; by default that of the settings.
    """

    def __init__(self, settings: CaptureSettings, place: CapturePlace | None = None) -> None:
        self._settings, self._given = settings, place

    def check_caller(self, headers: Mapping[str, str]) -> None:
        """Check the token, where this process has one.

        Raises:
            NotEntitled: it is missing or wrong.
        """
        if not self._settings.token:
            return
        kind, _, sent = headers.get("authorization", "").partition(" ")
        known = hmac.compare_digest(sent.strip().encode(), self._settings.token.encode())
        if not (kind.lower() == "bearer" and known):
            raise NotEntitled("feedback")

    def accept(self, metadata: ModelMetadata, body: bytes) -> Accepted:
        """Store a truth, once.

        Args:
            metadata: the model, with its signature.
            body: of the request.

        Raises:
            RequestError: the body is wrong, or does not fit the signature.
            NotCaptured: there is no captured request with its id.
            CaptureUnreachable: nothing was stored.
        """
        if len(body) > LONGEST_BODY:
            raise RequestTooLarge(LONGEST_BODY)
        document = loads_object(body)
        if document.keys() == _OF_REQUEST:
            kind, answer = "request", self._captured(metadata.name, document["request_id"])
        elif document.keys() == _OF_ANSWER:
            kind, answer = "answer", _given(metadata.name, document["id"], document["answer"])
        else:
            raise MalformedRequest(
                'the request must be a JSON object with "request_id" and "truth", or with "id", '
                '"answer" and "truth"'
            )
        truth = document["truth"]
        named = metadata.name, answer.version
        score = score_of(named, metadata.outputs, answer.outputs, truth)
        more = {"lading": {**score._asdict(), "at": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"}}
        key = object_key(TRUTHS, metadata.name, f"{kind} {answer.id}")
        plain = loads_object(body, exactly=True)["truth"]  # lists, where the other has arrays
        return Accepted(score, self._place.put(key, truth_line(answer.id, plain, more)))

    def _captured(self, model: str, identity: Any) -> _Answer:
        identity = _checked(identity, "request_id")
        content = self._place.get(object_key(REQUESTS, model, identity))
        if content is None:
            raise NotCaptured(identity)
        try:
            (captured,) = read_lines(content)
        except ValueError as error:
            raise CaptureUnreachable(str(error)) from error
        if captured.answer is None or captured.version is None:
            raise NotCaptured(identity)
        outputs = loads_object(captured.answer.content)["outputs"]
        return _Answer(identity, captured.version, outputs)

    @cached_property
    def _place(self) -> CapturePlace:
        return self._given or place_of(self._settings)


def _given(model: str, identity: Any, answer: Any) -> _Answer:
    """Read an answer that the caller got, as the plain dialect wrote it."""
    identity = _checked(identity, "id")
    if not isinstance(answer, dict) or not isinstance(answer.get("outputs"), dict):
        raise MalformedRequest('"answer" must be what /predict answered, with "outputs"')
    if answer.get("model", model) != model:
        raise MalformedRequest(f"\"answer\" must be of model '{model}'")
    version = answer.get("version")
    if type(version) is not int or not 0 < version <= _HIGHEST_VERSION:
        raise MalformedRequest('"answer" must have the number of its "version"')
    return _Answer(identity, version, answer["outputs"])


def _checked(identity: Any, name: str) -> str:
    if not isinstance(identity, str) or not is_request_id(identity):
        raise MalformedRequest(f'"{name}" must be a text of 1 to {LONGEST_ID} ASCII characters')
    return identity

"""Captured requests, truths, and the JSON Lines of SageMaker's data capture that hold them.

    {"captureData": {"endpointInput": {"observedContentType": "application/json", "mode": "INPUT",
                                       "data": "...", "encoding": "JSON"},
                     "endpointOutput": {...}},
     "eventMetadata": {"eventId": "<request id>", "inferenceTime": "2026-11-30T04:05:06Z",
                       "customAttributes": ["model=digits", "version=3"]},
     "eventVersion": "0"}

A truth is a line of the file that SageMaker's quality monitors merge with these by `eventId`:

    {"groundTruthData": {"data": "1", "encoding": "CSV"}, "eventMetadata": {"eventId": "..."},
     "eventVersion": "0"}

SageMaker writes the first form itself, without our attributes. Sources:
https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-data-capture-endpoint.html and
https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-model-quality-merge.html.
"""

import json
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator, Mapping
from hashlib import sha256
from typing import Any, Final, NamedTuple, TypeVar

T = TypeVar("T")

REQUESTS: Final = "captured/"
TRUTHS: Final = "feedback/"
"""Prefixes of the keys of captured requests and of truths, below the place of a capture."""

_JSON: Final = "application/json"
_VERSION: Final = "0"
_DIGITS: Final = 32
_ENCODINGS: Final = frozenset({"JSON", "CSV", "BASE64"})


class Payload(NamedTuple):
    """One side of an exchange.

    Args:
        content: its body.
        content_type: the type of the body.
    """

    content: bytes
    content_type: str = _JSON


class CapturedRequest(NamedTuple):
    """One request, and its answer.

    Args:
        id: the request's id; SageMaker's `eventId`.
        at: when it was answered, in UTC, as `2026-11-30T04:05:06Z`.
        request: its body; of ours `{"inputs": ...}`, as the plain dialect reads it.
        answer: the body of the answer; of ours as the plain dialect writes it. None: not captured.
        model: the model; empty where the line does not say.
        version: its version; None where the line does not say.
    """

    id: str
    at: str
    request: Payload
    answer: Payload | None = None
    model: str = ""
    version: int | None = None


def object_key(prefix: str, model: str, identity: str) -> str:
    """Return the key of what belongs to a request, by its id.

    It has no date, so that a truth finds its request; and no character of the id, which callers
    choose. Keys are in random order: the first ones listed are a random sample.
    """
    return f"{prefix}{model}/{sha256(identity.encode()).hexdigest()[:_DIGITS]}.jsonl"


def to_line(captured: CapturedRequest) -> bytes:
    """Return the line of a request, with its end."""
    sides = {"endpointInput": _side(captured.request, "INPUT")}
    if captured.answer is not None:
        sides["endpointOutput"] = _side(captured.answer, "OUTPUT")
    metadata: dict[str, Any] = {"eventId": captured.id, "inferenceTime": captured.at}
    if captured.model:
        metadata["customAttributes"] = [
            f"model={captured.model}",
            *([f"version={captured.version}"] if captured.version is not None else []),
        ]
    return _written({"captureData": sides, "eventMetadata": metadata, "eventVersion": _VERSION})


def read_lines(content: bytes) -> Iterator[CapturedRequest]:
    """Yield the requests of a file that this module or SageMaker wrote.

    Raises:
        ValueError: a line is not as SageMaker writes it; the text says which.
    """
    return _each(content, _read, "captured request")


def truth_line(identity: str, truth: Any, more: Mapping[str, Any]) -> bytes:
    """Return the line of a truth.

    Args:
        identity: the id of its request.
        truth: what JSON can hold.
        more: what else is to be kept with it.
    """
    data = {"data": json.dumps(truth), "encoding": "JSON"}
    if isinstance(truth, str | int | float) and "," not in str(truth):
        data = {"data": str(truth), "encoding": "CSV"}  # the monitors read only this
    document = {"groundTruthData": data, "eventMetadata": {"eventId": identity}}
    return _written({**document, "eventVersion": _VERSION, **more})


def read_truths(content: bytes) -> Iterator[dict[str, Any]]:
    """Yield the truths of a file: `id`, `truth`, and the rest that was kept with them.

    Raises:
        ValueError: a line is no truth; the text says which.
    """
    return _each(content, _truth, "truth")


def _each(content: bytes, read: Callable[[Any], T], what: str) -> Iterator[T]:
    """Yield what is read from each line that is not empty."""
    for number, line in enumerate(content.splitlines(), 1):
        if not line.strip():
            continue
        try:
            yield read(json.loads(line))
        except (AttributeError, KeyError, TypeError, ValueError, RecursionError) as error:
            raise ValueError(f"line {number} is no {what}: {error!r}") from error


def _truth(document: Any) -> dict[str, Any]:
    stated = document.pop("groundTruthData")
    truth = json.loads(stated["data"]) if stated["encoding"] == "JSON" else stated["data"]
    identity = str(document.pop("eventMetadata")["eventId"])
    return {**document, "id": identity, "truth": truth}


def _side(payload: Payload, mode: str) -> dict[str, str]:
    about = {"observedContentType": payload.content_type, "mode": mode}
    if payload.content_type == _JSON:
        return {**about, "data": payload.content.decode(), "encoding": "JSON"}
    return {**about, "data": b64encode(payload.content).decode(), "encoding": "BASE64"}


def _read(document: Mapping[str, Any]) -> CapturedRequest:
    sides, metadata = document["captureData"], document["eventMetadata"]
    named = [it.partition("=") for it in metadata.get("customAttributes") or ()]
    attributes = {name: value for name, _, value in named}
    version = attributes.get("version")
    answer = sides.get("endpointOutput")
    return CapturedRequest(
        id=str(metadata["eventId"]),
        at=str(metadata["inferenceTime"]),
        request=_payload(sides["endpointInput"]),
        answer=None if answer is None else _payload(answer),
        model=attributes.get("model", ""),
        version=None if version is None else int(version),
    )


def _payload(side: Mapping[str, Any]) -> Payload:
    data, encoding = side["data"], side["encoding"]
    if encoding not in _ENCODINGS:
        raise ValueError(f"the encoding must be JSON, CSV or BASE64, got '{encoding}'")
    content = b64decode(data, validate=True) if encoding == "BASE64" else data.encode()
    return Payload(content, str(side.get("observedContentType") or _JSON))


def _written(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode() + b"\n"

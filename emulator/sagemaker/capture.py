"""SageMaker's data capture: a line of JSON for each answer, in S3, below its variant and hour.

`<folder>/<endpoint>/<variant>/yyyy/mm/dd/hh/MM-SS-mmm-<uuid>.jsonl`. A type that the configuration
lists as JSON is kept as text, any other in base64.
Source: SageMaker's developer guide, "Capture data from real-time endpoint".
"""

import base64
import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

Store = Callable[[str, bytes], object]
"""Writes an object: its key, and its content."""


@dataclass(frozen=True, slots=True)
class Capture:
    """Captures the answers of all variants of an endpoint.

    Args:
        folder: where, without a slash at its end.
        store: writes one object.
        json_types: content types that are kept as text.
    """

    folder: str
    store: Store
    json_types: tuple[str, ...] = ("application/json",)

    def write(
        self, endpoint: str, variant: str, inference_id: str, content_type: str, body: bytes
    ) -> None:
        """Write the line of one answer."""
        now = datetime.now(UTC)
        is_json = content_type.partition(";")[0].strip() in self.json_types
        event: dict[str, Any] = {"eventId": str(uuid.uuid4())}
        if inference_id:
            event["inferenceId"] = inference_id
        event["inferenceTime"] = now.strftime("%Y-%m-%dT%H:%M:%SZ")
        output = {
            "observedContentType": content_type,
            "mode": "OUTPUT",
            "data": body.decode() if is_json else base64.b64encode(body).decode(),
            "encoding": "JSON" if is_json else "BASE64",
        }
        line = {
            "captureData": {"endpointOutput": output},
            "eventMetadata": event,
            "eventVersion": "0",
        }
        milliseconds = now.microsecond // 1000
        name = f"{now:%Y/%m/%d/%H/%M-%S}-{milliseconds:03}-{uuid.uuid4()}.jsonl"
        self.store(f"{self.folder}/{endpoint}/{variant}/{name}", json.dumps(line).encode() + b"\n")

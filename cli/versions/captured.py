"""Answers in the files of SageMaker's data capture, as far as versions are compared by them.

A line is `{"captureData": {"endpointOutput": {"data", "encoding", "observedContentType"}},
"eventMetadata": {"inferenceId"}}`. The function before the endpoint has given each request its id,
and SageMaker has sent it to both variants.
"""

import base64
import json
from collections.abc import Iterable, Mapping
from typing import Any
from zlib import crc32

from lading.api.errors import InputUnreadable
from lading.cli.versions.shadowed import ShadowAnswer
from lading.functions.contract.errors import InferenceError
from lading.functions.inference.observability.answers import noted
from lading.functions.inference.tensors.binary import HEADER_SIZE
from lading.functions.inference.tensors.messages import decode


def captured_answers(lines: Iterable[bytes], version: int) -> dict[str, ShadowAnswer]:
    """Return the answers of a version by the ids of their requests.

    Raises:
        InputUnreadable: a line is not one of data capture.
    """
    found = {}
    for line in lines:
        try:
            document = json.loads(line)
            id_ = document["eventMetadata"].get("inferenceId")
            note = _noted(document["captureData"]["endpointOutput"])
        except (AttributeError, LookupError, TypeError, ValueError, InferenceError) as error:
            shown = line[:200].decode(errors="replace")
            raise InputUnreadable("a captured answer", f"{error!r} in {shown}") from error
        if id_:
            found[str(id_)] = ShadowAnswer(
                str(version), None, str(note.get("class", "")), note.get("score")
            )
    return found


def _noted(output: Mapping[str, str]) -> Mapping[str, Any]:
    """Return class and score of an answer: of its tensors, or of the text of a language model."""
    data = output["data"]
    body = base64.b64decode(data) if output["encoding"] == "BASE64" else data.encode()
    size = HEADER_SIZE.search(output["observedContentType"])
    if size is None and (text := _text(body)) is not None:
        return {"class": f"text-{crc32(text.encode()):08x}"}
    return noted(decode(body, int(size[1]) if size else len(body)))


def _text(body: bytes) -> str | None:
    """Return the text of the first choice in an answer of a language model; None: it is another."""
    document = json.loads(body)
    if "choices" not in document:
        return None
    choice = document["choices"][0]
    return str(choice.get("text") or choice.get("message", {}).get("content") or "")

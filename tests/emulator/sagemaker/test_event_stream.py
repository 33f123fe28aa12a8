"""Messages that AWS's own client decodes."""

from typing import Any

from botocore.eventstream import EventStreamBuffer

from lading.emulator.sagemaker.event_stream import event, exception


def decoded(*messages: bytes) -> list[Any]:
    buffer = EventStreamBuffer()
    buffer.add_data(b"".join(messages))
    return list(buffer)


def test_parts_and_the_error_behind_them_are_decoded_in_order() -> None:
    part, end = decoded(event("PayloadPart", b"\x00one"), exception("ModelStreamError", {"a": "ü"}))
    assert (part.headers[":event-type"], part.payload) == ("PayloadPart", b"\x00one")
    assert end.headers[":message-type"] == "exception"
    assert end.headers[":exception-type"] == "ModelStreamError"
    assert end.payload == b'{"a": "\\u00fc"}'


def test_a_part_may_be_empty() -> None:
    assert decoded(event("PayloadPart", b""))[0].payload == b""

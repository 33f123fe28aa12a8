"""The parts of a `multipart/form-data` body (RFC 7578), as browsers and curl send it.

The number of parts is limited; headers are not unfolded, and parts are neither nested nor decoded.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from lading.functions.contract.errors import MalformedRequest

MULTIPART: Final = "multipart/form-data"

MOST_PARTS: Final = 64

_LONGEST_HEAD = 4096
_BOUNDARY = re.compile(r";\s*boundary=(?:\"([^\"]{1,70})\"|([^\s;\"]{1,70}))", re.IGNORECASE)
_LINES = re.IGNORECASE | re.MULTILINE
_NAME = re.compile(rb"^content-disposition:\s*form-data\s*;(?:.*;)?\s*name=\"([^\"]*)\"", _LINES)
_TYPE = re.compile(rb"^content-type:\s*([^\r\n]*)", _LINES)


@dataclass(frozen=True, slots=True)
class FormField:
    """One field of a form; `content_type` is empty if the part has none."""

    name: str
    content_type: str
    content: bytes


def read_parts(content_type: str, body: bytes) -> dict[str, FormField]:
    """Return the parts of a body, by name.

    Raises:
        MalformedRequest: the framing is invalid, there are too many parts, or a name occurs twice.
    """
    found = _BOUNDARY.search(content_type)
    if not found:
        raise MalformedRequest("the content type has no boundary")
    parts: dict[str, FormField] = {}
    for part in _split(body, b"\r\n--" + (found[1] or found[2]).encode()):
        if part.name in parts:
            raise MalformedRequest(f"the form has the part '{part.name[:40]}' twice")
        parts[part.name] = part
    if not parts:
        raise MalformedRequest("the form has no parts")
    return parts


def _split(body: bytes, delimiter: bytes) -> Iterator[FormField]:
    sections = (b"\r\n" + body).split(delimiter, MOST_PARTS + 2)
    if len(sections) > MOST_PARTS + 2:
        raise MalformedRequest(f"the form has more than {MOST_PARTS} parts")
    if len(sections) == 1 or not sections[-1].startswith(b"--"):
        raise MalformedRequest("the form does not end with its boundary")
    for section in sections[1:-1]:
        start, _, rest = section.partition(b"\r\n")
        head, separator, content = (b"\r\n" + rest).partition(b"\r\n\r\n")
        name = _NAME.search(head[:_LONGEST_HEAD])
        if start.strip(b" \t") or not separator or not name:
            raise MalformedRequest("a part of the form lacks its boundary, its name or its content")
        kind = _TYPE.search(head[:_LONGEST_HEAD])
        given = kind[1].decode("latin-1").strip() if kind else ""
        yield FormField(name[1].decode(errors="replace"), given, content)

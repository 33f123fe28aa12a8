"""Requests of every dialect over HTTP, as bytes that may be anything."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from lading.functions.inference.tensors.binary import HEADER_LENGTH


@dataclass(frozen=True)
class Sent:
    """A body and what is said of it; `path` when it is not the dialect's usual one."""

    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    path: str = ""
    status: int = 400


def text(body: str, **rest: Any) -> Sent:
    """A body that is text, JSON unless its headers say otherwise."""
    return Sent(body.encode(), **rest)


def tensor(**changes: Any) -> dict[str, Any]:
    """A good tensor of the Open Inference Protocol, changed; None takes a key away."""
    usual = {"name": "x", "datatype": "FP32", "shape": [1, 2], "data": [1, 2]}
    return {key: value for key, value in (usual | changes).items() if value is not None}


def tensors(*given: Any, **rest: Any) -> Sent:
    return text(json.dumps({"inputs": given}), **rest)


def binary(*given: Any, content: bytes = bytes(8), said: int | None = None) -> Sent:
    """Tensors behind their JSON, whose length is `said`."""
    header = json.dumps({"inputs": given}).encode()
    length = len(header) if said is None else said
    return Sent(header + content, {HEADER_LENGTH: str(length)})


def in_binary(size: Any = 8, **changes: Any) -> dict[str, Any]:
    return tensor(data=None, parameters={"binary_data_size": size}, **changes)


def npy(header: str, content: bytes = bytes(8)) -> Sent:
    """A .npy file with this header, good or bad."""
    length = len(header).to_bytes(2, "little")
    body = b"\x93NUMPY\1\0" + length + header.encode() + content
    return Sent(body, {"content-type": "application/x-npy"})


def npy_of(shape: Any, descr: str = "<f4") -> Sent:
    return npy(str({"descr": descr, "fortran_order": False, "shape": shape}))


def form(*parts: str, boundary: str = "; boundary=b", end: str = "--b--\r\n") -> Sent:
    """A form of these parts, each its headers and its content."""
    body = "".join(f"--b\r\n{part}\r\n" for part in parts) + end
    return text(
        body, headers={"content-type": f"multipart/form-data{boundary and '; boundary='}{boundary}"}
    )


def part(content: str, name: str = "data") -> str:
    return f'Content-Disposition: form-data; name="{name}"\r\n\r\n{content}'


def typed(kind: str, body: str | bytes, **rest: Any) -> Sent:
    content = body if isinstance(body, bytes) else body.encode()
    return Sent(content, {"content-type": kind}, **rest)

"""Requests for a packaged model: read from a file, and answered by this process or by a server."""

import json
import sys
from base64 import b64encode
from codecs import BOM_UTF8
from http import HTTPStatus
from pathlib import Path
from typing import Final
from urllib.parse import quote

import typer

from lading.api.caller import Caller
from lading.api.calls import HEADERS, call
from lading.api.errors import InputUnreadable, ServerError

INPUT: Final = typer.Option(
    "--input", "-i", help='JSON file with {"inputs": ...}, or an image; - is stdin.'
)


def read_input(path: str) -> bytes:
    """Return the content of a file, or of standard input for `-`.

    Raises:
        InputUnreadable: it cannot be read.
    """
    try:
        return sys.stdin.buffer.read() if path == "-" else Path(path).read_bytes()
    except OSError as error:
        raise InputUnreadable(path, str(error.strerror)) from error


def read_request(path: str) -> bytes:
    """Return the JSON request in a file, or around an image, which does not begin with ASCII.

    Raises:
        InputUnreadable: the file cannot be read.
    """
    content = read_input(path).removeprefix(BOM_UTF8)  # some editors write it
    if content[:1].isascii():
        return content
    return json.dumps({"inputs": [{"b64": b64encode(content).decode()}]}).encode()


def ask_server(url: str, verb: str, name: str, body: bytes, caller: Caller) -> bytes:
    """Return the answer of an API to `POST /{verb}/{name}`.

    Raises:
        ServerError: it cannot be reached, or answers with an error.
    """
    address = f"{url.rstrip('/')}/{verb}/{quote(name, safe='')}"
    reply = call(address, body, caller.headers(address, body, HEADERS))
    if reply.status != HTTPStatus.OK:
        raise ServerError(address, f"{reply.status} {reply.reason()}")
    return reply.body

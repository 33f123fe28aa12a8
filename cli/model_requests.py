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

from lading.cli.aws.signing import Caller
from lading.cli.calls import HEADERS, call
from lading.cli.errors import EngineNeeded, InputUnreadable, ServerError
from lading.functions.inference.artifact.reading import read_artifact
from lading.functions.inference.artifact.specification import Artifact
from lading.functions.inference.graphs.predictor import open_here
from lading.functions.inference.models.predictor import Predictor
from lading.model_packaging.lock.file import read_lock, version_folder

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


def read_locked(lock: Path, name: str, version: int) -> Artifact:
    """Return the artifact of a locked version that this process can load.

    Raises:
        EngineNeeded: an engine serves it.
        ArtifactError: it is missing or damaged.
    """
    digest = read_lock(lock).digests(name)[version]
    artifact = read_artifact(version_folder(lock, name, version), digest)
    if engine := artifact.engine_name():
        raise EngineNeeded(name, engine)
    return artifact


def open_locked(lock: Path, name: str, version: int) -> Predictor:
    """Return a locked version, loaded in this process.

    Raises:
        EngineNeeded: an engine serves it.
        ArtifactError: it is missing or damaged.
    """
    return open_here(read_locked(lock, name, version), version)


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

"""Requests of every dialect over HTTP, through the application that the container runs.

An input is one byte that chooses a dialect of `tests/contracts/damage.py`, header lines, an empty
line, and the body.
"""

import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path

from lading.functions.inference.app.application import create_app
from lading.functions.inference.loading.catalog import load_catalog
from lading.functions.inference.wire.asgi import App
from tests.contracts.damage import DIALECTS, LONGEST, Dialect
from tests.contracts.sent import Sent
from tests.contracts.test_damaged_requests import MODELS, check_error
from tests.fuzz.target import Attempt, Target
from tests.support import sagemaker
from tests.support.driver import ask
from tests.support.engines import proxy
from tests.support.sagemaker import answer
from tests.support.worlds import settings_for

_COMPLETION = b'{"choices":[{"text":"ho","finish_reason":"stop"}]}'
_BY_INDEX = [each for each in DIALECTS.values() if each.server != "management"]
_END = b"\n\n"
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
"""What an HTTP parser allows in no header."""


def _input(index: int, sent: Sent) -> bytes:
    lines = "\n".join(f"{name}: {value}" for name, value in sent.headers.items())
    return bytes([index]) + lines.encode("latin-1") + _END + sent.body


def seeds() -> Iterator[bytes]:
    """Yield a good request of each dialect, and each kind of damage that is short."""
    for index, dialect in enumerate(_BY_INDEX):
        for sent in (dialect.good, *dialect.damage.values()):
            if not sent.path and len(sent.body) <= 2048:
                yield _input(index, sent)


def parsed(data: bytes) -> tuple[Dialect, dict[str, str], bytes]:
    """Return the dialect, the headers and the body that an input stands for."""
    head, _, body = data[1:].partition(_END)
    text = _CONTROLS.sub("", head.decode("latin-1"))
    lines = (line.partition(":") for line in text.split("\n"))
    headers = {name.strip(): value.strip() for name, _, value in lines if name.strip()}
    return _BY_INDEX[data[0] % len(_BY_INDEX)], headers, body


@contextmanager
def opened() -> Iterator[Attempt]:
    """Serve a model for each kind of tensor, and a language model at an engine."""
    with tempfile.TemporaryDirectory() as root, sagemaker.running(answer(_COMPLETION)):
        servers: dict[str, App] = {
            "models": create_app(
                load_catalog(settings_for(Path(root, "models"), MODELS)), longest_body=LONGEST
            ),
            "language": create_app(
                load_catalog(proxy(Path(root, "language"), "m")), longest_body=LONGEST
            ),
        }

        def attempt(data: bytes) -> None:
            if not data:
                return
            dialect, headers, body = parsed(data)
            found = ask(servers[dialect.server], f"POST {dialect.path}", body, headers)
            assert found.status < 500 or found.status == HTTPStatus.NOT_IMPLEMENTED, found.body
            if found.status >= 400:
                check_error(dialect, found)

        yield attempt


TARGET = Target("dialects", opened, seeds)

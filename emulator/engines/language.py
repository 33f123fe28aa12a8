"""Engines for language models on this machine: servers that speak OpenAI's API.

Either a server that the user runs already (vLLM, llama.cpp, Ollama), by its URL, or
`transformers serve` as a child process. SageMaker's own containers accept chats and completions at
`/invocations` and distinguish them by their fields; here the fields choose the path.
"""

import asyncio
import importlib.util
import json
import os
import sys
from functools import partial
from http import HTTPStatus
from pathlib import Path
from urllib.parse import urlsplit

from lading.emulator.engines.container_process import PORT, Program
from lading.emulator.errors import ContainerNotReady, EngineUnavailable, ExchangeBroken
from lading.emulator.processes.http_exchange import Address, exchange
from lading.emulator.processes.json_object import json_object

_NEEDED = ("torch", "transformers", "accelerate", "openai")
_BASE = "/v1"
_WAIT_SECONDS = 5.0


def openai_request(body: bytes, *, base: str, model: str) -> tuple[str, bytes]:
    """Return the path of a request, and the request with the server's own name of the model.

    A request with messages is a chat, any other a completion.
    """
    document = json_object(body)
    operation = "chat/completions" if "messages" in document else "completions"
    return f"{base}/{operation}", json.dumps({**document, "model": model}).encode()


def transformers_program(model: Path) -> Program:
    """Return `transformers serve` of this Python environment, on the CPU, for one model.

    Args:
        model: folder with the model, its tokenizer and its configuration.

    Raises:
        EngineUnavailable: a package is not installed.
    """
    missing = [each for each in _NEEDED if not importlib.util.find_spec(each)]
    if missing:
        reason = (
            f"{', '.join(missing)} not installed; run `make language`, "
            "or give --engine-url of a running server that speaks OpenAI's API"
        )
        raise EngineUnavailable("transformers serve", reason)
    name = str(model.absolute())
    script = "import sys; from transformers.cli.transformers import main; sys.exit(main())"
    options = ["--host", "127.0.0.1", "--port", PORT, "--device", "cpu"]
    return Program(
        [sys.executable, "-c", script, "serve", name, *options],
        {"PATH": os.defpath, "HOME": name, "HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1"},
        ping="/health",
        request=partial(openai_request, base=_BASE, model=name),
    )


class RunningServer:
    """A server of the user that speaks OpenAI's API.

    Args:
        endpoint: name of its endpoint, for error texts.
        url: its URL up to and including the version, as `http://127.0.0.1:8000/v1`.

    Raises:
        EngineUnavailable: the URL cannot be used.
    """

    def __init__(self, endpoint: str, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme != "http" or not parts.hostname:
            raise EngineUnavailable(
                f"the engine URL '{url[:200]}'", "use a URL such as http://127.0.0.1:8000/v1"
            )
        self._endpoint, self._url = endpoint, url
        self._address = Address(parts.hostname, parts.port or 80)
        self._base = parts.path.rstrip("/")
        self._model = ""

    async def start(self) -> None:
        """Read the name of its model.

        Raises:
            ContainerNotReady: it lists none.
        """
        path = f"{self._base}/models"
        try:
            async with (
                asyncio.timeout(_WAIT_SECONDS),
                exchange(self._address, "GET", path, {}) as reply,
            ):
                listed = json_object(await reply.body()).get("data") or [{}]
                self._model = str(listed[0].get("id", "")) if reply.status == HTTPStatus.OK else ""
        except (TimeoutError, ExchangeBroken, AttributeError, LookupError, TypeError) as error:
            raise self._silent() from error
        if not self._model:
            raise self._silent()

    async def address(self) -> Address:
        """Return its address."""
        return self._address

    async def check(self) -> None:
        """Do nothing: its owner restarts it."""

    async def request(self, body: bytes) -> tuple[str, bytes]:
        """Return the path and the body of a request, with the server's own name of the model."""
        return openai_request(body, base=self._base, model=self._model)

    async def stop(self) -> None:
        """Do nothing: its owner stops it."""

    def _silent(self) -> ContainerNotReady:
        reason = f"is {self._url}, which lists no models; start that server, or check the URL"
        return ContainerNotReady(self._endpoint, reason)

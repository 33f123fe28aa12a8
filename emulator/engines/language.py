"""Engines for language models on a laptop: servers that speak OpenAI's API.

Either one that the user runs already (vLLM, llama.cpp, Ollama), by its URL, or `transformers serve`
as a process of ours. SageMaker's own containers take both kinds of request at `/invocations` and
tell them apart by what they hold; here the path is chosen likewise.
"""

import asyncio
import importlib.util
import json
import os
import sys
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from lading.emulator.engines.container_process import PORT, Program
from lading.emulator.errors import ContainerNotReady, EngineUnavailable, ExchangeBroken
from lading.emulator.processes.http_exchange import Address, exchange

_OK = 200
_NEEDED = ("torch", "transformers", "accelerate", "openai")
_BASE = "/v1"
_WAIT_SECONDS = 5.0


def openai_request(body: bytes, *, base: str, model: str) -> tuple[str, bytes]:
    """Where a server takes a request, and the request with the name that the model has there.

    One with messages is a chat, any other a completion.
    """
    document = _document(body)
    operation = "chat/completions" if "messages" in document else "completions"
    return f"{base}/{operation}", json.dumps({**document, "model": model}).encode()


def transformers_program(model: Path) -> Program:
    """`transformers serve` of this very environment, on the processor, for one model.

    Args:
        model: folder with the model, its tokenizer and its configuration.

    Raises:
        EngineUnavailable: it is not installed.
    """
    missing = [each for each in _NEEDED if not importlib.util.find_spec(each)]
    if missing:
        reason = (
            f"{', '.join(missing)} not installed; run `make language`, "
            "or name a running server that speaks OpenAI's API"
        )
        raise EngineUnavailable("transformers serve", reason)
    name = str(model.absolute())
    script = "import sys; from transformers.cli.transformers import main; sys.exit(main())"
    options = ["--host", "127.0.0.1", "--port", PORT, "--device", "cpu"]
    return Program(
        [sys.executable, "-c", script, "serve", name, *options],
        {
            "PATH": os.defpath,
            "HOME": name,
            "HF_HUB_OFFLINE": "1",
            "TRANSFORMERS_OFFLINE": "1",
        },
        ping="/health",
        request=partial(openai_request, base=_BASE, model=name),
    )


class RunningServer:
    """A server that speaks OpenAI's API, and belongs to somebody else.

    Args:
        endpoint: name of its endpoint, for errors.
        url: up to and with the version, `http://127.0.0.1:8000/v1`.

    Raises:
        EngineUnavailable: that is no such URL.
    """

    def __init__(self, endpoint: str, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme != "http" or not parts.hostname:
            raise EngineUnavailable(url[:200], "give a URL as http://127.0.0.1:8000/v1")
        self._endpoint, self._url = endpoint, url
        self._address = Address(parts.hostname, parts.port or 80)
        self._base = parts.path.rstrip("/")
        self._model = ""

    async def start(self) -> None:
        """Learn what it serves.

        Raises:
            ContainerNotReady: it does not say.
        """
        path = f"{self._base}/models"
        try:
            async with (
                asyncio.timeout(_WAIT_SECONDS),
                exchange(self._address, "GET", path, {}) as reply,
            ):
                listed = _document(await reply.body()).get("data") or [{}]
                self._model = str(listed[0].get("id", "")) if reply.status == _OK else ""
        except (TimeoutError, ExchangeBroken, AttributeError, LookupError, TypeError) as error:
            raise self._silent() from error
        if not self._model:
            raise self._silent()

    async def address(self) -> Address:
        """Where it listens."""
        return self._address

    async def check(self) -> None:
        """Do nothing: whether it has ended is for its owner to see."""

    async def request(self, body: bytes) -> tuple[str, bytes]:
        """Where it takes a request, which names the model as it does."""
        return openai_request(body, base=self._base, model=self._model)

    async def stop(self) -> None:
        """Leave it as it is."""

    def _silent(self) -> ContainerNotReady:
        reason = f"is {self._url}, which lists no models; is that server running?"
        return ContainerNotReady(self._endpoint, reason)


def _document(body: bytes) -> dict[str, Any]:
    """The object that a body holds; an empty one when it holds something else."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}

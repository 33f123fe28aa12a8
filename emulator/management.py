"""TorchServe's management API beside the emulated gateway, for the models of `lading serve`."""

import asyncio
import contextlib
import secrets
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from pathlib import Path

from lading.emulator.errors import ServerLibraryMissing
from lading.emulator.processes.server import in_background
from lading.functions.contract.settings import ServingSettings
from lading.functions.inference.app.management_guard import guard
from lading.functions.inference.loading.catalog import Catalog, Check, accept
from lading.functions.inference.loading.control import ModelControl
from lading.functions.inference.wire.asgi import App, Receive, Scope, Send

_TOKEN_BYTES = 32


class Management:
    """The management API of models that are loaded later; earlier requests wait for them.

    Args:
        settings: where the models are.
        token: what callers must send; empty creates one.
        log: writes a line for each request.
        check: called with each artifact before it is opened; see `catalog.load_catalog`.

    Raises:
        ServerLibraryMissing: FastAPI is not installed.
        ValueError: the token is too short.
    """

    def __init__(
        self,
        settings: ServingSettings,
        token: str,
        log: Callable[[str], object],
        check: Check = accept,
    ) -> None:
        try:
            from lading.functions.inference.app.torchserve_management import create_management
        except ModuleNotFoundError as error:
            raise ServerLibraryMissing("the management API", "FastAPI") from error
        self._create, self._settings, self._check = create_management, settings, check
        self._app: Future[App] = Future()
        self.token = token or secrets.token_urlsafe(_TOKEN_BYTES)
        self._guarded = guard(self._wait_for_models, self.token, log)

    def attach(self, catalog: Catalog) -> None:
        """Manage these models, from the folder that they were loaded from."""
        settings = self._settings
        control = ModelControl(catalog, Path(settings.model_root), settings.threads, self._check)
        catalog.attach(control)
        self._app.set_result(self._create(catalog, control))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        await self._guarded(scope, receive, send)

    async def _wait_for_models(self, scope: Scope, receive: Receive, send: Send) -> None:
        app = await asyncio.shield(asyncio.wrap_future(self._app))
        await app(scope, receive, send)

    async def start(self) -> None:
        """See `server.Running`."""

    async def stop(self) -> None:
        """See `server.Running`."""

    @contextlib.contextmanager
    def serving(self, host: str, port: int) -> Iterator[int]:
        """Serve while the block runs, and yield the port.

        Raises:
            AddressUnavailable: the address cannot be used.
        """
        with in_background(self, self, host=host, port=port) as bound:
            yield bound

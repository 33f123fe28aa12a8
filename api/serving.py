"""Serving locked versions on this machine: the emulated API Gateway and Lambda function."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from lading.api.answers import Answer
from lading.api.client import Client
from lading.api.local_endpoint import local_endpoint
from lading.api.locked import LOCK, served_settings
from lading.emulator.engines.local_engines import LocalEngines
from lading.emulator.function.interface import Function
from lading.emulator.function.runtimes import Listeners, Runtime, create_function
from lading.emulator.gateway.api import Access, Gateway
from lading.emulator.processes.server import in_background
from lading.functions.contract.settings import ServingSettings
from lading.functions.inference.entry.http_server import address_of

LOG: Final = Path(".lading/serve.log")
ENGINES: Final = Path(".lading/engines")
_HOST: Final = "127.0.0.1"

OnAccess = Callable[[Access], None]


@dataclass(frozen=True, slots=True)
class LocalServer:
    """A server of this process, and a client of it.

    Args:
        url: its address.
        client: calls it.
        log: the function's log, as JSON lines.
    """

    url: str
    client: Client
    log: Path

    def predict(self, model: str, inputs: Any, **choice: Any) -> Answer:
        """Return a model's answer over HTTP; see `Client.predict`."""
        return self.client.predict(model, inputs, **choice)


@contextmanager
def serve(
    *names: str,
    lock: str | Path = LOCK,
    host: str = _HOST,
    port: int = 0,
    runtime: Runtime = "process",
    threads: int = 0,
    log: str | Path = LOG,
    engine_url: str = "",
    on_access: OnAccess = lambda _: None,
) -> Iterator[LocalServer]:
    """Serve the labeled versions of a lock over HTTP while the block runs.

    The API has the limits of the deployed one, as `lading serve` has.

    Args:
        names: the models; none: all of the lock.
        lock: models.lock.json.
        host: the address to listen on.
        port: 0 chooses a free one.
        runtime: `process`, or AWS's own runtime `lambda` (Linux, `pip install awslambdaric`).
        threads: threads of one prediction; 0: all cores.
        log: the function's log, as JSON lines.
        engine_url: a running server with OpenAI's API, for a model with an engine.
        on_access: called for each answered request.

    Raises:
        NothingLocked: the lock does not have a model, or is empty.
        NotServable: the models cannot be served together.
        EmulatorError: the address cannot be used, or the runtime does not start.
    """
    settings = served_settings(Path(lock), names, threads)
    engines = LocalEngines(ENGINES, ENGINES, server=engine_url, on_progress=lambda _: None)
    with local_endpoint(settings, Path(lock), engines) as (settings, variables):
        function, gateway = service(settings, variables, runtime, Path(log), on_access)
        with in_background(gateway, function, host=host, port=port) as bound:
            url = f"http://{address_of(host, bound)}"
            with Client(url) as client:
                yield LocalServer(url, client, Path(log))


def service(
    settings: ServingSettings,
    variables: Mapping[str, str],
    runtime: Runtime,
    log: Path,
    on_access: OnAccess,
    *,
    listeners: Listeners = Listeners(),  # noqa: B008 it is immutable
) -> tuple[Function, Gateway]:
    """Return the function that answers, and the gateway in front of it.

    Args:
        settings: which models are served, and from which folder.
        variables: environment of AWS's clients under `lambda`.
        runtime: what runs the function.
        log: file to which its output is appended.
        on_access: called for each answered request.
        listeners: callbacks of the service.
    """
    function = create_function(runtime, settings, log=log, listeners=listeners, variables=variables)
    return function, Gateway(function, on_access)

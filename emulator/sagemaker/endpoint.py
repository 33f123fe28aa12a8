"""A SageMaker endpoint on this machine: its state, its limits, and the fleets behind it."""

import asyncio
import contextlib
import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple, Protocol

from lading.emulator.errors import ContainerError
from lading.emulator.processes.http_exchange import Address
from lading.emulator.sagemaker.refusals import (
    broken,
    component_not_found,
    endpoint_not_found,
    invalid,
    no_capacity,
)
from lading.functions.contract.limits import SAGEMAKER
from lading.functions.contract.names import ENDPOINT


class EndpointEngine(Protocol):
    """The program behind an endpoint."""

    async def start(self) -> None:
        """Start, and wait until it is ready.

        Raises:
            ContainerNotReady: it does not become ready.
        """

    async def address(self) -> Address:
        """Return its address, after a restart if it has ended.

        Raises:
            ContainerNotReady: it does not start again.
        """

    async def check(self) -> None:
        """Look at its state after a broken exchange."""

    async def request(self, body: bytes) -> tuple[str, bytes]:
        """Return the path and the body of a request as it expects them."""

    async def stop(self) -> None:
        """Stop."""


@dataclass(frozen=True, slots=True)
class Fleet:
    """The instances of one configuration of an endpoint: here, one engine.

    Args:
        config: name of the configuration.
        engine: the program behind it.
        version: the version of the model that it serves; empty: unknown.
    """

    config: str
    engine: EndpointEngine
    version: str = ""


@dataclass(frozen=True, slots=True)
class Pending:
    """An update under way.

    Args:
        new: the fleet that traffic shifts to.
        share: the share of the requests that it gets.
        started: when the update began, in seconds since 1970.
    """

    new: Fleet
    share: float
    started: float


class Exchanged(NamedTuple):
    """What SageMaker's metrics count of one request.

    Args:
        endpoint: name of the endpoint.
        config: name of the configuration of the fleet that answered.
        status: status of the container's answer; 500 if there is none.
        took_us: how long the container took, in microseconds.
        variant: the variant that answered.
    """

    endpoint: str
    config: str
    status: int
    took_us: float
    variant: str = ENDPOINT.variant


Note = Callable[[Exchanged], Awaitable[None]]
"""Publishes what is counted of one request."""


class Mirror(Protocol):
    """What gets copies of the requests that were answered: a shadow variant."""

    async def start(self) -> None:
        """Start its engine.

        Raises:
            ContainerNotReady: it does not become ready.
        """

    def offer(self, request: "Mirrored") -> None:
        """Take an answered request; return at once."""

    async def stop(self) -> None:
        """Finish what was taken, and stop the engine."""


@dataclass(frozen=True, slots=True)
class Mirrored:
    """A request and the answer that its caller got.

    Args:
        endpoint: name of the endpoint.
        headers: headers for a container.
        body: the request.
        inference_id: what the caller calls the request; empty: nothing.
        content_type: type of the answer.
        answer: the answer.
    """

    endpoint: str
    headers: Mapping[str, str]
    body: bytes
    inference_id: str
    content_type: str
    answer: bytes


class Status(StrEnum):
    """SageMaker's EndpointStatus."""

    creating = "Creating"
    in_service = "InService"
    updating = "Updating"
    system_updating = "SystemUpdating"
    rolling_back = "RollingBack"
    out_of_service = "OutOfService"
    deleting = "Deleting"
    failed = "Failed"
    update_rollback_failed = "UpdateRollbackFailed"


_SERVING = frozenset({Status.in_service, Status.updating, Status.system_updating})
_SERVING |= {Status.rolling_back, Status.update_rollback_failed}


@dataclass(frozen=True, slots=True)
class EndpointLimits:
    """The size and time limits of an endpoint."""

    payload: int = SAGEMAKER.payload_bytes
    """Bytes of a request or a response."""
    seconds: float = 60.0
    """For a complete response, and for the first part of a streamed one."""
    stream_seconds: float = 480.0
    """For a streamed response as a whole."""


@dataclass
class LocalEndpoint:
    """An endpoint.

    Tests set `status` and `copies`.

    Args:
        name: its name.
        engine: the program behind it.
        component: its inference component; empty for an endpoint that holds the model itself.
        limits: its limits.
        asleep: whether it begins without a copy; the first request is refused and wakes it.
        config: name of its configuration; empty: that of the endpoint.
        version: the version of the model that the engine serves; empty: unknown.
        mirror: its shadow variant; None: there is none.
    """

    name: str
    engine: EndpointEngine
    component: str = ""
    limits: EndpointLimits = field(default_factory=EndpointLimits)
    asleep: bool = False
    config: str = ""
    version: str = ""
    mirror: Mirror | None = None
    pending: Pending | None = None
    status: Status = Status.creating
    failure: str = ""
    copies: int = 0
    _waking: asyncio.Task[None] | None = None

    @property
    def log_group(self) -> str:
        """The log group of the container on SageMaker."""
        return f"/aws/sagemaker/Endpoints/{self.name}"

    @property
    def fleet(self) -> Fleet:
        """The fleet that an update replaces."""
        return Fleet(self.config or self.name, self.engine, self.version)

    @property
    def fleets(self) -> list[Fleet]:
        """All fleets that answer now."""
        return [self.fleet, *([self.pending.new] if self.pending else [])]

    def draw(self) -> Fleet:
        """Return the fleet for one request, by the shares of an update."""
        pending = self.pending
        shifted = pending is not None and random.random() < pending.share  # noqa: S311 no secret
        return pending.new if pending and shifted else self.fleet

    def replace(self, fleet: Fleet) -> None:
        """End an update: all traffic goes to this fleet."""
        self.config, self.engine, self.version = fleet.config, fleet.engine, fleet.version
        self.pending = None

    async def start(self) -> None:
        """Bring the endpoint into service.

        Raises:
            ContainerNotReady: its container does not start; the endpoint has failed.
        """
        if not self.asleep:
            await self._start_engine()
        if self.mirror is not None:
            await self.mirror.start()
        self.status = Status.in_service

    async def stop(self) -> None:
        """Stop its engine."""
        if self._waking is not None:
            self._waking.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._waking
        if self.mirror is not None:
            await self.mirror.stop()
        for fleet in self.fleets:
            await fleet.engine.stop()
        self.status, self.copies = Status.deleting, 0

    async def admit(self, component: str, fleet: Fleet) -> Address:
        """Return the address of a fleet's engine for a request.

        Args:
            component: the inference component that the request names; may be empty.
            fleet: the fleet that was drawn for the request.

        Raises:
            SageMakerRefusal: the endpoint cannot accept the request.
        """
        if self.status not in _SERVING:
            raise endpoint_not_found(self.name)
        self._check_component(component)
        if self.copies == 0:
            self._wake()
            raise no_capacity(self.component)
        try:
            return await fleet.engine.address()
        except ContainerError as error:
            raise broken(self.log_group, str(error)) from error

    def _wake(self) -> None:
        """Start its engine in the background, unless that has begun."""
        if self._waking is None or self._waking.done():
            self._waking = asyncio.create_task(self._try_to_start())

    def _check_component(self, component: str) -> None:
        if self.component and not component:
            raise invalid(
                "Inference Component Name header is required for endpoints to which you plan to "
                "deploy inference components. Please include Inference Component Name header or "
                "consider using SageMaker models."
            )
        if component != self.component:
            raise component_not_found(component)

    async def _try_to_start(self) -> None:
        with contextlib.suppress(ContainerError):  # it stays at zero copies; the log says why
            await self._start_engine()

    async def _start_engine(self) -> None:
        try:
            await self.engine.start()
        except ContainerError as error:
            self.status, self.failure = Status.failed, str(error)
            raise
        self.copies = 1

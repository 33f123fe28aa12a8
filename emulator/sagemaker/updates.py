"""Updates of endpoints: SageMaker's blue/green update, and the alarms that roll it back.

A second fleet starts. It gets a share of the requests, and after each wait a larger one. When one
of the alarms of `AutoRollbackConfiguration` is in ALARM, all traffic goes back to the old fleet,
and the endpoint is in service again under its old configuration. No call stops an update.
"""

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from lading.emulator.errors import ContainerError
from lading.emulator.sagemaker.endpoint import Fleet, LocalEndpoint, Pending, Status
from lading.emulator.sagemaker.refusals import SageMakerRefusal, not_found

_LOOK_SECONDS: Final = 0.1
"""Time between two looks at the alarms."""
_SHIFTED: Final = "BlueGreenUpdatePolicy"


@dataclass(frozen=True, slots=True)
class TrafficSteps:
    """How traffic shifts.

    Args:
        shares: the share of the requests of the new fleet in each step; the last one is all.
        wait_s: seconds after each step in which an alarm rolls back.
        alarms: names of the alarms.
    """

    shares: tuple[float, ...]
    wait_s: float
    alarms: tuple[str, ...]

    @classmethod
    def of(cls, deployment: Mapping[str, Any]) -> "TrafficSteps":
        """Read the `DeploymentConfig` of UpdateEndpoint; without a policy, all traffic at once.

        Raises:
            SageMakerRefusal: a step has no size.
        """
        routing = deployment.get(_SHIFTED, {}).get("TrafficRoutingConfiguration", {})
        rollback = deployment.get("AutoRollbackConfiguration", {})
        alarms = tuple(it["AlarmName"] for it in rollback.get("Alarms", ()))
        wait_s = float(routing.get("WaitIntervalInSeconds", 0))
        return cls(tuple(_shares(routing)), wait_s, alarms)


def _shares(routing: Mapping[str, Any]) -> Iterator[float]:
    kind = routing.get("Type", "ALL_AT_ONCE")
    key = {"CANARY": "CanarySize", "LINEAR": "LinearStepSize"}.get(kind)
    if key is not None:
        percent = int(routing.get(key, {}).get("Value", 0))
        if percent not in range(1, 51):
            raise SageMakerRefusal(
                "ValidationException", 400, f"{key} must be 1 to 50 percent, got {percent}"
            )
        ends = range(percent, 100, percent) if kind == "LINEAR" else (percent,)
        yield from (share / 100 for share in ends)
    yield 1.0


@dataclass
class Updates:
    """The updates of an emulated SageMaker.

    Args:
        fleets: the fleets that endpoints can be updated to, by the names of their configurations.
        alarms: returns boto3's client of the CloudWatch that has the alarms.
    """

    fleets: Mapping[str, Fleet] = field(default_factory=dict)
    alarms: Callable[[], Any] | None = None
    _under_way: set[asyncio.Task[None]] = field(default_factory=set)

    def begin(self, endpoint: LocalEndpoint, request: Mapping[str, Any]) -> None:
        """Start an update, as UpdateEndpoint does, and return at once.

        Raises:
            SageMakerRefusal: the endpoint is not in service, or there is no such configuration.
        """
        name = str(request.get("EndpointConfigName"))
        if endpoint.status != Status.in_service:
            text = f'Cannot update in-progress endpoint "{endpoint.name}".'
            raise SageMakerRefusal("ValidationException", 400, text)
        if name not in self.fleets:
            raise not_found("endpoint configuration", name)
        steps = TrafficSteps.of(request.get("DeploymentConfig", {}))
        endpoint.status = Status.updating
        endpoint.pending = Pending(self.fleets[name], 0.0, time.time())
        task = asyncio.create_task(self._run(endpoint, endpoint.pending, steps))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def stop(self) -> None:
        """End all updates where they are."""
        for task in [*self._under_way]:
            task.cancel()
        await asyncio.gather(*self._under_way, return_exceptions=True)

    async def _run(self, endpoint: LocalEndpoint, pending: Pending, steps: TrafficSteps) -> None:
        """Start the new fleet, shift traffic to it in steps, and stop the fleet that is left."""
        kept, left = pending.new, endpoint.fleet
        try:
            await pending.new.engine.start()
        except ContainerError as error:
            endpoint.failure, kept, left = str(error), left, kept
        else:
            if not await self._shift(endpoint, pending, steps):
                endpoint.status, kept, left = Status.rolling_back, left, kept
        endpoint.replace(kept)
        await left.engine.stop()
        endpoint.status = Status.in_service

    async def _shift(self, endpoint: LocalEndpoint, pending: Pending, steps: TrafficSteps) -> bool:
        """Return whether all traffic has shifted, and no alarm has gone off."""
        for share in steps.shares:
            endpoint.pending = Pending(pending.new, share, pending.started)
            ends = time.monotonic() + steps.wait_s
            while True:
                if await asyncio.to_thread(self._in_alarm, steps.alarms):
                    return False
                if time.monotonic() >= ends:
                    break
                await asyncio.sleep(_LOOK_SECONDS)
        return True

    def _in_alarm(self, names: tuple[str, ...]) -> bool:
        if not names or self.alarms is None:
            return False
        found = self.alarms().describe_alarms(AlarmNames=[*names])["MetricAlarms"]
        return any(alarm["StateValue"] == "ALARM" for alarm in found)

"""SageMaker's metrics of each request, published to the CloudWatch of an emulated account.

Each figure has two sets of dimensions, as on SageMaker: endpoint and variant, and these with the
configuration, which differs between the old and the new fleet of an update.
"""

import asyncio
from collections.abc import Callable
from typing import Any, Final

from lading.emulator.sagemaker.endpoint import Exchanged

_NAMESPACE: Final = "AWS/SageMaker"
_CLIENT_ERRORS, _SERVER_ERRORS = 4, 5


class Publisher:
    """Publishes the metrics of requests.

    Args:
        connect: returns boto3's client of CloudWatch; called at the first request.
    """

    def __init__(self, connect: Callable[[], Any]) -> None:
        self._connect, self._client = connect, None

    async def note(self, seen: Exchanged) -> None:
        """Publish the figures of one request; they have arrived when this returns."""
        await asyncio.to_thread(self._publish, seen)

    def _publish(self, seen: Exchanged) -> None:
        client: Any = self._client or self._connect()
        self._client = client
        side = seen.status // 100
        figures = {
            "Invocations": 1.0,
            "Invocation4XXErrors": float(side == _CLIENT_ERRORS),
            "Invocation5XXErrors": float(side == _SERVER_ERRORS),
            "ModelLatency": seen.took_us,
        }
        variant = {"EndpointName": seen.endpoint, "VariantName": seen.variant}
        of_fleet = {**variant, "EndpointConfigName": seen.config}
        data = [
            {
                "MetricName": name,
                "Value": value,
                "Dimensions": [{"Name": key, "Value": it} for key, it in dimensions.items()],
            }
            for name, value in figures.items()
            for dimensions in (variant, of_fleet)
        ]
        client.put_metric_data(Namespace=_NAMESPACE, MetricData=data)


async def unpublished(_seen: Exchanged) -> None:
    """Publish nothing: there is no account."""

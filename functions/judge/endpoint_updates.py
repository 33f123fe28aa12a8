"""The updates of one SageMaker endpoint: which one is under way, and how to roll it back.

SageMaker has no call that stops an update. It rolls an update back when one of the alarms goes off
that the endpoint names for this. So the judge publishes a metric, and one of these alarms is on it.
An update is identified by both of its configurations, `OLD/NEW`: a configuration cannot change, and
each new one has another name.
"""

import time
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import cached_property
from typing import Any, Final

import boto3

from lading.functions.contract.judging import JUDGE
from lading.functions.contract.names import ENDPOINT, METRICS
from lading.functions.judge.records import OwnLog
from lading.functions.judge.rollouts import Shift

_UPDATING: Final = "Updating"
_LONGEST_MS: Final = 24 * 3_600_000
"""An update takes at most 8 hours."""


class EndpointUpdates:
    """The updates of an endpoint.

    Args:
        endpoint: its name.
        function: the value of the dimension of the metric that rolls back.
        log: the judge's own log, which remembers the updates of the last day.
    """

    def __init__(self, endpoint: str, function: str, log: OwnLog) -> None:
        self._endpoint, self._function, self._log = endpoint, function, log
        client: Callable[..., Any] = boto3.client
        self._client = client

    @cached_property
    def _sagemaker(self) -> Any:
        """The client of SageMaker, which only a look during an update needs."""
        return self._client("sagemaker")

    def current(self) -> Shift | None:
        """Return the update that is under way; None for none, or for one that goes back."""
        endpoint = self._sagemaker.describe_endpoint(EndpointName=self._endpoint)
        pending = endpoint.get("PendingDeploymentSummary")
        if endpoint["EndpointStatus"] != _UPDATING or pending is None:
            return None
        old, new = endpoint["EndpointConfigName"], pending["EndpointConfigName"]
        if old == new or any(_old_of(it) == new for it in self._judgements()):
            return None
        started: datetime = pending.get("StartTime") or endpoint["LastModifiedTime"]
        at_ms = int(started.timestamp() * 1000)
        return Shift(f"{old}/{new}", old, new, at_ms, (self._version(old), self._version(new)))

    def shift(self, deployment: str) -> Shift | None:
        """Return the last update to a configuration; None if it has brought an old one back.

        Args:
            deployment: the name of the new configuration.

        Raises:
            ValueError: the judge has not seen such an update.
        """
        found = None
        for line in self._judgements():
            if _old_of(line) == deployment:
                return None
            if line["deployment"].endswith(f"/{deployment}"):
                found = line
        if found is None:
            raise ValueError(f"the judge has not seen the update to {deployment}")
        old, new = found["deployment"].split("/")
        shown = found["old"]["version"], found["new"]["version"]
        return Shift(found["deployment"], old, new, found["started_ms"], shown)

    def stop(self, deployment: str) -> str:
        """Publish the metric whose alarm lets SageMaker roll the update back."""
        del deployment  # an endpoint has one update at a time
        datum = {
            "MetricName": JUDGE.update_worse,
            "Dimensions": [{"Name": METRICS.of_function[0][0], "Value": self._function}],
            "Value": 1,
        }
        self._client("cloudwatch").put_metric_data(Namespace=METRICS.namespace, MetricData=[datum])
        return f"{JUDGE.update_worse} is published; its alarm rolls the update back"

    def _judgements(self) -> list[dict[str, Any]]:
        return [*self._log.judgements(int(time.time() * 1000) - _LONGEST_MS)]

    def _version(self, config: str) -> str:
        """Return the version that a configuration serves; its own name where no variable says."""
        found = self._sagemaker.describe_endpoint_config(EndpointConfigName=config)
        name = found["ProductionVariants"][0]["ModelName"]
        model = self._sagemaker.describe_model(ModelName=name)
        container: Mapping[str, Any] = model.get("PrimaryContainer", {})
        return str(container.get("Environment", {}).get(ENDPOINT.model_version, config))


def _old_of(line: Mapping[str, Any]) -> str:
    return str(line["deployment"]).partition("/")[0]

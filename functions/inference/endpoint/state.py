"""Finds out from SageMaker's control plane why an endpoint does not answer."""

import threading
from collections.abc import Callable
from time import monotonic
from types import MappingProxyType
from typing import Any

from lading.functions.contract.settings import ServedEndpoint

READY, COLD, UPDATING, FAILED = "ready", "cold", "updating", "failed"
UNKNOWN = ""

REMEMBERED_S = 5.0
"""Seconds for which an answer is reused, so that waiting requests do not use up AWS's quota."""

_STATES = MappingProxyType(
    {
        "InService": READY,
        "Creating": UPDATING,
        "Updating": UPDATING,
        "SystemUpdating": UPDATING,
        "RollingBack": UPDATING,
        "OutOfService": FAILED,
        "Deleting": FAILED,
        "Failed": FAILED,
        "UpdateRollbackFailed": FAILED,
    }
)
"""EndpointStatus and InferenceComponentStatus, as SageMaker's API reference lists them."""


class EndpointState:
    """The state of one endpoint, as the control plane reports it.

    Args:
        settings: names the endpoint, and the inference component on it.
        control: returns a `sagemaker` client with short timeouts.
    """

    def __init__(self, settings: ServedEndpoint, control: Callable[[], Any]) -> None:
        self._settings, self._control = settings, control
        self._known, self._asked = UNKNOWN, float("-inf")
        self._alone = threading.Lock()

    def ask(self) -> str:
        """Return `ready`, `cold`, `updating` or `failed`; empty when the state is unknown."""
        with self._alone:
            if monotonic() - self._asked > REMEMBERED_S:
                self._known = self._describe()
                self._asked = monotonic()
            return self._known

    def _describe(self) -> str:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            client = self._control()
            endpoint = client.describe_endpoint(EndpointName=self._settings.name)
            state = _STATES.get(endpoint["EndpointStatus"], UNKNOWN)
            if state != READY or not self._settings.component:
                return state
            return _component_state(
                client.describe_inference_component(InferenceComponentName=self._settings.component)
            )
        except ClientError as error:
            missing = "could not find" in error.response["Error"].get("Message", "").lower()
            return FAILED if missing else UNKNOWN
        except BotoCoreError:
            return UNKNOWN


def _component_state(component: dict[str, Any]) -> str:
    """Return a component's state; without copies it is `cold`, also if AWS reports updating."""
    state = _STATES.get(component["InferenceComponentStatus"], UNKNOWN)
    copies = component.get("RuntimeConfig", {}).get("CurrentCopyCount", 1)
    return COLD if state in (READY, UPDATING) and not copies else state

"""Settings of the processes that Lambda starts, read from the environment in one place.

They are apart from those of the container, which may import what Lambda's layer lacks.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass

from lading.functions.contract.names import ADAPTER, MANAGED
from lading.functions.inference.entry.numbers import number_of, port_of


@dataclass(frozen=True, slots=True)
class AdapterSettings:
    """Settings of the process behind the Lambda Web Adapter.

    The name and version of its function are named as in Lambda's context, which the log reads.
    """

    function_name: str
    function_version: str
    port: int = ADAPTER.default_port
    at_once: int = 1
    """Requests that the process answers at once: several on Lambda Managed Instances only."""
    require_gpu: bool = False
    """Whether the process must not start without a GPU."""

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> "AdapterSettings":
        """Read the variables that Lambda and the adapter set.

        Raises:
            ValueError: a variable is invalid; the text names it.
        """
        name = environment.get("AWS_LAMBDA_FUNCTION_NAME", "")
        version = environment.get("AWS_LAMBDA_FUNCTION_VERSION", "")
        port = port_of(environment, ADAPTER.port, ADAPTER.default_port)
        at_once = number_of(environment, MANAGED.at_once, 1)
        gpu = environment.get(MANAGED.require_gpu, "").lower() == "true"
        return cls(name, version, port, at_once, gpu)

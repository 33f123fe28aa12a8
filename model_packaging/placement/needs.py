"""The measurements of a model, from which its place is chosen."""

import math
from dataclasses import dataclass

from lading.functions.contract.limits import LAMBDA, MEGABYTE
from lading.functions.inference.artifact.specification import PYTHON

GIGABYTE = 1 << 30
SERVICE_MS = 1.0
"""Time of the service itself on one processor, without the model."""
_SPARE = 1.3
"""Factor on the measured memory, for larger requests."""
_SERVICE_BYTES = 64 * MEGABYTE
_MOST_PAYLOAD = LAMBDA.request_bytes * 3 // 4
"""Of a request and of its answer, before they are encoded in base64."""


@dataclass(frozen=True, slots=True)
class Needs:
    """The measurements of a model.

    Args:
        name: the model.
        model_bytes: the size of the loaded files.
        converted: whether it is an ONNX model, which Lambda could run; only then are the other
            figures known.
        peak_bytes: memory of a process that serves it.
        one_processor_ms: time of one request on one processor.
        request_bytes: the size of the arrays of that request and its answer.
        load_ms: time to load the model; 0: unknown.
        runtime: the runtime of a model that is not converted; empty: onnxruntime.
        packages_bytes: an estimate of the layer of a class of the user's own.
    """

    name: str
    model_bytes: int
    converted: bool = True
    peak_bytes: int = 0
    one_processor_ms: float = 0.0
    request_bytes: int = 0
    load_ms: float = 0.0
    runtime: str = ""
    packages_bytes: int = 0

    @property
    def runs_code(self) -> bool:
        """Whether it is a class of the user's own."""
        return self.runtime == PYTHON

    @property
    def runs_with(self) -> str:
        """What its function has beside the service, as a part of a sentence; empty: nothing."""
        if self.runs_code:
            size = readable_size(self.packages_bytes)
            layer = f", with a layer of its packages, about {size}"
            return f"runs your code{layer if self.packages_bytes else ''}"
        return f"with the layer of {self.runtime}" if self.runtime else ""

    @property
    def memory_mb(self) -> int:
        """MB of memory that one process needs to serve the model."""
        return math.ceil((self.peak_bytes * _SPARE + _SERVICE_BYTES) / MEGABYTE)

    @property
    def answer_ms(self) -> float:
        """Time of one answer on one processor, with that of the service."""
        return self.one_processor_ms + SERVICE_MS

    def refused_by_events(self) -> str:
        """Return why no function could answer, whatever it runs on; empty if one could."""
        if not self.converted:
            return "its engine runs in a SageMaker container"
        if self.request_bytes > _MOST_PAYLOAD:
            size, limit = readable_size(self.request_bytes), LAMBDA.request_bytes // MEGABYTE
            return f"one request and its answer have {size}, over {limit} MB encoded"
        return ""


def readable_size(count: int) -> str:
    """Format a size as AWS counts its limits: a kilobyte has 1024 bytes."""
    for unit, name in ((GIGABYTE, "GB"), (MEGABYTE, "MB")):
        if count >= unit:
            return f"{count / unit:.1f} {name}"
    return f"{count / 1024:.1f} KB"

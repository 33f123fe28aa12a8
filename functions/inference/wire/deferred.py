"""The response that stands for an answer which comes later."""

from dataclasses import dataclass

from lading.functions.inference.wire.messages import Response


@dataclass(frozen=True, slots=True)
class Deferred(Response):
    """The response of a request that an asynchronous endpoint has accepted inside a job.

    The endpoint will write its answer to `output`, or what went wrong to `failure`.
    """

    output: str = ""
    failure: str = ""

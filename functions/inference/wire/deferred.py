"""The places of an answer that comes later."""

from typing import NamedTuple


class Deferred(NamedTuple):
    """Where the answer to a request will be that an asynchronous endpoint has accepted in a job.

    The endpoint will write its answer to `output`, or what went wrong to `failure`.
    """

    output: str
    failure: str

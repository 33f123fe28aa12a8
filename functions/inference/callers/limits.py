"""The limits on callers, all in one place."""

import sys
from dataclasses import dataclass

from lading.functions.contract.names import CONTAINER

LONGEST_HEAD = 64 * 1024
"""Bytes of the head of a request: the limit of uvicorn's parser; API Gateway accepts 10 KB."""


@dataclass(frozen=True, slots=True)
class CallerLimits:
    """The limits on the callers of a server, over HTTP and over gRPC.

    Args:
        longest_body: bytes of a body; one that is announced longer is refused before it is read.
        head_s: seconds from a connection, or from the first byte of a request, to its whole head.
        body_s: seconds that a body may take, besides those that it needs at the lowest rate; also
            the seconds in which a caller must take some of its answer.
        slowest: the lowest rate, in bytes per second.
        most_connections: connections over HTTP at the same time.
        spare_descriptors: file descriptors that connections leave free, for models, S3 and gRPC.
        most_calls: concurrent calls over gRPC, with streams.
        idle_stream_s: seconds after which a stream of gRPC ends whose client sends nothing.
        grace_s: seconds from the signal to stop until what is not answered is refused.
        linger_s: of these, seconds in which connections are still accepted and kept.
    """

    longest_body: int = sys.maxsize
    head_s: int = 20
    body_s: int = 20
    slowest: int = 1024
    most_connections: int = 4096
    spare_descriptors: int = 128
    most_calls: int = 1024
    idle_stream_s: int = 600
    grace_s: int = CONTAINER.grace_seconds
    linger_s: int = 0

"""Runs several calls at once, each of which waits for another process.

A thread is started for each: that takes a small part of the time of a request over the network, and
calls inside calls never wait for a free thread. They see the context of the caller.
"""

from collections.abc import Callable, Sequence
from contextvars import copy_context
from typing import TypeVar

T = TypeVar("T")


def together(calls: Sequence[Callable[[], T]]) -> list[T]:
    """Return the results in the order of the calls; the last call runs in the caller's thread.

    Raises:
        Exception: the error of the first call that failed, when all have ended.
    """
    *others, last = calls
    if not others:
        return [last()]
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(len(others), "graph") as threads:
        waiting = [threads.submit(copy_context().run, call) for call in others]
        here = last()
    return [*(each.result() for each in waiting), here]

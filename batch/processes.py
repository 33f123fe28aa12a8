"""Starts worker processes that import what they need, and not the command that started them."""

import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from types import ModuleType
from typing import Any, TypeVar

Answer = TypeVar("Answer")


def start_pool(workers: int, initializer: Callable[[], object]) -> ProcessPoolExecutor:
    """Return a pool of new interpreters; a forked process would share locks and descriptors."""
    return ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=initializer)


def submit(
    pool: ProcessPoolExecutor, work: Callable[..., Answer], *arguments: Any
) -> Future[Answer]:
    """Give a pool some work; its processes start with the first.

    Raises:
        BrokenProcessPool: one of them has died.
    """
    with _hidden_main():
        return pool.submit(work, *arguments)


@contextmanager
def _hidden_main() -> Iterator[None]:
    """Hide the module `__main__`: each new process would import it first.

    For the command `lading` that takes 1.5 s of processor time, eight times what a worker needs.
    """
    main = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main

"""Memory and processor time of this process are read when somebody scrapes."""

import resource
from time import time

from lading.functions.inference.observability.families import Registry
from lading.functions.inference.observability.process import show_process


def test_memory_processor_time_and_start_are_those_of_this_process() -> None:
    registry = Registry()
    show_process(registry)
    first, second = registry.snapshot(), registry.snapshot()
    ((_, _, (memory,), _),) = first["process_resident_memory_bytes"]
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    assert 10_000_000 < memory <= most * 1.1
    ((_, _, (before,), _),) = first["process_cpu_seconds"]
    ((_, _, (after,), _),) = second["process_cpu_seconds"]
    assert 0 < before <= after
    ((_, _, (started,), _),) = first["process_start_time_seconds"]
    assert time() - 3600 * 24 < started == second["process_start_time_seconds"][0][2][0] <= time()

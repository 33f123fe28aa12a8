"""What a batch on AWS costs: estimated before it starts, and calculated after.

All prices are those of `prices.yaml`.
"""

from dataclasses import dataclass

TRANSITIONS_A_PART, WRITES_A_PART, READS_A_PART = 3, 3, 3
"""Transitions of a part in a standard workflow, and its requests to S3."""

START_SECONDS = 300.0
"""About the time in which a job's instance starts; AWS bills it."""

_DECODING_MS = 0.05
"""Processor time of a row beside the model: it is decoded, and its answer is encoded."""
_SHARE_OF_TIME = 3
"""A part takes at most a third of the function's time, so that a slow one ends, too."""


@dataclass(frozen=True, slots=True)
class FunctionPrice:
    """What a function costs, in dollars.

    Args:
        gb_second: of a second with a GB of memory.
        request: of an invocation.
        memory_gb: the function's memory.
        transition: of a state transition.
        write: of a request that writes to S3.
        read: of a request that reads from S3.
    """

    gb_second: float
    request: float
    memory_gb: float
    transition: float
    write: float
    read: float


@dataclass(frozen=True, slots=True)
class InstancePrice:
    """What the instances of a job cost.

    Args:
        hour: dollars of an instance for an hour.
        processors: of an instance.
        count: the number of instances.
    """

    hour: float
    processors: int
    count: int


def row_ms(measured_ms: float) -> float:
    """Return the time of a row, from the model's own, in milliseconds."""
    return measured_ms + _DECODING_MS


def rows_of_a_part(measured_ms: float, timeout_s: float, most: int) -> int:
    """Return how many rows a part may have, so that the function ends in time."""
    return max(1, min(most, int(timeout_s * 1000 / _SHARE_OF_TIME / row_ms(measured_ms))))


def cost(price: FunctionPrice, seconds: float, parts: int) -> float:
    """Return the dollars of a batch that a function answers.

    Args:
        price: of the function.
        seconds: the time of all parts together.
        parts: the number of parts.
    """
    engine = price.transition * TRANSITIONS_A_PART
    engine += price.write * WRITES_A_PART + price.read * READS_A_PART
    compute = seconds * price.memory_gb * price.gb_second
    return compute + parts * (price.request + engine)


def job_cost(price: InstancePrice, seconds: float) -> float:
    """Return the dollars of a job whose instances run for so many seconds."""
    return price.hour * price.count * seconds / 3600


def job_seconds(price: InstancePrice, rows: int, measured_ms: float) -> float:
    """Return how long a job would take on its processors; a GPU, if it has one, is faster."""
    work = rows * row_ms(measured_ms) / 1000
    return START_SECONDS + work / (price.processors * price.count)

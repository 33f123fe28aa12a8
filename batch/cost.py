"""What a batch on AWS costs: estimated before it starts, and calculated after.

Prices of Step Functions and S3 are those of us-east-1, 2026-11-29; Lambda's are in `prices.yaml`.
https://aws.amazon.com/step-functions/pricing/ and https://aws.amazon.com/s3/pricing/
"""

from dataclasses import dataclass

TRANSITION = 0.025 / 1000
"""Dollars of a state transition of a standard workflow."""
TRANSITIONS_A_PART = 3
WRITE, READ = 0.005 / 1000, 0.0004 / 1000
"""Dollars of a request that writes to S3, and of one that reads."""
WRITES_A_PART, READS_A_PART = 3, 2

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
    """

    gb_second: float
    request: float
    memory_gb: float


def row_ms(measured_ms: float) -> float:
    """Return the time of a row, from the model's own, in milliseconds."""
    return measured_ms + _DECODING_MS


def rows_of_a_part(measured_ms: float, timeout_s: float, most: int) -> int:
    """Return how many rows a part may have, so that the function ends in time."""
    return max(1, min(most, int(timeout_s * 1000 / _SHARE_OF_TIME / row_ms(measured_ms))))


def cost(price: FunctionPrice, seconds: float, parts: int) -> float:
    """Return the dollars of a batch.

    Args:
        price: of the function.
        seconds: the time of all parts together.
        parts: the number of parts.
    """
    engine = TRANSITION * TRANSITIONS_A_PART + WRITE * WRITES_A_PART + READ * READS_A_PART
    compute = seconds * price.memory_gb * price.gb_second
    return compute + parts * (price.request + engine)

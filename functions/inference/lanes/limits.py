"""The limits of the queue of requests, all in one place."""

from dataclasses import dataclass
from typing import Final

from lading.functions.inference.entry.processors import processors

MIB: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class LaneLimits:
    """The limits of what waits and of what runs, for each model and for all models.

    Args:
        most_waiting: requests that wait for one model.
        most_waiting_in_all: requests that wait for all models.
        most_bytes: bytes of the bodies of one model's requests, from their arrival to their answer.
        most_bytes_in_all: the same of all models.
        threads: threads that predict with one model at the same time; 0: one for each processor
            that this process may use.
        most_rows: rows of several requests in one run of a model; 1 never joins requests.
        most_of_a_caller: requests of one caller under way, where a gateway names callers.
    """

    most_waiting: int = 100
    most_waiting_in_all: int = 1000
    most_bytes: int = 256 * MIB
    most_bytes_in_all: int = 512 * MIB
    threads: int = 0
    most_rows: int = 16
    most_of_a_caller: int = 50

    def threads_of_a_lane(self) -> int:
        """Return how many threads may predict with one model at the same time."""
        return self.threads or processors()

"""The log lines and the metrics of calls, written after their answers have left."""

import asyncio

from lading.functions.inference.observability.line import Exchange
from lading.functions.inference.observability.log import Observability, new_request_id
from lading.functions.inference.wire.messages import Observation


class CallRecords:
    """The records of the calls of one turn of the event loop, which are written at its end.

    Args:
        observability: writes them.
    """

    def __init__(self, observability: Observability) -> None:
        self._observability = observability
        self._ended: list[tuple[str, int, Observation]] = []

    def add(self, path: str, status: int, observation: Observation) -> None:
        """Keep the record of a call that has ended."""
        observation.finish()
        self._ended.append((path, status, observation))
        if len(self._ended) == 1:
            asyncio.get_running_loop().call_soon(self.write)

    def write(self) -> None:
        """Write what has been kept."""
        ended, self._ended = self._ended, []
        for path, status, observation in ended:
            exchange = Exchange("POST", path, status, new_request_id())
            self._observability.note(exchange, observation)
        self._observability.flush()

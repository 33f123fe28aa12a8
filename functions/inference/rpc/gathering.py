"""The calls of one turn of the event loop: they are decoded one by one, and predicted together."""

import asyncio
from typing import Any, Final, TypeVar

from lading.functions.inference.lanes.lanes import Lanes
from lading.functions.inference.lanes.turn import Turn

T = TypeVar("T")


_SMALL: Final = 64 * 1024
"""Bytes of a request that gathers; tensors of several larger ones do not fit into the cache."""


class Gathering:
    """Calls that have been decoded in this turn of the event loop, which it runs at its end.

    It waits for nothing: what a client has sent later is in the next one.

    Args:
        lanes: predicts, here or in a thread.
    """

    def __init__(self, lanes: Lanes) -> None:
        self._lanes = lanes
        self._decoded: list[tuple[Turn[Any], asyncio.Future[None]]] = []

    async def answered(self, turn: Turn[T]) -> T:
        """Return the result of a turn that has been decoded.

        Raises:
            InferenceError: see `Lanes.predict_decoded`.
            asyncio.CancelledError: the client is gone.
        """
        if turn.size > _SMALL and not turn.done():
            self._lanes.predict_decoded([turn])
        elif not turn.done():
            loop = asyncio.get_running_loop()
            self._decoded.append((turn, tried := loop.create_future()))
            if len(self._decoded) == 1:
                loop.call_soon(self._predict)
            try:
                await tried
            except asyncio.CancelledError:
                turn.cancel()
                raise
        return turn.result() if turn.done() else await asyncio.wrap_future(turn)

    def _predict(self) -> None:
        decoded, self._decoded = self._decoded, []
        self._lanes.predict_decoded([turn for turn, tried in decoded if not tried.done()])
        for _, tried in decoded:
            if not tried.done():
                tried.set_result(None)

"""The calls that have arrived: they are decoded, predicted and answered together.

grpc.aio hands out one call in several turns of its event loop, however many have arrived. Answered
one by one, each takes twice the processor time: its code has left the processor's caches by then.
So calls gather as long as grpc.aio hands out more.
"""

import asyncio
from collections.abc import Callable
from typing import Any, Final, NamedTuple, TypeVar

from lading.functions.inference.lanes.joining import USUAL_ROWS
from lading.functions.inference.lanes.lanes import Lanes
from lading.functions.inference.lanes.turn import Turn

T = TypeVar("T")

_SMALL: Final = 64 * 1024
"""Bytes of a request that gathers; tensors of several larger ones do not fit into the cache."""

_UNTIL_NEXT: Final = 4
"""Turns of the event loop in which grpc.aio announces the next call, if it has one."""
_UNTIL_REQUEST: Final = 8
"""Turns of the event loop in which the request of an announced call follows, if it is there."""


class _Asked(NamedTuple):
    begin: Callable[[], Turn[Any]]
    begun: asyncio.Future[Turn[Any]]


class GatheredCalls:
    """Calls that are answered once grpc.aio hands out no more, or they are many.

    It waits for nothing that a client has yet to send, only for a few turns of the event loop.

    Args:
        lanes: predicts, here or in a thread.
        most: calls that are answered together.
    """

    def __init__(self, lanes: Lanes, most: int = USUAL_ROWS) -> None:
        self._lanes, self._most = lanes, most
        self._asked: list[_Asked] = []
        self._announced = 0
        """Calls whose requests have not come yet."""
        self._turns = 0
        """Turns of the event loop since the last of them was announced or came."""

    def announce(self) -> None:
        """Note that a call has been opened, whose request follows."""
        self._announced += 1
        self._turns = 0

    def arrive(self) -> None:
        """Note that the request of such a call is there."""
        self._announced -= self._announced > 0

    async def answered(self, begin: Callable[[], Turn[T]], size: int) -> T:
        """Return the result of a call.

        Args:
            begin: decodes the request, unless its client has left by then.
            size: bytes of the request.

        Raises:
            InferenceError: see `Lanes.predict_decoded`.
            asyncio.CancelledError: the client is gone.
        """
        turn = begin() if size > _SMALL else await self._begun(begin)
        if size > _SMALL and not turn.done():
            self._lanes.predict_decoded([turn])
        return turn.result() if turn.done() else await asyncio.wrap_future(turn)

    async def _begun(self, begin: Callable[[], Turn[T]]) -> Turn[T]:
        """Let a call gather; return its turn, which has run or waits in its lane."""
        loop = asyncio.get_running_loop()
        begun: asyncio.Future[Turn[T]] = loop.create_future()
        self._asked.append(_Asked(begin, begun))
        self._turns = 0
        if len(self._asked) == 1:
            loop.call_soon(self._gather)
        try:
            return await begun
        except asyncio.CancelledError:
            if begun.done() and not begun.cancelled():  # at the same time as it was begun
                begun.result().cancel()
            raise

    def _gather(self) -> None:
        """Answer, or let the event loop turn once more."""
        self._turns += 1
        if self._turns > _UNTIL_REQUEST:
            self._announced = 0  # their clients are slow, or have left
        enough = self._turns > (_UNTIL_REQUEST if self._announced else _UNTIL_NEXT)
        if enough or len(self._asked) >= self._most:
            self._answer()
        else:
            asyncio.get_running_loop().call_soon(self._gather)

    def _answer(self) -> None:
        asked, self._asked = self._asked, []
        begun = [(each.begin(), each.begun) for each in asked if not each.begun.done()]
        self._lanes.predict_decoded([turn for turn, _ in begun if not turn.done()])
        for turn, future in begun:
            future.set_result(turn)

"""The short way of a usual request: from the HTTP parser to the model, past the application.

It takes POSTs on routes that have answered before. What arrives in one turn of the event loop is
decoded together, predicted together, encoded together and sent; then it is logged and counted. A
model that is not quick, and a long body, go to a thread. `docs/architecture.md` has the whole page.
"""

from asyncio import AbstractEventLoop, Future, wrap_future
from collections.abc import Sequence
from concurrent.futures import Executor
from functools import partial
from typing import Final

from lading.functions.contract.errors import CallerGone
from lading.functions.contract.statuses import status_of
from lading.functions.inference.entry.answer_bytes import answer_bytes
from lading.functions.inference.entry.known_routes import KnownRoutes
from lading.functions.inference.entry.passage import Passage
from lading.functions.inference.entry.quick_models import QuickModels
from lading.functions.inference.lanes.joining import Asked, predict_together
from lading.functions.inference.loading.catalog import Catalog
from lading.functions.inference.observability.line import Exchange
from lading.functions.inference.observability.log import Observability
from lading.functions.inference.wire.asgi import App, Receive, Scope, Send
from lading.functions.inference.wire.messages import OBSERVATION, Observation

LONG_BODY: Final = 64 * 1024
"""Bytes of a body from which its request is decoded in a thread."""

MOST_AT_ONCE: Final = 16
"""Requests of one turn; more wait for the next one, so that health checks come in between."""

_SERVER_ERROR: Final = 500


class ShortWay:
    """What the connections of one server share.

    Args:
        catalog: the models at the root.
        observability: where the requests are logged and counted.
        executor: the threads for models that are not quick, and for long bodies.
        longest_body: the longest body in bytes.
    """

    def __init__(
        self, catalog: Catalog, observability: Observability, executor: Executor, longest_body: int
    ) -> None:
        self.longest_body = longest_body
        self.routes = KnownRoutes(catalog)
        self._observability, self._executor = observability, executor
        self._quick = QuickModels()
        self._arrived: list[Passage] = []
        self._ended: list[Passage] = []

    def learning(self, app: App) -> App:
        """Return `app`, whose answered predictions teach this way their routes.

        It belongs inside the middleware of the log, which keeps the observation.
        """

        async def learned(scope: Scope, receive: Receive, send: Send) -> None:
            await app(scope, receive, send)
            seen: Observation | None = scope.get(OBSERVATION)
            if seen is None or seen.compute_ended is None or seen.error is not None:
                return
            if scope["method"] == "POST" and not scope["query_string"]:
                self.routes.learn(scope["path"])

        return learned

    def take(self, passage: Passage) -> None:
        """Take a request whose body is complete."""
        passage.complete = True
        if sum(map(len, passage.chunks)) > LONG_BODY:
            self._hand_over(passage)
            return
        self._arrived.append(passage)
        if len(self._arrived) == 1:
            passage.protocol.loop.call_soon(self._turn, passage.protocol.loop)

    def note(self, passage: Passage) -> None:
        """Log and count a request that has ended, once the answers of this turn are out."""
        self._ended.append(passage)
        if len(self._ended) == 1:
            passage.protocol.loop.call_soon(self._note_all)

    def _turn(self, loop: AbstractEventLoop) -> None:
        """Answer what has arrived."""
        turn, self._arrived = self._arrived[:MOST_AT_ONCE], self._arrived[MOST_AT_ONCE:]
        if self._arrived:
            loop.call_soon(self._turn, loop)
        quick = [passage for passage in turn if self._is_quick(passage)]
        _predict(quick)
        for passage in quick:
            self._send(passage)

    def _is_quick(self, passage: Passage) -> bool:
        """Decode a request; return whether the rest of it is for the event loop."""
        if passage.disconnected:
            self._lose(passage)
            return False
        passage.decode()
        if passage.prediction is None or passage.prediction.predictor in self._quick:
            return True  # it has been refused, or its model is quick
        self._hand_over(passage)
        return False

    def _hand_over(self, passage: Passage) -> None:
        """Have a thread do the rest."""
        waiting = wrap_future(self._executor.submit(passage.work), loop=passage.protocol.loop)
        passage.waiting = waiting
        passage.protocol.tasks.add(waiting)  # type: ignore[arg-type] # has `cancel`, as a task
        waiting.add_done_callback(partial(self._take_back, passage))

    def _take_back(self, passage: Passage, waiting: "Future[None]") -> None:
        passage.protocol.tasks.discard(waiting)
        passage.waiting = None
        if waiting.cancelled():
            self._lose(passage)
            return
        waiting.result()
        self._send(passage)

    def _lose(self, passage: Passage) -> None:
        """Log a request that is not answered: its caller is gone, or the server stops."""
        if passage.disconnected:
            passage.observation.error = CallerGone("a thread was free")
        self.note(passage)

    def _send(self, passage: Passage) -> None:
        response, protocol = passage.answer, passage.protocol
        assert response is not None, "it has been answered"
        self._measure(passage)
        passage.observation.finish()
        self.note(passage)  # before the next request of this connection is
        if not passage.disconnected:
            usual = protocol.server_state.default_headers
            content = answer_bytes(
                response, usual, passage.request_id, keep_alive=passage.keep_alive
            )
            protocol.transport.write(content)
            passage.response_complete = True
            if not passage.keep_alive:
                protocol.transport.close()
            protocol.on_response_complete()

    def _measure(self, passage: Passage) -> None:
        seen, prediction = passage.observation, passage.prediction
        if prediction is None or seen.error is not None:
            return
        assert seen.compute_started is not None, "it has been computed"
        assert seen.compute_ended is not None, "it has been computed"
        self._quick.note(prediction.predictor, seen.compute_ended - seen.compute_started)

    def _note_all(self) -> None:
        ended, self._ended = self._ended, []
        for passage in ended:
            exchange = Exchange("POST", passage.route.path, _status(passage), passage.request_id)
            self._observability.note(exchange, passage.observation)
        self._observability.flush()


def _predict(passages: Sequence[Passage]) -> None:
    """Predict what several requests want in as few runs as their models allow, and encode."""
    asked = [
        (passage, Asked(passage.prediction, passage.observation))
        for passage in passages
        if passage.prediction is not None
    ]
    if len(asked) == 1:
        asked[0][0].predict()
        return
    outcomes = predict_together([each for _, each in asked])
    for (passage, _), outcome in zip(asked, outcomes, strict=True):
        passage.finish(outcome)


def _status(passage: Passage) -> int:
    if passage.answer is not None:
        return passage.answer.status
    error = passage.observation.error
    return status_of(error) if isinstance(error, CallerGone) else _SERVER_ERROR

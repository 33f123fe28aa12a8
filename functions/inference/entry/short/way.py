"""The short way of a usual request: from the HTTP parser to the model, past the application.

It takes POSTs on routes that have answered before. What arrives in one turn of the event loop is
decoded together, predicted together, encoded together and sent; then it is logged and counted. A
model that is not quick, and a long body, go to a thread. `docs/architecture.md` has the whole page.
"""

from asyncio import AbstractEventLoop, Future, wrap_future
from collections.abc import Sequence
from functools import partial
from typing import Final

from lading.functions.contract.errors import CallerGone, InferenceError, ServerStopping
from lading.functions.contract.statuses import status_of
from lading.functions.inference.app.waiting import lane_of_model
from lading.functions.inference.entry.short.answer_bytes import answer_bytes
from lading.functions.inference.entry.short.known_routes import KnownRoutes
from lading.functions.inference.entry.short.long_body import BodyRoom
from lading.functions.inference.entry.short.passage import Passage
from lading.functions.inference.lanes.joining import Asked
from lading.functions.inference.lanes.lanes import Lanes
from lading.functions.inference.loading.catalog import Catalog
from lading.functions.inference.models.predictor import Predictor
from lading.functions.inference.observability.line import Exchange
from lading.functions.inference.observability.log import Observability
from lading.functions.inference.wire.asgi import App, Receive, Scope, Send
from lading.functions.inference.wire.messages import OBSERVATION, Observation

LONG_BODY: Final = 64 * 1024
"""Bytes of a body from which its request is decoded in a thread; binary tensors do not count."""

MOST_AT_ONCE: Final = 16
"""Requests of one turn; more wait for the next one, so that health checks come in between.

So do those after the one with which the bodies of a turn reach `LONG_BODY`.
"""

_SERVER_ERROR: Final = 500


class ShortWay:
    """What the connections of one server share.

    Args:
        catalog: the models at the root.
        observability: where the requests are logged and counted.
        lanes: the queue for models that are not quick, and for long bodies.
        longest_body: the longest body in bytes.
    """

    def __init__(
        self, catalog: Catalog, observability: Observability, lanes: Lanes, longest_body: int
    ) -> None:
        self.longest_body = longest_body
        self.routes, self.room = KnownRoutes(catalog), BodyRoom()
        self._observability, self._lanes = observability, lanes
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
        passage.size = passage.observation.received = sum(map(len, passage.chunks))
        if passage.size > LONG_BODY and passage.json_size(passage.size) > LONG_BODY:
            self._hand_over(passage)
            return
        self._arrived.append(passage)
        if len(self._arrived) == 1:
            passage.protocol.loop.call_soon(self._turn, passage.protocol.loop)

    def refuse(self, passage: Passage, error: InferenceError) -> None:
        """Answer a request with an error; its body need not be complete."""
        passage.refuse(error)
        self._send(passage)

    def note(self, passage: Passage) -> None:
        """Log and count a request that has ended, once the answers of this turn are out."""
        self._ended.append(passage)
        if len(self._ended) == 1:
            passage.protocol.loop.call_soon(self._note_all)

    def _turn(self, loop: AbstractEventLoop) -> None:
        """Answer what has arrived."""
        turn, self._arrived = _one_turn(self._arrived)
        if self._arrived:
            loop.call_soon(self._turn, loop)
        by_model: dict[Predictor | None, list[Passage]] = {}
        for passage in turn:
            if passage.disconnected:
                self._lose(passage)
                continue
            passage.decode()
            wanted = passage.prediction
            by_model.setdefault(wanted.predictor if wanted else None, []).append(passage)
        for passage in by_model.pop(None, ()):
            self._send(passage)  # it has been refused
        for model, asking in by_model.items():
            assert model is not None
            self._predict(model, asking)

    def _predict(self, model: Predictor, asking: Sequence[Passage]) -> None:
        """Answer decoded requests here if their model is quick and free; else in its lane."""
        size = sum(passage.size for passage in asking)
        asked = [Asked(it.prediction, it.observation) for it in asking if it.prediction is not None]
        alone = len(asking[0].protocol.connections) == 1
        found = self._lanes.predict_here(model, asked, size, alone=alone)
        for place, passage in enumerate(asking):
            if found is None:
                self._hand_over(passage)
            else:
                passage.finish(found[place])
                self._send(passage)

    def _hand_over(self, passage: Passage) -> None:
        """Let the rest wait for a thread in the lanes."""
        if not passage.attempt(self._submit, passage):
            passage.observation.dialect = passage.route.dialect.name
            self._send(passage)

    def _submit(self, passage: Passage) -> None:
        model = lane_of_model(passage.route.parameters, passage.catalog)
        turn = self._lanes.submit(passage.rest(), passage.observation, model, size=passage.size)
        waiting = wrap_future(turn, loop=passage.protocol.loop)
        passage.waiting = waiting
        passage.protocol.tasks.add(waiting)  # type: ignore[arg-type] # has `cancel`, as a task
        waiting.add_done_callback(partial(self._take_back, passage))

    def _take_back(self, passage: Passage, waiting: "Future[None]") -> None:
        passage.protocol.tasks.discard(waiting)
        passage.waiting = None
        if waiting.cancelled():
            if passage.disconnected:
                self._lose(passage)
            else:
                self.refuse(passage, ServerStopping())
        else:
            passage.attempt(waiting.result)
            self._send(passage)

    def _lose(self, passage: Passage) -> None:
        """Log a request that is not answered: its caller is gone, or the server stops."""
        if passage.disconnected:
            passage.observation.error = CallerGone("a thread was free")
        self.note(passage)

    def _send(self, passage: Passage) -> None:
        response, protocol = passage.answer, passage.protocol
        assert response is not None, "it has been answered"
        passage.observation.finish()
        self.note(passage)  # before the next request of this connection is
        if not passage.disconnected:
            usual = protocol.server_state.default_headers
            content = answer_bytes(
                response, usual, passage.request_id, keep_alive=passage.keep_alive
            )
            passage.observation.sent = len(response.body)
            protocol.transport.write(content)
            passage.response_complete = True
            if not passage.keep_alive:
                protocol.transport.close()
            protocol.on_response_complete()

    def _note_all(self) -> None:
        ended, self._ended = self._ended, []
        for passage in ended:
            exchange = Exchange("POST", passage.route.path, _status(passage), passage.request_id)
            self._observability.note(exchange, passage.observation)
            passage.release()
        self._observability.flush()


def _one_turn(arrived: list[Passage]) -> tuple[list[Passage], list[Passage]]:
    """Return the requests of one turn, and those that wait for the next one."""
    size = 0
    for count, passage in enumerate(arrived[:MOST_AT_ONCE], start=1):
        size += passage.size
        if size >= LONG_BODY:
            return arrived[:count], arrived[count:]
    return arrived[:MOST_AT_ONCE], arrived[MOST_AT_ONCE:]


def _status(passage: Passage) -> int:
    if passage.answer is not None:
        return passage.answer.status
    error = passage.observation.error
    return status_of(error) if isinstance(error, CallerGone) else _SERVER_ERROR

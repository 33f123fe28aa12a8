"""The client of a deployed API, or of a server on this machine; `async_client` is for asyncio."""

import time
from collections.abc import Callable, Generator, Iterable, Iterator
from typing import Any, Self, TypeVar

from lading.api.answers import Answer
from lading.api.caller import Caller
from lading.api.calls import (
    OK,
    TIMEOUT_S,
    ServerAnswer,
    Unreached,
    answer_of,
    exchange,
    options,
    reaching,
)
from lading.api.conversation import Conversation, Opened, Sent, begun, chosen, posting
from lading.api.events import EventReader
from lading.api.remote_models import Api, Ask
from lading.api.retrying import USUAL, Retries

T = TypeVar("T")
A = TypeVar("A", bound="ServerAnswer | Opened[Any]")


class Client:
    """Calls the models of an API, and asks again where it says "not now".

    Threads may share a client. It closes its connections at the end of a `with` block, or by
    `close`.

    Args:
        url: the API's URL: the stack's output `ApiUrl`, or that of `lading serve`.
        token: a bearer token, of a stage with `auth: token`.
        sign: sign with AWS credentials (Signature Version 4); URLs of API Gateway always are,
            unless there is a token.
        region: the API's region, if the URL does not name it.
        timeout_s: seconds without any progress after which a request fails.
        retries: how often and how long it asks again.
    """

    def __init__(
        self,
        url: str,
        *,
        token: str | None = None,
        sign: bool = False,
        region: str | None = None,
        timeout_s: float = TIMEOUT_S,
        retries: Retries = USUAL,
    ) -> None:
        import httpx

        self._talk = Conversation(Api(url, Caller(token, sign, region)))
        self._retries = retries
        self._http = httpx.Client(**options(timeout_s))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def predict(
        self,
        model: str,
        inputs: Any,
        *,
        version: int | None = None,
        label: str | None = None,
        signature: str = "",
        outputs: Iterable[str] = (),
    ) -> Answer:
        """Return a model's answer; tensors travel in binary form, and keep their dtypes.

        Args:
            model: its name.
            inputs: a data frame, arrays by name, one array, nested lists, records, or bytes of an
                image.
            version: the number of a version.
            label: the label of a version; without either, the stable one, else the newest.
            signature: the name of a signature; empty: the default one.
            outputs: names of the outputs; empty: all.

        Raises:
            ServerError: the API cannot be reached, or refuses the caller.
            InferenceError: the API does not serve the model, or could not answer.
            InputUnreadable: the inputs do not fit the model.
        """
        choice = chosen(version, label, signature, outputs)
        return self._drive(self._talk.predicting(model, inputs, choice))

    def models(self) -> list[dict[str, Any]]:
        """Return the descriptions of all models; errors are those of `predict`."""
        return self._drive(self._talk.listing())

    def describe(self, model: str) -> dict[str, Any]:
        """Return the description of one model; errors are those of `predict`."""
        return self._drive(self._talk.describing(model))

    def request(self, path: str, document: Any = None) -> ServerAnswer:
        """Return the response to GET `path`, or to POST a JSON document there, of any status.

        Raises:
            ServerError: there is no response.
        """
        return self._ask(Ask(path) if document is None else posting(path, document))

    def stream(self, path: str, document: Any) -> Iterator[Any]:
        """Yield the events that a POST answers with, as OpenAI's streams: each a JSON document.

        A stream that has begun is not asked for again.

        Raises:
            ServerError: there is no answer, the stream breaks, or it reports an error.
        """
        ask = posting(path, document)
        found = self._repeated(lambda: self._opened(self._talk.sent(ask)))
        reply, url = begun(found, path)
        reader = EventReader(url)
        try:
            with reaching(url):
                for part in reply.iter_bytes():
                    yield from reader.feed(part)
            yield from reader.end()
        finally:
            reply.close()

    def _drive(self, steps: Generator[Ask, ServerAnswer, T]) -> T:
        try:
            ask = next(steps)
            while True:
                ask = steps.send(self._ask(ask))
        except StopIteration as done:
            return done.value  # type: ignore[no-any-return] # the generator's T

    def _ask(self, ask: Ask) -> ServerAnswer:
        def once() -> ServerAnswer:
            sent = self._talk.sent(ask)
            return self._talk.checked(sent, exchange(self._http, *sent))

        return self._repeated(once)

    def _opened(self, sent: Sent) -> ServerAnswer | Opened[Any]:
        """Return a response whose body is to be read in parts, or one that is an error."""
        started = time.perf_counter()
        with reaching(sent.url):
            request = self._http.build_request(
                "POST", sent.url, content=sent.body, headers=dict(sent.headers)
            )
            reply = self._http.send(request, stream=True)
            if reply.status_code == OK:
                return Opened(reply, sent.url)
            try:
                return self._talk.checked(sent, answer_of(reply, reply.read(), started))
            finally:
                reply.close()

    def _repeated(self, once: Callable[[], A]) -> A:
        attempt = 0
        while True:
            try:
                found = once()
            except Unreached:
                wait = self._retries.wait_s(attempt, None)
                if wait is None:
                    raise
            else:
                wait = self._retries.wait_s(attempt, found)
                if wait is None:
                    return found
            time.sleep(wait)
            attempt += 1

"""An asynchronous SageMaker endpoint, behind the interface of one that answers at once.

It is asked within a job alone. The first time it takes the request and says where the answer will
lie; once that is there the same request is made again, and finds it. So every dialect decodes and
encodes as ever, and nobody waits in between.
"""

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from lading.functions.contract.errors import PredictionFailed, Submitted, Unsupported, brief
from lading.functions.inference.endpoint.client import Endpoint
from lading.functions.inference.endpoint.job_store import JobStore


@dataclass(frozen=True, slots=True)
class EngineWork:
    """The job under way: `answer` or `failure` is what the engine has written, if it has."""

    job_id: str
    store: JobStore
    answer: bytes | None = None
    failure: bytes | None = None


_WORK: ContextVar[EngineWork | None] = ContextVar("work", default=None)


@contextmanager
def working(work: EngineWork) -> Iterator[None]:
    """Answer what is asked in this thread for `work`."""
    token = _WORK.set(work)
    try:
        yield
    finally:
        _WORK.reset(token)


class AsyncEndpoint(Endpoint):
    """An endpoint that answers later, in JSON, whose header needs no length beside it."""

    answers_binary = False

    def invoke(self, body: bytes, content_type: str) -> tuple[str, bytes]:
        """What the engine has written for the job under way.

        Raises:
            Submitted: it has been asked now.
            PredictionFailed: it has failed.
            Unsupported: no job is under way.
        """
        work = self._work()
        if work.answer is not None:
            return "application/json", work.answer
        if work.failure is not None:
            reason = brief(work.failure.decode(errors="replace"))
            raise PredictionFailed(*self._who, f"its engine: {reason}")
        place = work.store.put_input(f"{work.job_id}-engine", body)
        raise Submitted(*self._insist(lambda: self._submit(place, content_type, work.job_id)))

    def stream(self, body: bytes, content_type: str) -> Generator[bytes, None, None]:  # noqa: ARG002
        """Never: nobody listens while the answer is made; see `invoke`."""
        raise Unsupported("a job's answer is whole; leave 'stream' out of the request")

    def _submit(self, place: str, content_type: str, job_id: str) -> tuple[str, str]:
        reply = self._runtime.invoke_endpoint_async(
            EndpointName=self._settings.name,
            InputLocation=place,
            ContentType=content_type,
            Accept="application/json",
            InferenceId=job_id,
        )
        return reply["OutputLocation"], reply.get("FailureLocation", "")

    def _work(self) -> EngineWork:
        work = _WORK.get()
        if work is None:
            raise Unsupported(
                f"model '{self._who[0]}' answers long work alone; post to the same path + /async"
            )
        return work

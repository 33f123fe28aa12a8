"""An asynchronous SageMaker endpoint, which answers requests inside jobs only.

The first time it accepts the request and says where it will write the answer. When the answer is
there, the job's request is decoded again, and the answer is read in place of a call.
"""

from collections.abc import Generator
from typing import Any, TypeVar

from lading.functions.contract.errors import PredictionFailed, Unsupported, brief
from lading.functions.contract.limits import SAGEMAKER
from lading.functions.inference.endpoint.client import Endpoint, EngineRequest
from lading.functions.inference.endpoint.job_store import EngineWork
from lading.functions.inference.wire.deferred import Deferred

T = TypeVar("T")


class AsyncEndpoint(Endpoint):
    """An endpoint that answers later, in JSON, which needs no header length beside it."""

    answers_binary = False

    def answer(self, request: EngineRequest[T]) -> T:  # noqa: ARG002
        """Refuse: nobody can wait for this endpoint.

        Raises:
            Unsupported: always.
        """
        raise Unsupported(
            f"model '{self._who[0]}' answers asynchronously only; post to the same path + /async"
        )

    def answer_in_job(self, work: EngineWork, request: EngineRequest[T]) -> T | Deferred:
        """Return the answer that the engine has written, or submit the request.

        Raises:
            PredictionFailed: the engine has written a failure.
        """
        if work.answer is not None:
            return request.read("application/json", work.answer)
        if work.failure is not None:
            reason = brief(work.failure.decode(errors="replace"))
            raise PredictionFailed(*self._who, f"its engine: {reason}")
        sent = _sent(work, request.body)
        return self._insist(lambda: self._submit(sent, request.content_type, work.job_id))

    def stream(self, body: bytes, content_type: str) -> Generator[bytes, None, None]:  # noqa: ARG002
        """Refuse: the answer comes as a whole.

        Raises:
            Unsupported: always.
        """
        raise Unsupported("a job cannot stream its answer; leave 'stream' out of the request")

    def _submit(self, sent: dict[str, Any], content_type: str, job_id: str) -> Deferred:
        reply = self._runtime.invoke_endpoint_async(
            EndpointName=self._settings.name,
            **sent,
            ContentType=content_type,
            Accept="application/json",
            InferenceId=job_id,
        )
        output, failure = reply["OutputLocation"], reply.get("FailureLocation", "")
        return Deferred(output, failure)


def _sent(work: EngineWork, body: bytes) -> dict[str, Any]:
    """Return a request's body as arguments: sent with the call if it is short, else put into S3."""
    if len(body) <= SAGEMAKER.inline_bytes:
        return {"Body": body}
    return {"InputLocation": work.store.put_input(f"{work.job_id}-engine", body)}

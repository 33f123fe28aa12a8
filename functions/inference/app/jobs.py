"""Asynchronous jobs: a request is accepted now, and its answer can be fetched later.

Below a model's base URL, beside every path that predicts:

- `POST <path>/async`  202: the job's id and the address of its state; without a body also an
  address for uploading one, which may exceed the gateway's limit
- `POST /jobs/{id}`    202: start; the body has been uploaded
- `GET /jobs/{id}`     the job's state; at the end with a pre-signed URL of the answer, which is
  what `POST <path>` would have answered in its dialect

On Lambda the function invokes itself with `POST /jobs/{id}/run`, in the name of the job's caller.
That caller may send it too: each job runs once. A job belongs to the caller that the gateway names
(`wire/caller.py`): to anybody else it does not exist, even to one who knows its id.
"""

import re
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from lading.functions.contract.dialects.dialect import split_path
from lading.functions.contract.errors import (
    JobNotFound,
    MalformedRequest,
    MethodNotAllowed,
    RouteNotFound,
)
from lading.functions.contract.invocation import dumps, lambda_client, proxy_event
from lading.functions.contract.limits import LAMBDA
from lading.functions.contract.names import CALLER, VERSION_HEADER
from lading.functions.contract.routes import dialect_of, find_route
from lading.functions.contract.settings import JobsPlace
from lading.functions.inference.app.application import answer
from lading.functions.inference.dialects import refuse
from lading.functions.inference.endpoint.job_store import (
    ACCEPTED,
    DONE,
    FAILED,
    KEPT_S,
    LONGEST_INPUT,
    RUNNING,
    SUBMITTED,
    URL_S,
    WAITING,
    EngineWork,
    Job,
    JobStore,
)
from lading.functions.inference.loading.catalog import Catalog
from lading.functions.inference.tensors import json_values as json_codec
from lading.functions.inference.wire.boundary import Boundary
from lading.functions.inference.wire.messages import (
    JSON,
    Observation,
    Request,
    Response,
    StreamedResponse,
)

_ASYNC = "/async"
_JOB = re.compile(r"/jobs/([^/]*)(/run)?")
_ID = re.compile(r"[0-9a-f]{32}")
_KEPT_HEADERS = ("content-type", "accept", "inference-header-content-length", "content-encoding")
_ASK_AGAIN = MappingProxyType({"retry-after": "2"})
_START_S = 5

Start = Callable[[Job, Catalog], None]


class Jobs:
    """The answerer of requests for jobs; all others it answers as `application.answer` does.

    `place` is where the jobs are stored.
    """

    def __init__(self, place: JobsPlace) -> None:
        self._store = JobStore(place)
        self._start: Start = self._start_thread
        if place.function:
            self._start = lambda job, _catalog: _invoke_self(place.function, job)

    def __call__(
        self, request: Request, catalog: Catalog, observation: Observation, longest_body: int
    ) -> Response | StreamedResponse:
        """Answer one request; see `application.answer`."""
        path = request.path.rstrip("/")
        found = _JOB.fullmatch(path)
        if found is None and not path.endswith(_ASYNC):
            return answer(request, catalog, observation, longest_body)
        below = path.removesuffix(_ASYNC)
        at = "/predict" if found else below
        observation.dialect = dialect_of(split_path(at)).name
        with Boundary(observation) as boundary:
            if found is None:
                return self._accept(request, below, catalog)
            return self._answer_job(request, found, catalog, observation)
        return refuse(boundary.refusal, at)

    def _accept(self, request: Request, below: str, catalog: Catalog) -> Response:
        if request.method != "POST":
            raise MethodNotAllowed(request.method, request.path, ["POST"])
        segments = split_path(below)
        dialect = dialect_of(segments)
        if not dialect.predicts:  # a job runs at the root, whatever its caller may call
            raise RouteNotFound(request.method, request.path)
        _, parameters = find_route(dialect, "POST", below, segments)
        headers = {name: request.headers[name] for name in _KEPT_HEADERS if name in request.headers}
        headers |= _chosen_version(request, catalog, parameters)
        state = ACCEPTED if request.body else WAITING
        expires = int(time.time()) + KEPT_S
        job = Job(uuid.uuid4().hex, below, headers, state, expires, owner=request.caller)
        if request.body:
            self._store.put_input(job.id, request.body)
        self._store.create(job)
        if request.body:
            self._start(job, catalog)
        place = "../" * (len(request.path.strip("/").split("/")) - 1) + f"jobs/{job.id}"
        return _told(self._describe(job), 202, {"location": place, **_ASK_AGAIN})

    def _answer_job(
        self, request: Request, found: re.Match[str], catalog: Catalog, observation: Observation
    ) -> Response:
        job = self._store.find(found[1]) if _ID.fullmatch(found[1]) else None
        if job is None or job.owner != request.caller:
            raise JobNotFound(found[1])
        if found[2]:
            if request.method != "POST":
                raise MethodNotAllowed(request.method, request.path, ["POST"])
            return self._run(job, catalog, observation)
        if request.method == "POST":
            return self._begin(job, catalog)
        if request.method not in ("GET", "HEAD"):
            raise MethodNotAllowed(request.method, request.path, ["GET", "POST"])
        return self._poll(job, catalog, observation)

    def _begin(self, job: Job, catalog: Catalog) -> Response:
        if job.state == WAITING and self._store.read_input(job) is None:
            raise MalformedRequest(
                "the upload is missing; first PUT the body to the job's upload URL"
            )
        if self._store.accept(job):
            self._start(job, catalog)
        return _told(self._describe(self._again(job)), 202, _ASK_AGAIN)

    def _run(self, job: Job, catalog: Catalog, observation: Observation) -> Response:
        if self._store.claim(job, int(time.time()) + LAMBDA.timeout_s):
            self._answer_or_fail(job, catalog, observation, EngineWork(job.id, self._store))
        return _told(self._describe(self._again(job)), 200)

    def _poll(self, job: Job, catalog: Catalog, observation: Observation) -> Response:
        if job.state == SUBMITTED:
            answer = self._store.read_output(job.output)
            failure = self._store.read_output(job.failure) if answer is None else None
            if answer is not None or failure is not None:
                work = EngineWork(job.id, self._store, answer, failure)
                self._answer_or_fail(job, catalog, observation, work)
                job = self._again(job)
        return _told(self._describe(job), 200, {} if job.state in (DONE, FAILED) else _ASK_AGAIN)

    def _answer_or_fail(
        self, job: Job, catalog: Catalog, observation: Observation, work: EngineWork
    ) -> None:
        """Answer the job's request; every failure, even of reading its body, becomes the answer."""
        with Boundary(observation) as boundary:
            self._answer(job, catalog, observation, work)
            return
        response = refuse(boundary.refusal, job.path)
        self._store.finish(job, response.status, {"content-type": JSON}, response.body)

    def _answer(
        self, job: Job, catalog: Catalog, observation: Observation, work: EngineWork
    ) -> None:
        """Answer the job's request, and store the answer, or where it will be written."""
        body = self._store.read_input(job) or b""
        request = Request("POST", job.path, job.headers, body, job.owner)
        response = answer(request, catalog, observation, LONGEST_INPUT, work)
        if isinstance(response, Response) and response.deferred:
            self._store.submit(job, *response.deferred)
            return
        body = response.body if isinstance(response, Response) else b"".join(response.parts)
        headers = {"content-type": response.content_type, **response.headers}
        self._store.finish(job, response.status, headers, body)

    def _again(self, job: Job) -> Job:
        return self._store.find(job.id) or job

    def _describe(self, job: Job) -> dict[str, Any]:
        lost = job.state == RUNNING and job.until < time.time()
        document: dict[str, Any] = {"job": job.id, "state": FAILED if lost else job.state}
        if lost:
            document["error"] = "the job did not end in time; send the request again"
        if job.state == WAITING:
            where = {"method": "PUT", "url": self._store.upload_url(job), "expires_in": URL_S}
            document["upload"] = where
        if job.state in (DONE, FAILED):
            where = {"url": self._store.result_url(job), "expires_in": URL_S}
            document |= {"status": job.status, "headers": dict(job.answer_headers), "result": where}
        return document

    def _start_thread(self, job: Job, catalog: Catalog) -> None:
        work = (job, catalog, Observation())
        threading.Thread(target=self._run, args=work, name=f"job {job.id}", daemon=True).start()


def _chosen_version(
    request: Request, catalog: Catalog, parameters: Mapping[str, str]
) -> dict[str, str]:
    """Return the header by which a job of a split model stays with its version, if it is split."""
    names = catalog.names()
    name = parameters.get("model", names[0] if len(names) == 1 else "")
    split = catalog.split_of(name)
    if split is None:
        return {}
    stated = request.headers.get(VERSION_HEADER)
    return {VERSION_HEADER: stated or str(split.choose(name, request.headers))}


def _invoke_self(function: str, job: Job) -> None:
    """Have Lambda run the job in another environment; Lambda retries when that fails."""
    name, _, version = function.partition(":")
    event = proxy_event("POST", f"/jobs/{job.id}/run", {}, b"")
    event["requestContext"][CALLER.context] = job.owner
    lambda_client(_START_S).invoke(
        FunctionName=name, Qualifier=version, InvocationType="Event", Payload=dumps(event)
    )


def _told(
    document: Mapping[str, Any], status: int, headers: Mapping[str, str] | None = None
) -> Response:
    return Response(status, json_codec.dumps(dict(document)), JSON, headers or {})

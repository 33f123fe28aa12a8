"""Long work is taken at once, done once, and its answer is what the same request would have had."""

import json
import os
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import boto3
import pytest

from lading.functions.contract.settings import JobsPlace, ServingSettings
from lading.functions.contract.split import VersionSplit
from lading.functions.inference.app.application import create_app
from lading.functions.inference.endpoint.job_store import Job, JobStore
from lading.functions.inference.entry.service import answerer
from lading.functions.inference.loading.catalog import load_catalog
from lading.functions.inference.wire.asgi import App
from tests.support import s3, sagemaker
from tests.support.driver import Answer, ask
from tests.support.engines import proxy
from tests.support.sagemaker import Asked, SageMaker
from tests.support.waiting import until
from tests.support.worlds import echo, settings_for, times

BODY = {"inputs": [[1, 2]]}
PLACE = JobsPlace("jobs", "jobs")


@pytest.fixture(scope="module")
def store() -> Iterator[str]:
    """A server with S3 and DynamoDB, the bucket and the table of jobs in it."""
    with s3.running() as url, s3.aws(url):
        boto3.client("s3", region_name="us-east-1").create_bucket(Bucket="jobs")
        boto3.client("dynamodb").create_table(
            TableName="jobs",
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        )
        yield url


@contextmanager
def cloud(store: str, *replies: sagemaker.Reply) -> Iterator[SageMaker]:
    """SageMaker and Lambda here, S3 and DynamoDB there."""
    with sagemaker.running(*replies) as aws:
        own = {f"AWS_ENDPOINT_URL_{name}": aws.url for name in ("SAGEMAKER_RUNTIME", "LAMBDA")}
        with s3.aws(store, **own):
            yield aws


@pytest.fixture
def aws(store: str) -> Iterator[SageMaker]:
    with cloud(store) as running:
        yield running


def serve(settings: ServingSettings, place: JobsPlace = PLACE) -> App:
    with_jobs = ServingSettings(
        models=settings.models,
        model_root=settings.model_root,
        endpoint=settings.endpoint,
        jobs=place,
    )
    return create_app(load_catalog(with_jobs), respond=answerer(with_jobs))


def fetch(document: dict[str, Any]) -> bytes:
    with urllib.request.urlopen(document["result"]["url"]) as reply:
        body: bytes = reply.read()
        return body


def poll(app: App, accepted: Answer, asked: str) -> Any:
    """Ask where the answer says until the job is over."""
    path = urljoin(asked, accepted.headers["location"])
    until(lambda: ask(app, f"GET {path}").document["state"] in ("done", "failed"))
    return ask(app, f"GET {path}").document


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/m/predict", BODY),
        ("/m/v1/models/m:predict", {"instances": [[1, 2]]}),
        ("/m/v2/models/m/infer", {"inputs": [{"name": "x", "datatype": "FP32", "shape": [1, 2]}]}),
        ("/predict/absent", BODY),
    ],
)
def test_the_answer_is_that_of_the_same_request_without_a_job(
    aws: SageMaker, tmp_path: Path, path: str, body: Any
) -> None:
    app = serve(settings_for(tmp_path, {"m": {1: times(2)}}))
    at_once = ask(app, f"POST {path}", body)
    accepted = ask(app, f"POST {path}/async", body)
    assert accepted.status == 202
    document = poll(app, accepted, f"{path}/async")
    assert document["status"] == at_once.status
    assert document["state"] == ("done" if at_once.status == 200 else "failed")
    assert document["headers"]["content-type"] == at_once.headers["content-type"]
    assert fetch(document) == at_once.body


def test_a_long_body_is_uploaded_first(aws: SageMaker, tmp_path: Path) -> None:
    app = serve(settings_for(tmp_path, {"m": {1: times(2)}}))
    accepted = ask(app, "POST /m/predict/async", headers={"content-type": "application/json"})
    assert accepted.document["state"] == "waiting"
    path = f"/m/jobs/{accepted.document['job']}"
    early = ask(app, f"POST {path}")
    assert (early.status, "upload is missing" in early.error) == (400, True)
    upload = accepted.document["upload"]
    body, octets = json.dumps(BODY).encode(), {"content-type": "application/octet-stream"}
    request = urllib.request.Request(upload["url"], body, octets, method=upload["method"])
    urllib.request.urlopen(request).close()
    assert ask(app, f"POST {path}").status == 202
    document = poll(app, accepted, "/m/predict/async")
    assert json.loads(fetch(document))["outputs"] == {"y": [[2.0, 4.0]]}


def test_the_function_runs_the_job_in_an_invocation_of_its_own(
    aws: SageMaker, tmp_path: Path
) -> None:
    app = serve(settings_for(tmp_path, {"m": {1: times(2)}}), JobsPlace("jobs", "jobs", "proxy:7"))
    events: list[dict[str, Any]] = []

    def function(event: dict[str, Any]) -> dict[str, Any]:
        events.append(event)
        return {}

    aws.functions["proxy:7"] = function
    accepted = ask(app, "POST /m/predict/async", BODY)
    path = f"/m/jobs/{accepted.document['job']}"
    assert ask(app, f"GET {path}").document["state"] == "accepted"
    assert (events[0]["httpMethod"], events[0]["path"]) == ("POST", f"{path[2:]}/run")
    for _ in range(2):  # Lambda delivers an event at least once
        ask(app, f"POST {path}/run")
        document = ask(app, f"GET {path}").document
        assert (document["state"], json.loads(fetch(document))["version"]) == ("done", 1)


ACME, OTHER = ({"authorizer": {"tenant": name}} for name in ("acme", "other"))


@pytest.mark.parametrize("stranger", [OTHER, {}, None], ids=["other", "unnamed", "outside"])
@pytest.mark.parametrize("target", ["GET {}", "POST {}", "POST {}/run"])
def test_who_knows_the_id_of_a_job_of_another_finds_nothing(
    aws: SageMaker, tmp_path: Path, stranger: Any, target: str
) -> None:
    app = serve(settings_for(tmp_path, {"m": {1: times(2)}}), JobsPlace("jobs", "jobs", "proxy:7"))
    aws.functions["proxy:7"] = lambda _event: {}
    accepted = ask(app, "POST /m/predict/async", BODY, context=ACME)
    path = f"/m/jobs/{accepted.document['job']}"
    refused = ask(app, target.format(path), context=stranger)
    absent = ask(app, target.format(f"/m/jobs/{'a' * 32}"), context=stranger)
    assert refused.status == absent.status == 404
    assert ask(app, f"GET {path}", context=ACME).document["state"] == "accepted"


def test_the_function_runs_a_job_in_the_name_of_its_caller(aws: SageMaker, tmp_path: Path) -> None:
    app = serve(settings_for(tmp_path, {"m": {1: times(2)}}), JobsPlace("jobs", "jobs", "proxy:7"))
    events: list[dict[str, Any]] = []

    def function(event: dict[str, Any]) -> dict[str, Any]:
        events.append(event)
        return {}

    aws.functions["proxy:7"] = function
    accepted = ask(app, "POST /m/predict/async", BODY, context=ACME)
    run = events[0]
    ask(app, f"{run['httpMethod']} /m{run['path']}", context=run["requestContext"])
    path = f"/m/jobs/{accepted.document['job']}"
    assert ask(app, f"GET {path}", context=ACME).document["state"] == "done"


def test_a_run_that_died_is_taken_over_and_one_under_way_is_not(store: str, aws: SageMaker) -> None:
    jobs = JobStore(PLACE)
    job = Job("0" * 32, "/predict", {}, "accepted", int(time.time()) + 60)
    jobs.create(job)
    now = int(time.time())
    assert jobs.claim(job, until=now + 60)
    assert not jobs.claim(job, until=now + 60)
    jobs._change(job.id, {"until": now - 1})
    assert jobs.claim(job, until=now + 60)


def test_a_run_that_never_ended_has_failed(aws: SageMaker, tmp_path: Path) -> None:
    jobs = JobStore(PLACE)
    job = Job("1" * 32, "/predict", {}, "accepted", int(time.time()) + 60)
    jobs.create(job)
    jobs.claim(job, until=int(time.time()) - 1)
    app = serve(settings_for(tmp_path, {"m": {1: echo()}}))
    document = ask(app, f"GET /jobs/{job.id}").document
    assert (document["state"], "did not end in time" in document["error"]) == ("failed", True)


@pytest.mark.parametrize("job", ["0" * 31, "../../etc", "F" * 32, "f" * 32, ""])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_job_that_is_not_there_is_not_found(
    aws: SageMaker, tmp_path: Path, method: str, job: str
) -> None:
    app = serve(settings_for(tmp_path, {"m": {1: echo()}}))
    assert ask(app, f"{method} /m/jobs/{job}").status == 404


def test_a_job_that_has_expired_is_not_found(aws: SageMaker, tmp_path: Path) -> None:
    JobStore(PLACE).create(Job("2" * 32, "/predict", {}, "done", int(time.time()) - 1))
    app = serve(settings_for(tmp_path, {"m": {1: echo()}}))
    assert ask(app, f"GET /jobs/{'2' * 32}").status == 404


@pytest.mark.parametrize(
    ("target", "status"),
    [
        ("POST /m/v2/other/async", 404),
        ("GET /m/predict/async", 405),
        ("POST /m/v2/health/live/async", 405),
        ("POST /m/v1/chat/other/async", 404),
        (f"PUT /m/jobs/{'3' * 32}", 404),
        ("POST /m/feedback/m/async", 404),
        ("POST /feedback/m/async", 404),
    ],
)
def test_what_cannot_be_a_job_is_refused_in_its_dialect(
    aws: SageMaker, tmp_path: Path, target: str, status: int
) -> None:
    found = ask(serve(settings_for(tmp_path, {"m": {1: echo()}})), target, BODY)
    assert found.status == status
    assert "error" in found.document


def test_without_a_place_there_are_no_jobs(tmp_path: Path) -> None:
    settings = settings_for(tmp_path, {"m": {1: echo()}})
    app = create_app(load_catalog(settings), respond=answerer(settings))
    assert ask(app, "POST /m/predict/async", BODY).status == 404


class Queue:
    """SageMaker's asynchronous inference: takes a request, and writes when it is told to."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []

    def __call__(self, handler: Any, asked: Asked) -> None:
        self.asked.append(asked)
        name = asked.headers["x-amzn-sagemaker-inference-id"]
        headers = {
            "Content-Type": "application/json",
            "X-Amzn-SageMaker-OutputLocation": f"s3://jobs/results/{name}.out",
            "X-Amzn-SageMaker-FailureLocation": f"s3://jobs/failures/{name}.out",
        }
        handler.say(202, json.dumps({"InferenceId": name}).encode(), headers)

    def write(self, folder: str, body: bytes) -> None:
        name = self.asked[-1].headers["x-amzn-sagemaker-inference-id"]
        boto3.client("s3").put_object(Bucket="jobs", Key=f"{folder}/{name}.out", Body=body)


def submitted(app: App, queue: Queue, path: str, body: Any) -> str:
    """A job whose request SageMaker has taken; gives its path."""
    accepted = ask(app, f"POST {path}/async", body)
    job = f"/m/jobs/{accepted.document['job']}"
    until(lambda: ask(app, f"GET {job}").document["state"] == "submitted")
    assert os.environ["AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME"]
    return job


Y = {"name": "y", "datatype": "FP32", "shape": [1, 2], "data": [7, 8]}


@pytest.mark.parametrize(
    ("path", "body", "found"),
    [
        ("/m/predict", BODY, {"model": "m", "version": 1, "outputs": {"y": [[7.0, 8.0]]}}),
        ("/m/v1/models/m:predict", {"instances": [[1, 2]]}, {"predictions": [[7.0, 8.0]]}),
    ],
)
def test_an_asynchronous_endpoint_answers_in_every_dialect_later(
    store: str, tmp_path: Path, path: str, body: Any, found: Any
) -> None:
    queue = Queue()
    with cloud(store, queue):
        app = serve(proxy(tmp_path, "m", echo(), mode="async"))
        job = submitted(app, queue, path, body)
        asked = queue.asked[0]
        assert asked.path == "/endpoints/e/async-invocations"
        assert "x-amzn-sagemaker-inputlocation" not in asked.headers
        assert b'"shape":[1,2]' in asked.body.replace(b" ", b"")
        queue.write("results", json.dumps({"outputs": [Y]}).encode())
        document = ask(app, f"GET {job}").document
        assert (document["state"], json.loads(fetch(document))) == ("done", found)
        assert len(queue.asked) == 1


def test_a_long_body_for_an_asynchronous_endpoint_goes_through_s3(
    store: str, tmp_path: Path
) -> None:
    queue, rows = Queue(), [[1, 2]] * 20_000
    with cloud(store, queue):
        app = serve(proxy(tmp_path, "m", echo(), mode="async"))
        submitted(app, queue, "/m/predict", {"inputs": rows})
        asked = queue.asked[0]
        assert asked.headers["x-amzn-sagemaker-inputlocation"].startswith("s3://jobs/inputs/")
        assert asked.body == b""


def test_a_language_model_may_take_its_time_too(store: str, tmp_path: Path) -> None:
    queue, chat = Queue(), {"messages": [{"role": "user", "content": "hi"}]}
    with cloud(store, queue):
        app = serve(proxy(tmp_path, "m", mode="async"))
        job = submitted(app, queue, "/m/v1/chat/completions", chat)
        queue.write("results", b'{"model": "x", "choices": []}')
        document = ask(app, f"GET {job}").document
        assert json.loads(fetch(document)) == {"model": "m", "choices": []}


def test_a_failure_of_the_engine_is_the_jobs(store: str, tmp_path: Path) -> None:
    queue = Queue()
    with cloud(store, queue):
        app = serve(proxy(tmp_path, "m", echo(), mode="async"))
        job = submitted(app, queue, "/m/predict", BODY)
        queue.write("failures", b"CUDA error")
        document = ask(app, f"GET {job}").document
        assert (document["state"], document["status"]) == ("failed", 500)
        assert "CUDA error" in json.loads(fetch(document))["error"]


def test_an_asynchronous_endpoint_answers_nothing_at_once(store: str, tmp_path: Path) -> None:
    with cloud(store, sagemaker.answer(b"")) as aws:
        found = ask(serve(proxy(tmp_path, "m", echo(), mode="async")), "POST /m/predict", BODY)
        assert not aws.asked
    assert found.status == 501
    assert "/async" in found.error


def test_a_bucket_of_another_account_is_not_used(aws: SageMaker, tmp_path: Path) -> None:
    sent: list[dict[str, Any]] = []
    jobs = JobStore(JobsPlace("jobs", "jobs", owner="123456789012"))
    for operation in ("PutObject", "GetObject"):
        jobs._s3.meta.events.register(
            f"before-call.s3.{operation}", lambda params, **_: sent.append(params["headers"])
        )
    job = Job("4" * 32, "/predict", {}, "accepted", int(time.time()) + 60)
    jobs.put_input(job.id, b"body")
    jobs.create(job)
    jobs.read_input(job)
    jobs.finish(job, 200, {}, b"answer")
    assert [it["x-amz-expected-bucket-owner"] for it in sent] == ["123456789012"] * 3


def test_a_job_stays_with_the_version_that_its_callers_key_has(store: str, tmp_path: Path) -> None:
    split = VersionSplit({1: 50, 2: 50}, "x-user-id")
    settings = settings_for(tmp_path, {"m": {1: times(2), 2: times(3)}})
    (model,) = settings.models
    with s3.aws(store):
        app = serve(settings._replace(models=(model._replace(split=split),)))
        for number in range(6):
            user = {"x-user-id": f"user-{number}"}
            accepted = ask(app, "POST /m/predict/async", BODY, user)
            document = poll(app, accepted, "/m/predict/async")
            version = split.choose("m", user)
            assert json.loads(fetch(document))["version"] == version
            assert document["headers"]["lading-version"] == str(version)

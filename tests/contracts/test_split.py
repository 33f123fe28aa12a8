"""A model that several versions answer: the same choice on Lambda, over HTTP and over gRPC."""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import grpc
import httpx
import pytest

from lading.functions.contract.invocation import answer_body, proxy_event
from lading.functions.contract.settings import ServingSettings
from lading.functions.contract.split import VersionSplit
from lading.functions.inference.entry.handler import create_handler
from lading.functions.inference.lanes.lanes import Lanes
from lading.functions.inference.lanes.limits import LaneLimits
from lading.functions.inference.loading.catalog import load_catalog
from lading.functions.inference.observability.log import Observability
from lading.functions.inference.rpc.messages import message
from lading.functions.inference.rpc.server import RpcLimits, RpcServing, serving
from tests.support.two_ways import running
from tests.support.worlds import settings_for, times

SPLIT = VersionSplit({1: 50, 2: 50}, "x-user-id")
USERS = [f"user-{number}" for number in range(20)]
EXPECTED = {user: SPLIT.choose("m", {"x-user-id": user}) for user in USERS}

Asked = Callable[[str, str, dict[str, str], Any], tuple[int, dict[str, str], bytes]]
"""Sends a method, a path, headers and a document; status, headers in lower case, and body."""


def split_settings(folder: Path) -> ServingSettings:
    """Version 1 of `m` doubles and is stable; version 2 triples and is the canary."""
    settings = settings_for(folder, {"m": {1: times(2), 2: times(3)}})
    (model,) = settings.models
    served = model._replace(labels={"stable": 1, "canary": 2}, split=SPLIT)
    # As a function and a container get them: through the environment.
    return ServingSettings.from_environment(settings._replace(models=(served,)).to_environment())


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> ServingSettings:
    return split_settings(tmp_path_factory.mktemp("split"))


def on_lambda(settings: ServingSettings) -> Asked:
    handler = create_handler(settings)

    def ask(
        method: str, path: str, headers: dict[str, str], document: Any
    ) -> tuple[int, dict[str, str], bytes]:
        body = b"" if document is None else json.dumps(document).encode()
        sent = {"Content-Type": "application/json", **headers}
        answer = handler(proxy_event(method, path, sent, body), None)
        several = answer.get("multiValueHeaders") or {}
        found = {**answer.get("headers", {}), **{name: it[0] for name, it in several.items()}}
        lower = {name.lower(): value for name, value in found.items()}
        return answer["statusCode"], lower, answer_body(answer)

    return ask


@pytest.fixture(scope="module", params=["lambda", "application", "short way"])
def asked(request: pytest.FixtureRequest, settings: ServingSettings) -> Iterator[Asked]:
    if request.param == "lambda":
        yield on_lambda(settings)
        return
    with running(settings, short=request.param == "short way") as way, httpx.Client() as client:
        host, port = way.listener.getsockname()

        def ask(
            method: str, path: str, headers: dict[str, str], document: Any
        ) -> tuple[int, dict[str, str], bytes]:
            url = f"http://{host}:{port}{path}"
            answer = client.request(method, url, headers=headers, json=document, timeout=60)
            return answer.status_code, dict(answer.headers), answer.content

        yield ask
        if way.short is not None:
            assert way.short.taken > 0


PLAIN = {"inputs": [[1.0, 2.0]]}
OPEN_INFERENCE = {"inputs": [{"name": "x", "datatype": "FP32", "shape": [1, 1], "data": [1.0]}]}
ANSWERED: dict[str, tuple[Any, Callable[[Any], Any]]] = {
    "/m/predict": (PLAIN, lambda it: it["outputs"]["y"][0][0] - 1),
    "/predict/m": (PLAIN, lambda it: it["version"]),
    "/v2/models/m/infer": (OPEN_INFERENCE, lambda it: int(it["model_version"])),
    "/m/v1/models/m:predict": ({"instances": [[1.0, 2.0]]}, lambda it: it["predictions"][0][0] - 1),
}
"""Path -> a document, and what says in its answer which version has answered."""


@pytest.mark.parametrize("path", ANSWERED)
def test_a_user_gets_the_same_version_on_every_path_and_in_every_dialect(
    asked: Asked, path: str
) -> None:
    document, version_of = ANSWERED[path]
    for user, version in (*EXPECTED.items(), *EXPECTED.items()):
        status, headers, body = asked("POST", path, {"X-User-Id": user}, document)
        assert status == 200, body
        assert (version_of(json.loads(body)), headers["lading-version"]) == (version, str(version))


def test_a_version_in_the_path_or_in_the_header_answers_whoever_asks(asked: Asked) -> None:
    for user in USERS[:6]:
        for path, version in (
            ("/m/predict/versions/1", 1),
            ("/m/predict/versions/2", 2),
            ("/predict/m/labels/canary", 2),
        ):
            _, headers, body = asked("POST", path, {"X-User-Id": user}, PLAIN)
            assert json.loads(body)["version"] == version
            assert "lading-version" not in headers
        pinned = {"X-User-Id": user, "Lading-Version": "2"}
        assert json.loads(asked("POST", "/m/predict", pinned, PLAIN)[2])["version"] == 2


@pytest.mark.parametrize(
    ("stated", "status", "reason"),
    [("9", 404, "version 9"), ("two", 400, "version must be a number, got 'two'")],
)
def test_a_version_in_the_header_that_is_not_there_is_refused(
    asked: Asked, stated: str, status: int, reason: str
) -> None:
    found, _, body = asked("POST", "/m/predict", {"Lading-Version": stated}, PLAIN)
    assert found == status
    assert reason in body.decode()


def test_what_only_reads_is_about_the_stable_version(asked: Asked) -> None:
    for user in USERS[:6]:
        _, headers, body = asked("GET", "/v2/models/m", {"X-User-Id": user}, None)
        assert sorted(json.loads(body)["versions"]) == ["1", "2"]
        assert "lading-version" not in headers
    described = json.loads(asked("GET", "/models/m", {}, None)[2])
    assert (described["default_version"], described["split"]) == (1, {"1": 50.0, "2": 50.0})


def test_without_the_header_both_versions_answer(asked: Asked) -> None:
    found = {json.loads(asked("POST", "/m/predict", {}, PLAIN)[2])["version"] for _ in range(60)}
    assert found == {1, 2}


def test_a_repeated_request_goes_to_the_same_version_again(asked: Asked) -> None:
    versions = [
        {
            json.loads(asked("POST", "/m/predict", {"Idempotency-Key": key}, PLAIN)[2])["version"]
            for _ in range(4)
        }
        for key in ("order-1", "order-2", "order-3", "order-4", "order-5")
    ]
    assert {len(found) for found in versions} == {1}
    assert {*versions[0], *versions[1], *versions[2], *versions[3], *versions[4]} == {1, 2}


def test_log_lines_and_metrics_say_which_version_answered(
    settings: ServingSettings, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = on_lambda(settings)
    for user in USERS:
        asked("POST", "/m/predict", {"X-User-Id": user}, PLAIN)
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["version"] for line in lines] == [str(EXPECTED[user]) for user in USERS]
    dimensions = {tuple(it["_aws"]["CloudWatchMetrics"][0]["Dimensions"][0]) for it in lines}
    assert dimensions == {("model", "version", "dialect")}


def test_over_grpc_the_metadata_decide(settings: ServingSettings) -> None:
    with ExitStack() as stack:
        lanes = stack.enter_context(Lanes(LaneLimits(threads=2)))
        served = RpcServing(
            load_catalog(settings), Observability(settings), RpcLimits(1 << 20, grace_seconds=0)
        )
        port = stack.enter_context(serving(served, "127.0.0.1:0", lanes))
        channel = stack.enter_context(grpc.insecure_channel(f"127.0.0.1:{port}"))

        def call(method: str, answer: str, user: str, **fields: Any) -> Any:
            request = message(f"inference.{method}Request")(**fields)
            return channel.unary_unary(
                f"/inference.GRPCInferenceService/{method}",
                request_serializer=lambda sent: sent.SerializeToString(),
                response_deserializer=message(f"inference.{answer}").FromString,
            )(request, timeout=20, metadata=(("x-user-id", user), ("trace-bin", b"\xff")))

        tensor = {"name": "x", "datatype": "FP32", "shape": [1, 1]}
        fields: dict[str, Any] = {
            "model_name": "m",
            "inputs": [{**tensor, "contents": {"fp32_contents": [1.0]}}],
        }
        infer = ("ModelInfer", "ModelInferResponse")
        for user, version in EXPECTED.items():
            assert int(call(*infer, user, **fields).model_version) == version
            assert call(*infer, user, **fields, model_version="2").model_version == "2"
            assert call("ModelReady", "ModelReadyResponse", user, name="m").ready

"""The application: addresses, methods, bodies, and what becomes of a fault of its own."""

import asyncio
import gzip
import json
import threading
from collections.abc import Sequence
from pathlib import Path

import httpx
import pytest

from lading.functions.contract.limits import GATEWAY
from lading.functions.contract.settings import ServingSettings
from lading.functions.inference.app.application import answer, create_app
from lading.functions.inference.artifact.specification import TensorSpec
from lading.functions.inference.lanes.lanes import Lanes
from lading.functions.inference.lanes.limits import LaneLimits
from lading.functions.inference.loading.catalog import Catalog, CatalogModel, load_catalog
from lading.functions.inference.models.predictor import ModelMetadata, Predictor
from lading.functions.inference.observability.log import Observability
from lading.functions.inference.tensors.conversion import Array
from lading.functions.inference.wire.asgi import App, Message
from lading.functions.inference.wire.messages import Observation, Request, Response
from tests.support.driver import ask, serve
from tests.support.worlds import echo, settings_for

GOOD = {"inputs": [[1, 2]]}
TENSOR = {"name": "x", "datatype": "FP32", "shape": [1, 2], "data": [1, 2]}
INFER = {"inputs": [TENSOR]}


def app_of(root: Path, *names: str) -> App:
    return serve(settings_for(root, {name: {1: echo()} for name in names or ("m",)}))


@pytest.mark.parametrize("base", ["", "/m"])
def test_every_dialect_answers_at_the_root_and_below_the_model(tmp_path: Path, base: str) -> None:
    app = app_of(tmp_path, "m", "n")
    assert ask(app, f"POST {base}/v2/models/m/infer", INFER).document["model_name"] == "m"
    assert ask(app, f"POST {base}/v1/models/m:predict", GOOD).document == {"outputs": [[1, 2]]}
    assert ask(app, f"POST {base}/predict/m", GOOD).document["outputs"] == {"y": [[1, 2]]}
    assert ask(app, f"GET {base}/models").status == 200


def test_below_one_model_the_others_are_not_found(tmp_path: Path) -> None:
    app = app_of(tmp_path, "m", "n")
    assert ask(app, "POST /m/v2/models/n/infer", INFER).status == 404
    assert ask(app, "POST /m/predict", GOOD).document["model"] == "m"
    assert [model["name"] for model in ask(app, "GET /m/models").document] == ["m"]


@pytest.mark.parametrize("path", ["/v2/", "//v2", "/v2//", "/m/v2/", "//m/v2"])
def test_slashes_before_and_behind_do_not_matter(tmp_path: Path, path: str) -> None:
    assert ask(app_of(tmp_path), f"GET {path}").document["name"] == "lading"


@pytest.mark.parametrize("path", ["/v2/models//infer", "/v2//models/m", "/v1/models//versions/1"])
def test_an_empty_part_of_a_path_is_not_found(tmp_path: Path, path: str) -> None:
    assert ask(app_of(tmp_path), f"GET {path}").status in (400, 404)


@pytest.mark.parametrize("path", ["/v2/models/m", "/v1/models/m", "/v2/health/live"])
def test_head_answers_as_get_without_the_body(tmp_path: Path, path: str) -> None:
    app = app_of(tmp_path)
    got, head = ask(app, f"GET {path}"), ask(app, f"HEAD {path}")
    assert (head.status, head.body) == (200, b"")
    assert head.headers["content-length"] == str(len(got.body)) == got.headers["content-length"]


@pytest.mark.parametrize("chunk", [1, 7, 1 << 20])
def test_a_body_may_come_in_pieces(tmp_path: Path, chunk: int) -> None:
    assert ask(app_of(tmp_path), "POST /predict", GOOD, chunk=chunk).status == 200


def test_the_longest_body_is_taken_and_a_longer_one_is_not(tmp_path: Path) -> None:
    app = app_of(tmp_path)
    body = json.dumps(GOOD).encode()
    longest = body + b" " * (GATEWAY.body_bytes - len(body))
    assert ask(app, "POST /predict", longest, chunk=1 << 16).status == 200
    refused = ask(app, "POST /predict", longest + b" ", chunk=1 << 16)
    assert (refused.status, refused.error) == (413, "the body exceeds the limit of 10485760 bytes")


def test_a_server_may_take_longer_bodies_than_the_gateway(tmp_path: Path) -> None:
    catalog = load_catalog(settings_for(tmp_path, {"m": {1: echo()}}))
    longest = json.dumps(GOOD).encode() + b" " * GATEWAY.body_bytes
    app = create_app(catalog, longest_body=len(longest))
    assert ask(app, "POST /predict", longest, chunk=1 << 16).status == 200
    assert ask(app, "POST /predict", longest + b" ", chunk=1 << 16).status == 413


def test_an_unknown_encoding_is_refused_and_plain_bodies_may_say_so(tmp_path: Path) -> None:
    app = app_of(tmp_path)
    answer = ask(app, "POST /predict", GOOD, {"Content-Encoding": "br"})
    assert (answer.status, "unsupported content encoding" in answer.error) == (400, True)
    assert ask(app, "POST /predict", GOOD, {"Content-Encoding": "Identity"}).status == 200


class Faulty(Predictor):
    """A predictor with a fault of its own."""

    metadata = ModelMetadata("m", 1, "none", (), ())

    def predict(self, inputs: dict[str, Array], outputs: Sequence[str] = ()) -> dict[str, Array]:
        raise RuntimeError("secret of the house")


def test_a_compressed_body_counts_as_what_it_unpacks_to(tmp_path: Path) -> None:
    catalog, seen = load_catalog(settings_for(tmp_path, {"m": {1: echo()}})), Observation()
    plain = json.dumps(GOOD).encode() + b" " * 10_000
    headers, packed = {"content-encoding": "gzip"}, gzip.compress(plain)
    answered = answer(Request("POST", "/predict/m", headers, packed), catalog, seen)
    assert answered.status == 200
    assert seen.unpacked == len(plain) > 10 * len(packed)


def test_a_fault_of_the_service_is_an_internal_error_that_tells_nothing() -> None:
    app = create_app(Catalog({"m": CatalogModel("m", {1: Faulty()})}))
    for _ in range(2):
        answer = ask(app, "POST /predict", {"inputs": {}})
        assert answer.status == 500
        assert answer.error.startswith("internal error")
        assert "secret" not in answer.error


class Waiting(Predictor):
    """A predictor that answers when it is told to."""

    metadata = ModelMetadata("m", 1, "none", (TensorSpec("x", "FP32", (-1,)),), ())

    def __init__(self) -> None:
        self.begun, self.go, self.asked = threading.Event(), threading.Event(), 0

    def predict(self, inputs: dict[str, Array], outputs: Sequence[str] = ()) -> dict[str, Array]:
        self.begun.set()
        self.asked += 1
        assert self.go.wait(20)
        return {}


HEALTH = ("/ping", "/v2/health/live", "/v2/health/ready", "/v2/models/m/ready", "/v1/models/m")


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/predict"), ("PUT", "/predictions/m"), ("PUT", "/m/predictions/m")],
)
def test_a_prediction_in_a_thread_holds_up_no_question_of_health(method: str, path: str) -> None:
    model = Waiting()

    async def talk(app: App) -> list[int]:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
            sent = client.request(method, path, json={"inputs": [1]})
            asked = asyncio.create_task(sent)
            assert await asyncio.to_thread(model.begun.wait, 20)
            answers = [await client.get(each) for each in HEALTH]
            model.go.set()
            return [each.status_code for each in (*answers, await asked)]

    with Lanes(LaneLimits(threads=1)) as lanes:
        app = create_app(Catalog({"m": CatalogModel("m", {1: model})}), lanes=lanes)
        assert asyncio.run(talk(app)) == [200] * (len(HEALTH) + 1)


IN_A_THREAD = (
    ("POST", "/models", "prediction_0"),
    ("DELETE", "/models/m", "prediction_0"),
    ("POST", "/v2/repository/models/m/load", "model control"),
    ("POST", "/v2/repository/models/m/unload", "model control"),
    ("GET", "/openapi.json", "prediction_0"),
    ("GET", "/nothing", "prediction_0"),
)


@pytest.mark.parametrize(("method", "path", "thread"), IN_A_THREAD)
def test_whatever_is_not_known_to_be_quick_is_answered_by_a_thread(
    method: str, path: str, thread: str
) -> None:
    threads = set()

    def respond(*_: object) -> Response:
        threads.add(threading.current_thread().name)
        return Response(200)

    with Lanes(LaneLimits(threads=1)) as lanes:
        app = create_app(Catalog({}), lanes=lanes, respond=respond)
        ask(app, f"{method} {path}")
    assert threads == {thread}


class Leaving:
    """A client that sends `body`, or the part of it that it gets to, and leaves when told to."""

    def __init__(self, body: bytes = b'{"inputs": [1]}', *, complete: bool = True) -> None:
        self.sent = [{"type": "http.request", "body": body, "more_body": not complete}]
        self.leaves = asyncio.Event()
        self.answered: list[Message] = []
        self.lines: list[tuple[str, int]] = []

    async def ask(self, app: App, path: str = "/predict") -> None:
        def note(seen: Observation, status: int) -> None:
            self.lines.append((type(seen.error).__name__, status))

        scope = {"type": "http", "method": "POST", "path": path, "headers": []}
        await Observability(ServingSettings(), note).middleware(app)(
            scope, self._receive, self._send
        )

    async def _receive(self) -> Message:
        if self.sent:
            return self.sent.pop(0)
        await self.leaves.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Message) -> None:
        self.answered.append(message)


def test_a_request_whose_caller_leaves_before_its_turn_is_not_answered() -> None:
    model = Waiting()

    async def talk(app: App) -> tuple[Leaving, Leaving]:
        first, second = Leaving(), Leaving()
        answering = asyncio.create_task(first.ask(app))
        assert await asyncio.to_thread(model.begun.wait, 20)
        waiting = asyncio.create_task(second.ask(app))
        second.leaves.set()
        await asyncio.wait_for(waiting, 20)
        model.go.set()
        await answering
        return first, second

    with Lanes(LaneLimits(threads=1)) as lanes:
        app = create_app(Catalog({"m": CatalogModel("m", {1: model})}), lanes=lanes)
        first, second = asyncio.run(talk(app))
    assert (first.lines, model.asked) == ([("NoneType", 200)], 1)
    assert (second.lines, second.answered) == ([("CallerGone", 499)], [])


def test_a_prediction_that_has_begun_ends_though_its_caller_leaves() -> None:
    model = Waiting()

    async def talk(app: App) -> Leaving:
        client = Leaving()
        answering = asyncio.create_task(client.ask(app))
        assert await asyncio.to_thread(model.begun.wait, 20)
        client.leaves.set()
        await asyncio.sleep(0)
        model.go.set()
        await answering
        return client

    with Lanes(LaneLimits(threads=1)) as lanes:
        app = create_app(Catalog({"m": CatalogModel("m", {1: model})}), lanes=lanes)
        assert asyncio.run(talk(app)).lines == [("NoneType", 200)]


@pytest.mark.parametrize("threads", [0, 1])
def test_a_request_ends_with_an_upload_that_breaks_off(threads: int) -> None:
    model = Waiting()
    model.go.set()

    async def talk(app: App) -> Leaving:
        client = Leaving(complete=False)
        client.leaves.set()
        await client.ask(app)
        return client

    with Lanes(LaneLimits(threads=1)) as lanes:
        app = create_app(
            Catalog({"m": CatalogModel("m", {1: model})}), lanes=lanes if threads else None
        )
        client = asyncio.run(talk(app))
    assert (client.lines, client.answered, model.asked) == ([("CallerGone", 499)], [], 0)


@pytest.mark.parametrize("kind", ["lifespan", "websocket"])
def test_only_http_is_served(kind: str) -> None:
    app = create_app(Catalog({}))
    with pytest.raises(NotImplementedError, match=kind):
        asyncio.run(app({"type": kind}, None, None))  # type: ignore[arg-type]

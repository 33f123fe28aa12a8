"""The application: addresses, methods, bodies, and what becomes of a fault of its own."""

import asyncio
import json
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from functions.inference.application import create_app
from functions.inference.artifact import TensorSpec
from functions.inference.asgi import App
from functions.inference.catalog import Catalog, CatalogModel, load_catalog
from functions.inference.contract import MAX_BODY_BYTES
from functions.inference.predictor import ModelMetadata
from functions.inference.tensors import Array
from tests.driver import ask, serve
from tests.worlds import echo, settings_for

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
    longest = body + b" " * (MAX_BODY_BYTES - len(body))
    assert ask(app, "POST /predict", longest, chunk=1 << 16).status == 200
    refused = ask(app, "POST /predict", longest + b" ", chunk=1 << 16)
    assert (refused.status, refused.error) == (
        413,
        "the body is longer than 10485760 bytes, the most that is taken",
    )


def test_a_server_may_take_longer_bodies_than_the_gateway(tmp_path: Path) -> None:
    catalog = load_catalog(settings_for(tmp_path, {"m": {1: echo()}}))
    longest = json.dumps(GOOD).encode() + b" " * MAX_BODY_BYTES
    app = create_app(catalog, longest_body=len(longest))
    assert ask(app, "POST /predict", longest, chunk=1 << 16).status == 200
    assert ask(app, "POST /predict", longest + b" ", chunk=1 << 16).status == 413


def test_an_unknown_encoding_is_refused_and_plain_bodies_may_say_so(tmp_path: Path) -> None:
    app = app_of(tmp_path)
    answer = ask(app, "POST /predict", GOOD, {"Content-Encoding": "br"})
    assert (answer.status, "the body is br-encoded" in answer.error) == (400, True)
    assert ask(app, "POST /predict", GOOD, {"Content-Encoding": "Identity"}).status == 200


class Faulty:
    """A predictor with a fault of its own."""

    metadata = ModelMetadata("m", 1, "none", (), ())

    def predict(self, inputs: dict[str, Array], outputs: Sequence[str] = ()) -> dict[str, Array]:
        raise RuntimeError("secret of the house")


def test_a_fault_of_the_service_is_an_internal_error_that_tells_nothing() -> None:
    app = create_app(Catalog({"m": CatalogModel("m", {1: Faulty()})}))
    for _ in range(2):
        answer = ask(app, "POST /predict", {"inputs": {}})
        assert answer.status == 500
        assert answer.error.startswith("internal error")
        assert "secret" not in answer.error


class Waiting:
    """A predictor that answers when it is told to."""

    metadata = ModelMetadata("m", 1, "none", (TensorSpec("x", "FP32", (-1,)),), ())

    def __init__(self) -> None:
        self.go = threading.Event()

    def predict(self, inputs: dict[str, Array], outputs: Sequence[str] = ()) -> dict[str, Array]:
        assert self.go.wait(20)
        return {}


def test_a_prediction_in_a_thread_holds_up_no_other_request() -> None:
    model = Waiting()

    async def talk(app: App) -> list[int]:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
            asked = asyncio.create_task(client.post("/predict", json={"inputs": [1]}))
            await asyncio.sleep(0)
            pinged = await client.get("/ping")
            model.go.set()
            return [pinged.status_code, (await asked).status_code]

    with ThreadPoolExecutor(1) as executor:
        app = create_app(Catalog({"m": CatalogModel("m", {1: model})}), executor=executor)
        assert asyncio.run(talk(app)) == [200, 200]


@pytest.mark.parametrize("kind", ["lifespan", "websocket"])
def test_only_http_is_served(kind: str) -> None:
    app = create_app(Catalog({}))
    with pytest.raises(NotImplementedError, match=kind):
        asyncio.run(app({"type": kind}, None, None))  # type: ignore[arg-type]

"""A server that has too much to do says so at once, in the words of each dialect."""

import asyncio
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import httpx
import pytest

from lading.functions.inference.app.application import create_app
from lading.functions.inference.artifact.specification import TensorSpec
from lading.functions.inference.lanes.lanes import Lanes
from lading.functions.inference.lanes.limits import LaneLimits
from lading.functions.inference.loading.catalog import Catalog, CatalogModel
from lading.functions.inference.models.predictor import ModelMetadata, Predictor
from lading.functions.inference.tensors.conversion import Array
from lading.functions.inference.wire.asgi import App
from tests.support.waiting import until

TEXT = "model 'slow' is overloaded: 1 requests wait for it; retry in 1 s"
TENSOR = {"name": "x", "datatype": "FP32", "shape": [1], "data": [1]}
DIALECTS: dict[str, tuple[str, Any, Callable[[Any], Any]]] = {
    "plain": ("/predict/slow", {"inputs": [1]}, lambda found: found["error"]),
    "open inference": ("/v2/models/slow/infer", {"inputs": [TENSOR]}, lambda found: found["error"]),
    "tensorflow serving": (
        "/v1/models/slow:predict",
        {"instances": [1]},
        lambda found: found["error"],
    ),
    "torchserve": (
        "/predictions/slow",
        {"inputs": [1]},
        lambda found: (
            found["message"]
            if (found["code"], found["type"]) == (503, "ServiceUnavailableException")
            else found
        ),
    ),
    "sagemaker": ("/slow/invocations", {"instances": [1]}, lambda found: found["error"]),
}


class Held(Predictor):
    """A predictor that answers once it may.

    Args:
        name: the model's name.
        datatype: of its input.
    """

    def __init__(self, name: str, datatype: str = "FP32") -> None:
        tensors = (TensorSpec("x", datatype, (-1,)),)
        vectors = (TensorSpec("y", "FP32", (-1, 2)),)
        self.metadata = ModelMetadata(name, 1, "none", tensors, vectors)
        self.begun, self.go, self.asked = threading.Event(), threading.Event(), 0

    def predict(self, inputs: dict[str, Array], outputs: Sequence[str] = ()) -> dict[str, Array]:
        self.asked += 1
        self.begun.set()
        assert self.go.wait(20)
        return inputs


@contextmanager
def serving(slow: Held) -> Iterator[tuple[App, Lanes]]:
    """An application with a slow model, for which one request may wait, and a fast one."""
    fast = Held("fast")
    fast.go.set()
    models = {
        each.metadata.name: CatalogModel(each.metadata.name, {1: each}) for each in (slow, fast)
    }
    with Lanes(LaneLimits(threads=1, most_waiting=1)) as lanes:
        try:
            yield create_app(Catalog(models), lanes=lanes), lanes
        finally:
            slow.go.set()


async def full(
    client: httpx.AsyncClient, slow: Held, lanes: Lanes, value: Any
) -> list[asyncio.Task[Any]]:
    """Let one request run and another wait."""
    asked = []
    for waiting in range(2):
        sent = client.post("/predict/slow", json={"inputs": [value]})
        asked.append(asyncio.create_task(sent))
        await asyncio.to_thread(until, partial(waits, lanes, waiting))
        assert await asyncio.to_thread(slow.begun.wait, 20)
    return asked


def waits(lanes: Lanes, count: int) -> bool:
    """Whether so many requests wait."""
    return sum(each.waiting for each in lanes.states()) >= count


def talked(slow: Held, talk: Callable[[httpx.AsyncClient], Any], value: Any = 1) -> Any:
    """What `talk` returns, which speaks while the slow model's lane is full."""
    with serving(slow) as (app, lanes):

        async def all_of_it() -> Any:
            transport = httpx.ASGITransport(app)
            async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
                asked = await full(client, slow, lanes, value)
                found = await talk(client)
                slow.go.set()
                answers = await asyncio.gather(*asked)
                assert [each.status_code for each in answers] == [200, 200]
                return found

        return asyncio.run(all_of_it())


@pytest.mark.parametrize("name", sorted(DIALECTS))
def test_each_dialect_refuses_at_once_in_its_own_form(name: str) -> None:
    path, body, text_of = DIALECTS[name]
    slow = Held("slow")
    answer = talked(slow, lambda client: client.post(path, json=body))
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert text_of(answer.json()) == TEXT
    assert slow.asked == 2


def test_openais_embeddings_are_refused_once_their_body_names_the_model() -> None:
    slow = Held("slow", "BYTES")
    body = {"model": "slow", "input": "text"}
    answer = talked(slow, lambda client: client.post("/v1/embeddings", json=body), "text")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    error = {"message": TEXT, "type": "server_error", "param": None, "code": "overloaded"}
    assert answer.json() == {"error": error}
    assert slow.asked == 2


def test_a_fast_model_answers_while_the_lane_of_a_slow_one_is_full() -> None:
    answer = talked(
        Held("slow"), lambda client: client.post("/predict/fast", json={"inputs": [1.5]})
    )
    assert (answer.status_code, answer.json()) == (
        200,
        {"model": "fast", "version": 1, "outputs": {"x": [1.5]}},
    )


def test_health_is_told_while_a_lane_is_full() -> None:
    assert talked(Held("slow"), lambda client: client.get("/v2/health/ready")).status_code == 200


@pytest.mark.parametrize(
    ("headers", "parameters"),
    [({"X-Request-Timeout": "0.000001"}, {}), ({}, {"timeout": 1})],
    ids=["the header", "Triton's parameter"],
)
def test_a_request_whose_time_is_over_in_the_queue_is_not_predicted(
    headers: dict[str, str], parameters: dict[str, Any]
) -> None:
    slow = Held("slow")
    with serving(slow) as (app, lanes):

        async def talk() -> httpx.Response:
            transport = httpx.ASGITransport(app)
            async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
                first = asyncio.create_task(client.post("/predict/slow", json={"inputs": [1]}))
                assert await asyncio.to_thread(slow.begun.wait, 20)
                body = {"inputs": [TENSOR], "parameters": parameters}
                sent = client.post("/v2/models/slow/infer", json=body, headers=headers)
                second = asyncio.create_task(sent)
                await asyncio.to_thread(until, lambda: waits(lanes, 1))
                slow.go.set()
                assert (await first).status_code == 200
                return await second

        answer = asyncio.run(talk())
    assert answer.status_code == 504
    assert "the deadline of the request passed" in answer.json()["error"]
    assert slow.asked == 1


def test_a_timeout_that_cannot_be_read_is_refused() -> None:
    answer = talked(
        Held("slow"),
        lambda client: client.post(
            "/predict/fast", json={"inputs": [1]}, headers={"X-Request-Timeout": "soon"}
        ),
    )
    assert (answer.status_code, answer.json()) == (
        400,
        {"error": "X-Request-Timeout must be a number of seconds above 0, got 'soon'"},
    )

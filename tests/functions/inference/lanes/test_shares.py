"""A caller that a gateway names has a share of the server, and no more."""

import asyncio
from contextlib import ExitStack
from typing import Any

import httpx
import pytest

from lading.functions.contract.errors import CallerAtLimit
from lading.functions.inference.app.application import create_app
from lading.functions.inference.lanes.lanes import Lanes
from lading.functions.inference.lanes.limits import LaneLimits
from lading.functions.inference.lanes.shares import Shares
from lading.functions.inference.loading.catalog import Catalog, CatalogModel
from lading.functions.inference.wire.asgi import App, Receive, Scope, Send
from tests.functions.inference.app.test_waiting import Held


def test_a_caller_has_its_places_again_when_its_requests_end() -> None:
    shares = Shares(2)
    with ExitStack() as held:
        for _ in range(2):
            held.enter_context(shares.place("tenant/acme"))
        with pytest.raises(CallerAtLimit, match="2 requests of this caller"):
            held.enter_context(shares.place("tenant/acme"))
        held.enter_context(shares.place("tenant/other"))
        for _ in range(3):
            held.enter_context(shares.place(""))
    with shares.place("tenant/acme"):
        """It may again."""


def test_a_tenant_beyond_its_share_gets_429_and_another_is_answered() -> None:
    model = Held("slow")

    def of(tenant: str, app: App) -> Any:
        async def named(scope: Scope, receive: Receive, send: Send) -> None:
            scope["aws.event"] = {"requestContext": {"authorizer": {"tenant": tenant}}}
            await app(scope, receive, send)

        return httpx.AsyncClient(transport=httpx.ASGITransport(named), base_url="http://here")

    async def talk(app: App) -> list[httpx.Response]:
        async with of("acme", app) as acme, of("other", app) as other:
            first = asyncio.create_task(acme.post("/predict/slow", json={"inputs": [1]}))
            assert await asyncio.to_thread(model.begun.wait, 30)
            refused = await acme.post("/predict/slow", json={"inputs": [1]})
            waiting = asyncio.create_task(other.post("/predict/slow", json={"inputs": [1]}))
            model.go.set()
            return [refused, await first, await waiting]

    with Lanes(LaneLimits(threads=1, most_of_a_caller=1)) as lanes:
        catalog = Catalog({"slow": CatalogModel("slow", {1: model})})
        refused, first, waiting = asyncio.run(talk(create_app(catalog, lanes=lanes)))
    assert [each.status_code for each in (refused, first, waiting)] == [429, 200, 200]
    assert refused.headers["retry-after"] == "1"

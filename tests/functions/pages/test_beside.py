"""Pages stand beside a service, and take nothing away from its other clients."""

import pytest
from fastapi import FastAPI

from lading.functions.inference.wire.asgi import App
from lading.functions.pages.beside import with_pages
from tests.support.driver import ask, serve
from tests.support.interpreter import run_clean
from tests.support.worlds import echo, settings_for

BROWSER = {"accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> App:
    return serve(settings_for(tmp_path_factory.mktemp("store"), {"m": {1: echo()}}))


@pytest.fixture(scope="module")
def app(service: App) -> App:
    return with_pages(service)


@pytest.mark.parametrize("path", ["/ui", "/ui/m", "/docs", "/ui/assets/ui.js"])
def test_a_page_answers_get_and_head(app: App, path: str) -> None:
    shown, head = ask(app, f"GET {path}"), ask(app, f"HEAD {path}")
    assert (shown.status, head.status) == (200, 200)
    assert shown.body
    assert head.headers["content-type"] == shown.headers["content-type"]
    assert "default-src 'none'" in shown.headers["content-security-policy"]


def test_a_browser_is_led_from_the_root_and_others_get_the_list(app: App, service: App) -> None:
    led = ask(app, "GET /", headers=BROWSER)
    assert (led.status, led.headers["location"], led.headers["vary"]) == (303, "ui", "accept")
    for headers in ({}, {"accept": "*/*"}, {"accept": "application/json"}):
        assert ask(app, "GET /", headers=headers).body == ask(service, "GET /").body


def test_the_document_of_a_model_is_found_below_its_base_url(app: App) -> None:
    led = ask(app, "GET /m/docs")
    assert (led.status, led.headers["location"]) == (307, "../docs?model=m")


@pytest.mark.parametrize(
    "target",
    [
        *("GET /models", "GET /openapi.json", "GET /v2/docs", "GET /models/docs", "POST /ui"),
        *("GET /m", "POST /predict", "GET /docs/more", "GET /m/docs/more"),
    ],
)
def test_everything_else_is_the_services(app: App, service: App, target: str) -> None:
    got, own = ask(app, target), ask(service, target)
    assert (got.status, got.body) == (own.status, own.body)


def test_what_is_no_page_below_the_pages_says_where_they_are(app: App) -> None:
    answer = ask(app, "GET /ui/assets/none.js")
    assert answer.status == 404
    assert "/ui lists the models" in answer.document["detail"]


def test_scripts_travel_compressed_where_the_browser_takes_that(app: App) -> None:
    path = "GET /ui/assets/swagger-ui.css"
    assert ask(app, path, headers={"accept-encoding": "gzip, br"}).body[:2] == b"\x1f\x8b"
    assert b".swagger-ui" in ask(app, path).body


def test_pages_of_a_service_that_is_mounted_are_found_there(app: App) -> None:
    own = FastAPI()
    own.mount("/ml", app)
    for path in ("/ml/ui", "/ml/docs", "/ml/ui/assets/ui.css"):
        assert ask(own, f"GET {path}").status == 200
    assert ask(own, "GET /ml/", headers=BROWSER).headers["location"] == "ui"


PROBE = """
import sys, json
from lading.functions.pages.beside import with_pages
with_pages(print)
print(json.dumps({"heavy": sorted({"fastapi", "pydantic", "starlette"} & {*sys.modules})}))
"""


def test_no_web_framework_is_imported_before_a_browser_comes() -> None:
    assert run_clean(PROBE, {}) == [{"heavy": []}]

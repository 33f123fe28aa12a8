"""The pages in Chromium: what a person sees and does, by mouse, keyboard or screen reader."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped] # no stubs
from onnx import helper
from playwright.sync_api import Browser, Page, expect

from lading.functions.contract.settings import ServedModel, ServingSettings
from lading.functions.inference.artifact.reading import sha256
from lading.functions.inference.artifact.specification import BASELINE, MODEL, REPORT, TensorSpec
from lading.functions.inference.observability.log import Observability
from lading.functions.inference.observability.prometheus import Metrics
from lading.functions.inference.wire.asgi import App, Receive, Scope, Send
from lading.functions.pages.beside import with_pages
from tests.functions.inference.processing.images import file, options, plain
from tests.support import sagemaker
from tests.support.browser import browsing, noted
from tests.support.driver import serve
from tests.support.engines import proxy
from tests.support.frameworks import needs
from tests.support.uvicorn_server import uvicorn_serving
from tests.support.worlds import FLOAT, STRING, echo_named, onnx_model, write_artifact

pytestmark = [pytest.mark.slow, needs("processing", "PIL")]

HOSTILE = '<img src=x onerror="window.hurt=1">'
TOKEN = "a-token-of-a-stage"  # noqa: S105 of a test
OF_SWAGGER_UI = {"nested-interactive"}
"""What axe finds in Swagger UI's own elements."""


REPORTED = {
    "stages": [
        {"step": "convert", "bytes": 1200},
        {
            "step": "quantize",
            "bytes": 700,
            "candidates": [{"name": "int4", "outcome": "refused", "reason": "dropped by 0.5"}],
        },
    ],
    "by_class": {
        "classes": [
            {"name": "young", "rows": 30, "precision": 0.5, "recall": 0.75, "f1": 0.6},
            {"name": HOSTILE, "rows": 10, "precision": None, "recall": 0.0, "f1": 0.0},
        ]
    },
    "placement": {
        "target": "lambda",
        "why": "it fits",
        "options": [{"target": "lambda", "per_million_usd": 10.5}],
    },
}


def people() -> bytes:
    """`place = town`, `scores = ages`."""
    return onnx_model(
        {"town": (STRING, ["n"]), "ages": (FLOAT, ["n", 2])},
        {"place": (STRING, ["n"]), "scores": (FLOAT, ["n", 2])},
        helper.make_node("Identity", ["town"], ["place"]),
        helper.make_node("Identity", ["ages"], ["scores"]),
    )


def write_people(root: Path, version: int) -> str:
    edges = [[0.0, 0.25, 1.0], [0.0, 0.75, 1.0]]
    town = {"view": "values", "values": ["Graz", HOSTILE], "expected": [[1, 1, 0, 0]]}
    ages = {"view": "columns", "edges": edges, "expected": [[0, 1, 1, 0, 0]] * 2}
    features = [
        {"side": "inputs", "tensor": name, **told}
        for name, told in (("town", town), ("ages", ages))
    ]
    baseline = json.dumps({"version": 1, "rows": 9, "features": features}).encode()
    folder = root / "models" / "people" / str(version)
    digest = write_artifact(
        root,
        "people",
        version,
        people(),
        files={MODEL: sha256(people()), BASELINE: sha256(baseline)},
        classes={"scores": ["young", "old"]},
        source={"file": "a.skops", "framework": "scikit-learn"},
        accuracy={"metric": "accuracy", "before": 0.9, "after": 0.875, "rows": 40},
        steps=[{"step": "convert", "bytes": 1200}],
    )
    (folder / BASELINE).write_bytes(baseline)
    (folder / REPORT).write_text(json.dumps(REPORTED))
    return digest


def write_colors(root: Path) -> str:
    """A model that answers the value of the one pixel's channels, [1, 1, 3]."""
    return write_artifact(
        root,
        "colors",
        1,
        echo_named("x", "y", FLOAT, ["batch", 1, 1, 3]),
        processing=[options(resize=[1, 1], layout="channels_last", pixels="x")],
        inputs=[TensorSpec("image", "BYTES", (-1,)).to_json()],
        outputs=[TensorSpec("y", "FP32", (-1, 1, 1, 3)).to_json()],
    )


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server with pages and metrics: people in two versions, and colors."""
    root = tmp_path_factory.mktemp("store")
    versions = {version: write_people(root, version) for version in (1, 2)}
    stripes = echo_named("x", "picture", FLOAT, ["batch", 16, 8])
    models = (
        ServedModel("colors", {1: write_colors(root)}),
        ServedModel("people", versions, {"stable": 1}),
        ServedModel("stripes", {1: write_artifact(root, "stripes", 1, stripes)}),
    )
    settings, metrics = ServingSettings(models, str(root)), Metrics()
    with (root / "log").open("w") as log:
        observed = Observability(settings, metrics.note, output=log)
        app = with_pages(metrics.beside(observed.served(serve(settings))))
        with uvicorn_serving(app) as address:
            yield f"http://{address}"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with browsing() as opened:
        yield opened


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page on which nothing goes wrong, not even by the policy, which is in force."""
    context = browser.new_context()
    opened = context.new_page()
    errors = noted(opened)
    yield opened
    assert opened.evaluate("window.hurt") is None
    assert errors == []
    context.close()


def predict(page: Page) -> None:
    page.get_by_role("button", name="Predict").click()
    page.locator(".answer").first.wait_for()


def test_a_model_is_found_from_the_root_asked_and_answers(page: Page, url: str) -> None:
    page.goto(url)
    page.get_by_role("link", name="people").click()
    expect(page.get_by_label("ages[0]")).to_have_value("0.25")
    expect(page.get_by_text("0 to 1 in the data").first).to_be_visible()
    page.get_by_label("ages[0]").fill("0.9")
    page.get_by_label("ages[1]").fill("0.1")
    page.get_by_label("town").select_option(HOSTILE)
    predict(page)
    answer = page.locator("#answer")
    expect(answer.get_by_role("listitem")).to_have_text(["young90.0 %", "old10.0 %"])
    expect(answer.get_by_text(HOSTILE)).to_be_visible()
    expect(answer).to_have_attribute("aria-live", "polite")
    expect(page.locator("#live ~ div dd").first).to_have_text("1")
    expect(page.get_by_role("region", name="Health")).to_contain_text("1stableready")
    report = page.get_by_role("region", name="Packaging report")
    expect(report).to_contain_text("scikit-learn")
    expect(report).to_contain_text("0.875")
    expect(report).to_contain_text("$10.50")
    expect(report.get_by_role("row").filter(has_text="int4")).to_contain_text("dropped by 0.5")
    lowest = report.get_by_role("region", name="Classes with the lowest F1").get_by_role("row")
    cells = lowest.nth(1).get_by_role("cell")
    assert cells.all_inner_texts() == [HOSTILE, "10", "\u2013", "0.000", "0.000"]


def test_a_value_that_may_be_missing_can_be_left_out(page: Page, url: str) -> None:
    page.goto(f"{url}/ui/people")
    page.get_by_label("town").select_option("missing")
    expect(page.get_by_label("Request", exact=True)).to_contain_text('"town":[null]')
    predict(page)


def test_versions_answer_side_by_side_also_what_is_written_as_json(page: Page, url: str) -> None:
    page.goto(f"{url}/ui/people")
    page.get_by_label("version 2").check()
    page.get_by_role("button", name="JSON").click()
    rows = {"town": ["Graz", "Wien"], "ages": [[0.5, 0.5], [1, 0]]}
    page.get_by_label("Inputs as JSON").fill(json.dumps(rows))
    predict(page)
    answers = page.locator(".answer")
    expect(answers).to_have_count(2)
    for number in (0, 1):
        expect(answers.nth(number)).to_contain_text(f"version {number + 1}")
        expect(answers.nth(number).get_by_role("row")).to_have_count(3)
    page.get_by_label("Inputs as JSON").fill("{")
    page.get_by_role("button", name="Predict").click()
    expect(page.locator("#answer")).to_contain_text("this is not JSON")


def test_every_request_to_copy_is_answered(page: Page, url: str) -> None:
    page.goto(f"{url}/ui/people")
    page.get_by_label("town").select_option("Graz")
    menu, code = page.get_by_label("Dialect"), page.get_by_label("Request", exact=True)
    names = menu.locator("option").all_inner_texts()
    assert [names[0], len(names)] == ["Plain JSON", 5]
    page.get_by_role("button", name="JavaScript").click()
    for name in names:
        menu.select_option(name)
        text = code.inner_text()
        assert text.startswith("const answer = await fetch(")
        script = text.replace("console.log(", "return JSON.stringify(")
        assert "Graz" in page.evaluate(f"(async () => {{ {script} }})()"), name
    for language, start in (("Python", "import requests"), ("curl", "curl 'http://")):
        page.get_by_role("button", name=language).click()
        expect(code).to_contain_text(start)


def test_an_image_is_dropped_and_its_answer_is_shown(page: Page, url: str) -> None:
    page.goto(f"{url}/ui/colors")
    page.get_by_role("button", name="Predict").click()
    expect(page.locator("#answer")).to_contain_text("choose an image first")
    picture = [*file(plain(1, 1, (10, 200, 20)), "PNG")]
    drop = """([bytes]) => { const data = new DataTransfer();
        data.items.add(new File([new Uint8Array(bytes)], "a.png", { type: "image/png" }));
        const dropped = new DragEvent("drop", { dataTransfer: data });
        document.querySelector(".drop").dispatchEvent(dropped);
    }"""
    page.evaluate(drop, [picture])
    expect(page.get_by_alt_text("The chosen image")).to_be_visible()
    predict(page)
    expect(page.locator(".answer")).to_contain_text("ms with the network")


def test_an_answer_that_is_a_picture_is_drawn(page: Page, url: str) -> None:
    page.goto(f"{url}/ui/stripes")
    page.get_by_label("x", exact=True).fill(json.dumps([[[row % 2] * 8 for row in range(16)]]))
    predict(page)
    drawn = page.get_by_role("img", name="Picture of 8 × 16")  # noqa: RUF001 as the page writes it
    pixels = "canvas => [...canvas.getContext('2d').getImageData(0, 0, 1, 3).data]"
    assert drawn.evaluate(pixels)[::4] == [0, 255, 0]


def test_the_keyboard_alone_is_enough(page: Page, url: str) -> None:
    page.goto(f"{url}/ui/people")
    page.get_by_label("ages[1]").focus()
    page.keyboard.press("Enter")
    expect(page.locator(".answer")).to_contain_text("version 1")
    page.goto(f"{url}/ui/people")
    page.locator("h1").wait_for()
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()


def test_the_document_asks_the_model_that_its_menu_chooses(page: Page, url: str) -> None:
    page.goto(f"{url}/docs")
    page.get_by_label("Model", exact=True).select_option("people")
    expect(page.locator("#docs h1")).to_contain_text("people")
    page.locator("#operations-Plain_JSON-plain_predict button").first.click()
    page.get_by_role("button", name="Try it out").click()
    page.get_by_role("button", name="Execute").click()
    answered = page.locator(".live-responses-table .highlight-code").first
    expect(answered).to_contain_text('"model": "people"')


PAGES = {"/ui": "h1", "/ui/people": ".answer", "/docs?model=people": ".opblock"}
"""Each page, and what it shows when it is complete."""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(
    browser: Browser, url: str, scheme: Literal["light", "dark"]
) -> None:
    context = browser.new_context(color_scheme=scheme, bypass_csp=True)  # axe is a foreign script
    page = context.new_page()
    for path, shown in PAGES.items():
        page.goto(f"{url}{path}")
        if shown == ".answer":
            page.get_by_label("version 2").check()
            predict(page)
        page.locator(shown).first.wait_for()
        found = {
            each["id"]: [node["html"] for node in each["nodes"]]
            for each in Axe().run(page).response["violations"]
            if each["impact"] in ("serious", "critical")
        }
        assert found.keys() <= (OF_SWAGGER_UI if "docs" in path else set()), found
    context.close()


def test_nothing_is_wider_than_a_phone(browser: Browser, url: str) -> None:
    context = browser.new_context(viewport={"width": 375, "height": 800})
    page = context.new_page()
    for path, shown in PAGES.items():
        page.goto(f"{url}{path}")
        if shown == ".answer":
            predict(page)
        page.locator(shown).first.wait_for()
        assert page.evaluate("document.documentElement.scrollWidth") == 375
    context.close()


def guarded(app: App) -> App:
    """An API that wants a token, as a deployed one; it answers 401 without one."""

    async def guard(scope: Scope, receive: Receive, send: Send) -> None:
        if (b"authorization", f"Bearer {TOKEN}".encode()) in scope["headers"]:
            await app(scope, receive, send)
            return
        head = [(b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": 401, "headers": head})
        await send({"type": "http.response.body", "body": b'{"error": "Unauthorized"}'})

    return guard


@pytest.fixture(scope="module")
def guarded_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    root = tmp_path_factory.mktemp("guarded")
    served = ServedModel("people", {1: write_people(root, 1)})
    app = serve(ServingSettings((served,), str(root)))
    with uvicorn_serving(with_pages(guarded(app))) as address:
        yield f"http://{address}"


def test_a_page_asks_for_a_token_and_keeps_it_in_its_tab(
    browser: Browser, guarded_url: str
) -> None:
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{guarded_url}/ui/people")
    expect(page.get_by_role("alert")).to_contain_text("needs a token")
    page.get_by_label("Token").fill(TOKEN)
    page.get_by_role("button", name="Use it").click()
    expect(page.get_by_label("ages[0]")).to_be_visible()
    predict(page)
    expect(page.locator(".answer")).to_contain_text("version 1")
    expect(page.get_by_label("Request", exact=True)).to_contain_text("Bearer $TOKEN")
    assert TOKEN not in page.content()
    assert page.evaluate("[localStorage.length, document.cookie]") == [0, ""]
    page.goto(f"{guarded_url}/docs?model=people")
    expect(page.locator(".opblock").first).to_be_visible()
    other = context.new_page()
    other.goto(f"{guarded_url}/docs")
    other.get_by_label("Token").fill(TOKEN)
    other.get_by_role("button", name="Use it").click()
    authorize(other, "not a token")
    execute(other)
    expect(other.locator(".live-responses-table")).to_contain_text("401")
    authorize(other, TOKEN)
    execute(other)
    expect(other.locator(".live-responses-table .highlight-code").first).to_contain_text("people")
    context.close()


def authorize(page: Page, token: str) -> None:
    """Enter a token in the dialog of Swagger UI's own button."""
    page.get_by_role("button", name="Authorize").first.click()
    dialog = page.locator(".dialog-ux .auth-container").first
    dialog.get_by_role("button", name="Remove authorization").click()
    dialog.get_by_role("textbox").fill(token)
    dialog.get_by_role("button", name="Apply credentials").click()
    page.locator(".dialog-ux .close-modal").click()


def execute(page: Page) -> None:
    """Send the request of the plain dialect."""
    if not page.locator(".execute").count():
        page.locator("#operations-Plain_JSON-plain_predict button").first.click()
        page.get_by_role("button", name="Try it out").click()
    page.locator(".execute").click()


def engine() -> Any:
    """A language model that says two words, in two events."""
    words = ("ahoy", " there")
    events = [
        b"data: %b\n\n" % json.dumps({"choices": [{"delta": {"content": word}}]}).encode()
        for word in words
    ]
    return sagemaker.stream([*events, b"data: [DONE]\n\n"])


def test_a_language_model_is_asked_in_words_and_answers_as_a_stream(
    page: Page, tmp_path: Path
) -> None:
    with (
        sagemaker.running(engine()),
        uvicorn_serving(with_pages(serve(proxy(tmp_path, "chat")))) as address,
    ):
        page.route("**/metrics", lambda route: route.fulfill(body=""))
        page.goto(f"http://{address}/ui/chat")
        page.get_by_label("Your text").fill("Who are you?")
        page.get_by_role("button", name="Ask").click()
        expect(page.locator("#answer")).to_have_text("ahoy there")

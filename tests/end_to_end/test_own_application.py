"""The service inside somebody's FastAPI application, as the guide shows it."""

import json
import re
from contextlib import chdir
from pathlib import Path
from runpy import run_path

from tests.end_to_end.conftest import ROOT, lading
from tests.support.driver import ask

GUIDE = (ROOT / "docs/own-application.md").read_text()
SAMPLE = "examples/digits/sample.json"


def test_the_guides_application_answers_beside_its_own_routes(published: Path) -> None:
    [source] = re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL)
    (published / "own_app.py").write_text(source)
    with chdir(published):
        app = run_path("own_app.py")["app"]
    assert ask(app, "GET /greeting").document == "I serve digits"
    page = ask(app, "GET /ml/docs")
    assert page.headers["content-type"].startswith("text/html")
    assert b'href="openapi.json"' in page.body
    assert ask(app, "GET /ml/models").document[0]["name"] == "digits"
    assert ask(app, "GET /models").status == 404
    answers = [
        ask(app, f"POST {path}", (published / SAMPLE).read_bytes()).document
        for path in ("/ml/digits/predict", "/ml/predict/digits")
    ]
    predicted = json.loads(lading(published, "predict", "digits", "--input", SAMPLE, "--json"))
    assert answers == [predicted, predicted]

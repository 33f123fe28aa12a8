"""SageMaker's multi-model contract, in a container that SageMaker starts for it."""

from pathlib import Path
from typing import Any

import pytest

from lading.functions.contract.names import CONTAINER, ENVIRONMENT
from lading.functions.inference.entry.container import create_container, load, observe
from lading.functions.inference.entry.container_settings import ContainerSettings
from lading.functions.inference.lanes.lanes import Lanes
from lading.functions.inference.lanes.limits import LaneLimits
from lading.functions.inference.wire.asgi import App
from tests.support.driver import ask, serve
from tests.support.worlds import echo, settings_for, times, write_artifact

ROWS = {"instances": [[1, 2]]}


@pytest.fixture
def app(tmp_path: Path) -> App:
    """A multi-model container, and two models where SageMaker would put them."""
    for place, factor in (("aaaa", 2), ("bbbb", 3)):
        write_artifact(tmp_path / place / "model", "packaged", 1, times(factor))
    environment = {CONTAINER.multi_model: "true", ENVIRONMENT.model_root: str(tmp_path)}
    settings = ContainerSettings.from_environment(environment)
    catalog = load(settings)
    observability = observe(catalog, settings)[1]
    return create_container(catalog, settings, observability, Lanes(LaneLimits(threads=1)))


def loaded(app: App, root: Path, place: str) -> Any:
    document = {"model_name": place, "url": str(root / place / "model")}
    return ask(app, "POST /models", document)


def test_models_are_loaded_invoked_and_unloaded(app: App, tmp_path: Path) -> None:
    assert ask(app, "GET /ping").status == 200
    assert ask(app, "GET /models").document == {"models": []}
    for place, answer in (("aaaa", [[2.0, 4.0]]), ("bbbb", [[3.0, 6.0]])):
        assert loaded(app, tmp_path, place).status == 200
        found = ask(app, f"POST /models/{place}/invoke", ROWS)
        assert found.document == {"predictions": answer}
    url = str(tmp_path / "aaaa" / "model")
    assert ask(app, "GET /models/aaaa").document == {"modelName": "aaaa", "modelUrl": url}
    assert [each["modelName"] for each in ask(app, "GET /models").document["models"]] == [
        "aaaa",
        "bbbb",
    ]
    assert ask(app, "DELETE /models/aaaa").status == 200
    assert ask(app, "POST /models/aaaa/invoke", ROWS).status == 404
    assert ask(app, "DELETE /models/aaaa").status == 404


def test_a_model_that_is_loaded_already_is_a_conflict(app: App, tmp_path: Path) -> None:
    loaded(app, tmp_path, "aaaa")
    assert loaded(app, tmp_path, "aaaa").status == 409


@pytest.mark.parametrize(
    "document",
    [
        [],
        {},
        {"model_name": "a"},
        {"model_name": 1, "url": "x"},
        {"model_name": "a", "url": ""},
        {"model_name": "a", "url": "/etc"},
        {"model_name": "a", "url": "aaaa/../.."},
        {"model_name": "a/b", "url": "aaaa/model"},
    ],
)
def test_what_is_no_model_is_refused(app: App, document: Any) -> None:
    assert ask(app, "POST /models", document).status == 400


def test_elsewhere_the_path_is_ladings_own(tmp_path: Path) -> None:
    app = serve(settings_for(tmp_path, {"m": {1: echo()}}))
    assert [model["name"] for model in ask(app, "GET /models").document] == ["m"]
    assert ask(app, "POST /models", {"model_name": "m", "url": "m"}).status == 405

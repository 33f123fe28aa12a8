"""TorchServe's management API, as its clients read it, over models that really come and go."""

import os
from pathlib import Path
from typing import Any

import pytest

from lading.functions.inference.app.application import create_app
from lading.functions.inference.app.torchserve_management import create_management
from lading.functions.inference.loading.control import ModelControl
from lading.functions.inference.loading.folder import load_folder
from lading.functions.inference.wire.asgi import App
from tests.support.driver import Answer, ask
from tests.support.worlds import echo, times, write_artifact


def world(root: Path) -> tuple[App, App]:
    """Management and inference of `a`, in versions 1 and 2; `b` may be registered."""
    write_artifact(root, "a", 1, times(2))
    write_artifact(root, "a", 2, times(4))
    catalog = load_folder(root)
    write_artifact(root, "b", 1, echo())
    write_artifact(root / "elsewhere", "c", 3, echo())
    control = ModelControl(catalog, root)
    catalog.attach(control)
    return create_management(catalog, control), create_app(catalog)


def predicted(app: App, model: str) -> Answer:
    return ask(app, f"POST /predictions/{model}", [[1, 2]])


def test_a_model_is_registered_and_unregistered(tmp_path: Path) -> None:
    management, inference = world(tmp_path)
    answer = ask(management, "POST /models?url=b&initial_workers=1&synchronous=true")
    assert answer.status == 200
    assert answer.document == {"status": 'Model "b" Version: 1 registered'}
    assert predicted(inference, "b").status == 200
    answer = ask(management, "DELETE /models/b")
    assert answer.document == {"status": 'Model "b" unregistered'}
    assert predicted(inference, "b").status == 404


def test_a_folder_is_registered_under_a_name(tmp_path: Path) -> None:
    management, inference = world(tmp_path)
    assert ask(management, "POST /models?url=elsewhere&model_name=mine").status == 200
    assert predicted(inference, "mine").status == 200
    (told,) = ask(management, "GET /models/mine").document
    assert (told["modelUrl"], told["loadedAtStartup"]) == ("elsewhere", False)


def test_models_are_listed_in_pages(tmp_path: Path) -> None:
    management, _ = world(tmp_path)
    ask(management, "POST /models?url=b")
    first = ask(management, "GET /models?limit=1").document
    assert first == {"nextPageToken": "1", "models": [{"modelName": "a", "modelUrl": "a"}]}
    last = ask(management, "GET /models?limit=1&next_page_token=1").document
    assert last == {"models": [{"modelName": "b", "modelUrl": "b"}]}


@pytest.mark.parametrize(
    ("path", "versions"), [("a", ["2"]), ("a/1", ["1"]), ("a/1.0", ["1"]), ("a/all", ["1", "2"])]
)
def test_a_model_is_described_in_a_list(tmp_path: Path, path: str, versions: list[str]) -> None:
    described = ask(world(tmp_path)[0], f"GET /models/{path}").document
    assert [each["modelVersion"] for each in described] == versions


def test_a_description_has_only_what_is_known_of_this_process(tmp_path: Path) -> None:
    (told,) = ask(world(tmp_path)[0], "GET /models/a").document
    (worker,) = told.pop("workers")
    assert told == {"modelName": "a", "modelVersion": "2", "modelUrl": "a", "loadedAtStartup": True}
    assert worker.keys() == {"startTime", "status", "pid"}
    assert (worker["status"], worker["pid"]) == ("READY", os.getpid())


def test_a_model_that_comes_back_was_not_loaded_at_startup(tmp_path: Path) -> None:
    management, _ = world(tmp_path)
    ask(management, "DELETE /models/a")
    ask(management, "POST /models?url=a")
    (told,) = ask(management, "GET /models/a").document
    assert told["loadedAtStartup"] is False


def test_workers_cannot_be_scaled(tmp_path: Path) -> None:
    answer = ask(world(tmp_path)[0], "PUT /models/a?min_worker=3&synchronous=true")
    assert (answer.status, answer.document["type"]) == (501, "NotImplementedException")
    assert "share the threads" in answer.document["message"]


def test_a_default_is_set_and_cannot_go(tmp_path: Path) -> None:
    management, inference = world(tmp_path)
    assert ask(management, "PUT /models/a/1/set-default").status == 200
    assert predicted(inference, "a").document == [[2.0, 4.0]]
    answer = ask(management, "DELETE /models/a/1")
    assert (answer.status, answer.document["message"]) == (
        403,
        "Cannot remove default version for model a",
    )
    assert ask(management, "DELETE /models/a/2").status == 200
    assert ask(management, "GET /models/a/2").status == 404


@pytest.mark.parametrize(
    ("target", "status", "kind"),
    [
        ("GET /models/z", 404, "ModelNotFoundException"),
        ("GET /models/a/9.0", 404, "ModelVersionNotFoundException"),
        ("DELETE /models/z", 404, "ModelNotFoundException"),
        ("PUT /models/a/9/set-default", 404, "ModelVersionNotFoundException"),
        ("POST /models", 400, "BadRequestException"),
        ("POST /models?url=https://example.com/m.mar", 400, "BadRequestException"),
        ("POST /models?url=../..", 400, "BadRequestException"),
        ("POST /models?model_name=a&url=b", 409, "ConflictStatusException"),
        ("POST /models?url=z&model_name=models", 400, "BadRequestException"),
        ("PUT /models/a?min_worker=0", 400, "BadRequestException"),
        ("PUT /models/a?min_worker=x", 400, "BadRequestException"),
        ("PUT /models/a?min_worker=99999999999999", 400, "BadRequestException"),
        ("PUT /models/a?min_worker=2&max_worker=1", 400, "BadRequestException"),
        (f"GET /models/{'a' * 2000}", 400, "BadRequestException"),
        ("GET /models?limit=-1", 400, "BadRequestException"),
        ("PATCH /models", 405, "MethodNotAllowedException"),
        ("GET /models/a/1/set-default", 405, "MethodNotAllowedException"),
        ("GET /models//1", 404, "ResourceNotFoundException"),
        ("GET /models/a/1/2/3", 404, "ResourceNotFoundException"),
        ("GET /workflows", 404, "ResourceNotFoundException"),
        ("POST /workflows?url=w.war", 404, "ResourceNotFoundException"),
        ("GET /token?type=inference", 404, "ResourceNotFoundException"),
    ],
)
def test_what_is_wrong_is_the_triple(tmp_path: Path, target: str, status: int, kind: str) -> None:
    answer = ask(world(tmp_path)[0], target)
    document: dict[str, Any] = answer.document
    assert (answer.status, document["code"], document["type"]) == (status, status, kind)
    assert document["message"]


def test_what_does_not_load_is_not_registered(tmp_path: Path) -> None:
    management, inference = world(tmp_path)
    (tmp_path / "models/b/1/model.onnx").write_bytes(b"broken")
    answer = ask(management, "POST /models?url=b")
    assert (answer.status, answer.document["type"]) == (503, "ServiceUnavailableException")
    assert predicted(inference, "b").status == 404

"""`/v1/models` is three protocols' path: each finds its own keys in the one document."""

from pathlib import Path

from tests.support.driver import ask, serve
from tests.support.worlds import echo, settings_for


def test_the_list_is_openais(tmp_path: Path) -> None:
    app = serve(settings_for(tmp_path, {"b": {1: echo()}, "a": {1: echo()}}))
    answer = ask(app, "GET /v1/models").document
    assert answer["object"] == "list"
    assert [(each["id"], each["object"]) for each in answer["data"]] == [
        ("a", "model"),
        ("b", "model"),
    ]


def test_a_model_has_the_keys_of_all_three(tmp_path: Path) -> None:
    app = serve(settings_for(tmp_path, {"m": {1: echo()}}))
    answer = ask(app, "GET /v1/models/m").document
    assert (answer["id"], answer["object"], answer["owned_by"]) == ("m", "model", "lading")
    assert (answer["name"], answer["ready"]) == ("m", True)
    assert [each["version"] for each in answer["model_version_status"]] == ["1"]


def test_a_version_has_tensorflow_servings_keys_alone(tmp_path: Path) -> None:
    app = serve(settings_for(tmp_path, {"m": {1: echo()}}))
    for at in ("versions/1", "labels/stable"):
        assert list(ask(app, f"GET /v1/models/m/{at}").document) == ["model_version_status"]


def test_a_model_that_failed_to_load_is_told_and_not_ready(tmp_path: Path) -> None:
    settings = settings_for(tmp_path, {"m": {1: echo()}})
    (tmp_path / "models" / "m" / "1" / "model.onnx").unlink()
    answer = ask(serve(settings), "GET /v1/models/m")
    assert (answer.status, answer.document["ready"]) == (200, False)

"""The plain dialect's routes: with a model, a version and a label, or with none."""

from lading.functions.contract.dialects.plain import PLAIN
from lading.functions.contract.errors import RouteNotFound


def test_predictions_and_explanations_need_no_model_version_or_label() -> None:
    assert {route.template for route in PLAIN.routes} == {
        f"/{verb}{below}"
        for verb in ("predict", "explain")
        for below in (
            *("", "/versions/{version}", "/labels/{label}", "/{model}"),
            *("/{model}/versions/{version}", "/{model}/labels/{label}"),
        )
    }


def test_an_error_is_one_text() -> None:
    status, document, _ = PLAIN.refuse(RouteNotFound("GET", "/x"), "/x")
    text = "nothing is served at GET /x; GET /models lists the models"
    assert (status, document) == (404, {"error": text})

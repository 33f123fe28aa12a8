import pytest

from lading.cli.smoke.golden import StableModel
from lading.cli.smoke.operations import offered_operations
from lading.functions.traffic_hook.golden import Golden

TENSOR = {"datatype": "FP32", "shape": [1, 2], "data": [1.0, 2.0]}
GOLDEN = Golden([{"inputs": {"x": [[1.0, 2.0]]}, "outputs": {"y": [[1.0, 2.0]]}}], 0, 0)
TENSORS = ({"inputs": [{"name": "x", **TENSOR}], "outputs": [{"name": "y", **TENSOR}]},)


def urls(model: StableModel) -> dict[str, str]:
    return {each.name: each.url("https://api/", model.name) for each in offered_operations(model)}


def test_each_operation_has_its_url_below_the_base_url_and_at_the_root() -> None:
    found = urls(StableModel("m", 1, GOLDEN, TENSORS))
    assert found["plain predict, base URL"] == "https://api/m/predict"
    assert found["plain predict, root path"] == "https://api/predict/m"
    assert found["open_inference infer, base URL"] == "https://api/m/v2/models/m/infer"
    assert found["torchserve predict, root path"] == "https://api/predictions/m"
    assert "sagemaker invoke, root path" not in found  # that path names no model


def test_a_model_without_golden_requests_offers_what_needs_none() -> None:
    found = urls(StableModel("m", 1))
    assert "open_inference model_metadata, root path" in found
    assert not {name for name in found if "predict" in name or "infer," in name}


@pytest.mark.parametrize(
    ("operation", "more"),
    [
        ("openai chat", {"model": "m", "max_tokens": 1}),
        ("open_inference generate", {"parameters": {"max_tokens": 1}}),
    ],
)
def test_a_language_model_gets_the_example_of_the_record(
    operation: str, more: dict[str, object]
) -> None:
    model = StableModel("m", 1, language=True)
    offered = {each.name: each for each in offered_operations(model)}
    example = offered[f"{operation}, base URL"].example("m")
    assert example | more == example
    assert operation not in {name.partition(",")[0] for name in urls(StableModel("m", 1))}


def test_nothing_that_loads_or_unloads_a_model_is_called() -> None:
    names = urls(StableModel("m", 1, GOLDEN, TENSORS, language=True))
    assert not {name for name in names if "load" in name or "explain" in name}

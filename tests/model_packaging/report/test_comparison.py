from dataclasses import replace

import pytest

from lading.model_packaging.manifest.options import QuantizeSpec
from lading.model_packaging.pipeline import package
from lading.model_packaging.report.comparison import Fact, compare_versions
from lading.model_packaging.store.local import LocalStore
from lading.model_packaging.store.publication import Published
from tests.model_packaging.models import wide_spec
from tests.model_packaging.report.test_training import MADE


@pytest.fixture(scope="module")
def versions(tmp_path_factory: pytest.TempPathFactory) -> tuple[Published, Published]:
    """The same gated model, unchanged and quantized."""
    folder = tmp_path_factory.mktemp("wide")
    store = LocalStore(folder / "store")
    for quantize in (QuantizeSpec("none"), QuantizeSpec("dynamic")):
        package(wide_spec(folder, quantize=quantize), store, folder / "models.lock.json")
    return store.open("wide", 1), store.open("wide", 2)


def named(facts: list[Fact]) -> dict[str, Fact]:
    assert len({fact.name for fact in facts}) == len(facts)
    return {fact.name: fact for fact in facts}


def test_facts_come_in_groups_with_the_values_of_both(
    versions: tuple[Published, Published],
) -> None:
    before, after = versions
    facts = compare_versions(before, after)
    groups = list(dict.fromkeys(fact.group for fact in facts))
    assert groups == ["signature", "size", "accuracy", "latency", "what made it"]
    found = named(facts)
    sizes = (len(before.artifact.model), len(after.artifact.model))
    assert found["bytes"] == Fact("size", "bytes", *sizes)
    assert found["accuracy"].before == before.artifact.specification["accuracy"]["after"] == 1.0
    assert found["accuracy"].after == after.artifact.specification["accuracy"]["after"]
    assert found["stages"].before == "convert"
    assert "quantize scheme dynamic" in str(found["stages"].after)
    assert found["held-out rows"].before == found["held-out rows"].after is not None
    assert found["onnx"].before == after.artifact.specification["tools"]["onnx"]


def test_a_changed_tool_option_or_machine_is_named(versions: tuple[Published, Published]) -> None:
    before, _ = versions
    document = {**before.artifact.specification, "tools": {"onnx": "0.1"}, "processing": [{"a": 1}]}
    other = replace(before, artifact=before.artifact._replace(specification=document), files={})
    found = named(compare_versions(before, other))
    assert found["onnx"].after == "0.1"
    assert found["onnxruntime"].after is None
    assert str(found["processing"].after).startswith("sha256:")
    assert found["measured on"].after is None
    assert found["p50 ms"].after is None


def test_further_signatures_are_part_of_it(versions: tuple[Published, Published]) -> None:
    before, _ = versions
    tensor = {"name": "x", "datatype": "FP32", "shape": [-1, 2]}
    entries = [
        {"name": "serving_default"},
        {"name": "embed", "inputs": [tensor], "outputs": [{**tensor, "name": "y"}]},
        {"name": "other", "alias": "embed"},
    ]
    document = {**before.artifact.specification, "signatures": entries}
    other = replace(before, artifact=before.artifact._replace(specification=document))
    found = named(compare_versions(before, other))
    assert found["signature serving_default"].after == "the inputs above"
    assert found["signature embed"].after == "x FP32 [-1, 2] to y FP32 [-1, 2]"
    assert found["signature other"].after == "the same as embed"
    assert found["signature embed"].before is None


def test_what_trained_a_model_is_compared(versions: tuple[Published, Published]) -> None:
    before, _ = versions

    def trained(**changes: object) -> Published:
        document = {**before.artifact.specification, "training": {**MADE, **changes}}
        return replace(before, artifact=before.artifact._replace(specification=document))

    other = {"parameters": {"depth": 9, "deep": True}, "metrics": {"auc": 0.95}, "commit": "c2"}
    found = named(compare_versions(trained(commit="c1"), trained(**other)))
    assert found["commit"] == Fact("training", "commit", "c1", "c2")
    assert found["parameter depth"] == Fact("training", "parameter depth", "6", "9")
    assert found["parameter deep"] == Fact("training", "parameter deep", None, "true")
    assert found["metric auc"] == Fact("training", "metric auc", 0.9, 0.95)
    assert found["data train"].before == found["data train"].after == "sha256:2"
    assert found["training energy"].before == "20 to 40 J, 1 to 2 g CO2e in eu-west-1"
    first = named(compare_versions(before, trained()))
    assert (first["script"].before, first["script"].after) == (None, "train.py")


@pytest.mark.parametrize(
    "damage", [{"tools": None}, {"source": {}}, {"steps": []}, {"training": {}}]
)
def test_damaged_documents_are_one_clear_error(
    versions: tuple[Published, Published], damage: dict[str, object]
) -> None:
    before, _ = versions
    document = {**before.artifact.specification, **damage}
    other = replace(before, artifact=before.artifact._replace(specification=document), files={})
    with pytest.raises(ValueError, match="its documents are damaged"):
        compare_versions(before, other)

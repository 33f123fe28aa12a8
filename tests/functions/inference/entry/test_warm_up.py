"""Warming before a snapshot: the golden requests are answered, and nobody is told."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lading.functions.contract.settings import ServedModel, ServingSettings
from lading.functions.inference.artifact.reading import sha256
from lading.functions.inference.artifact.specification import GOLDEN, MODEL, TensorSpec
from lading.functions.inference.entry.warm_up import warm_up
from lading.functions.inference.loading.catalog import Catalog, CatalogModel, load_catalog
from lading.functions.inference.models.predictor import ModelMetadata, Predictor, keeps_memory
from lading.functions.inference.tensors.conversion import Array
from tests.support.interpreter import proxy_event, run_clean
from tests.support.worlds import STRING, echo, times, write_artifact, write_golden

SNAPSHOT = """
import json, sys
from lading.functions.inference.entry.lambda_handler import handler
from snapshot_restore_py import get_before_snapshot
for action, args, kwargs in get_before_snapshot():
    print(json.dumps({"warmed": action(*args, **kwargs)}))
print(json.dumps({"answer": handler(json.loads(sys.argv[1]), None)}))
"""


def tensor(datatype: str, shape: list[int], data: list[Any]) -> dict[str, Any]:
    return {"name": "x", "datatype": datatype, "shape": shape, "data": data}


def served(root: Path, model: bytes, *inputs: dict[str, Any]) -> ServingSettings:
    """A model with these golden requests."""
    requests = [{"inputs": [it], "outputs": []} for it in inputs]
    golden = json.dumps({"tolerance": {}, "requests": requests}).encode()
    files = {MODEL: sha256(model), GOLDEN: sha256(golden)}
    digest = write_artifact(root, "m", 1, model, files=files)
    (root / "models/m/1" / GOLDEN).write_bytes(golden)
    return ServingSettings((ServedModel("m", {1: digest}, {"stable": 1}),), str(root))


def test_every_golden_request_is_answered(tmp_path: Path) -> None:
    single, batch = tensor("FP32", [1, 2], [1.0, 2.0]), tensor("FP32", [2, 1], [1.0, 2.0])
    assert warm_up(load_catalog(served(tmp_path, times(2.0), single, batch))) == 2


class Noting(Predictor):
    """A predictor that notes which requests may leave their working memory behind."""

    metadata = ModelMetadata("m", 1, "none", (TensorSpec("x", "FP32", (-1,)),), ())

    def __init__(self, *requests: dict[str, Any]) -> None:
        inputs = [{"inputs": [each], "outputs": []} for each in requests]
        self.golden = json.dumps({"requests": inputs}).encode()
        self.noted: list[tuple[float, bool]] = []

    def predict(self, inputs: dict[str, Array], outputs: Sequence[str] = ()) -> dict[str, Array]:
        self.noted.append((float(inputs["x"][0]), keeps_memory.get()))
        return {}


def test_only_the_first_golden_request_leaves_its_memory_to_the_model() -> None:
    model = Noting(*(tensor("FP32", [1], [number]) for number in (1.0, 2.0, 3.0)))
    assert warm_up(Catalog({"m": CatalogModel("m", {1: model})})) == 3
    assert model.noted == [(1.0, False), (2.0, False), (3.0, False), (1.0, True)]
    assert keeps_memory.get()


def test_texts_are_answered_too(tmp_path: Path) -> None:
    settings = served(tmp_path, echo(STRING), tensor("BYTES", [1, 2], ["a", "b"]))
    assert warm_up(load_catalog(settings)) == 1


def test_a_model_without_golden_requests_is_left_as_it_is(tmp_path: Path) -> None:
    digest = write_artifact(tmp_path, "m", 1, echo())
    settings = ServingSettings((ServedModel("m", {1: digest}),), str(tmp_path))
    assert warm_up(load_catalog(settings)) == 0


def test_a_model_that_did_not_load_stops_nothing(tmp_path: Path) -> None:
    settings = ServingSettings((ServedModel("m", {1: "sha256:0"}),), str(tmp_path))
    assert warm_up(load_catalog(settings)) == 0


def test_lambda_warms_before_the_snapshot_and_counts_no_request(tmp_path: Path) -> None:
    settings = served(tmp_path, times(2.0), tensor("FP32", [1, 2], [1.0, 2.0]))
    event = json.dumps(proxy_event("POST", "/m/predict", {"inputs": [[1, 2]]}))
    warmed, *told, answer = run_clean(SNAPSHOT, settings.to_environment(), event)
    assert warmed == {"warmed": 1}
    assert answer["answer"]["statusCode"] == 200
    (line,) = [it for it in told if it.get("message") == "request"]
    assert (line["Requests"], line["ColdStart"]) == ([1.0], [1.0])


def test_a_version_that_answers_wrong_is_not_served(tmp_path: Path) -> None:
    wrong = write_golden(tmp_path, "m", 1, echo(), answer=[2.0, 1.0])
    right = write_golden(tmp_path, "m", 2, echo(), answer=[1.0, 2.0])
    settings = ServingSettings((ServedModel("m", {1: wrong, 2: right}),), str(tmp_path))
    catalog = load_catalog(settings)
    assert warm_up(catalog) == 1
    (failure,) = catalog.failures()
    assert (failure.version, "answered wrong" in failure.reason) == (1, True)
    assert catalog.below()["m"].failures() == (failure,)

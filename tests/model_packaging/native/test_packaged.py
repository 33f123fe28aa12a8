"""A model that is not converted, from its file to an answer of the service."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lading.cli.placements import needs_of
from lading.functions.contract.settings import ServedModel, ServingSettings
from lading.functions.inference.artifact.reading import read_artifact
from lading.functions.inference.artifact.specification import (
    CARD,
    GOLDEN,
    MODEL,
    NATIVE_FORMAT,
    REPORT,
)
from lading.functions.inference.loading.catalog import load_catalog
from lading.functions.inference.models.predictor import Predictor
from lading.functions.inference.tensors.conversion import from_json
from lading.model_packaging.errors import ManifestError
from lading.model_packaging.lock.file import read_lock
from lading.model_packaging.manifest.entries import EngineSpec
from lading.model_packaging.manifest.models import ModelSpec, load_manifest
from lading.model_packaging.pipeline import package
from lading.model_packaging.placement.prices import read_prices
from lading.model_packaging.placement.targets import place
from lading.model_packaging.report.figures import ReportedVersion
from lading.model_packaging.report.page import render_page
from lading.model_packaging.resolution import identity_of, resolve
from lading.model_packaging.specification import Packaged
from lading.model_packaging.store.local import LocalStore
from tests.model_packaging.native.boosters import make
from tests.support.frameworks import needs

pytestmark = needs("boosting", "xgboost", "lightgbm")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("native")


@pytest.fixture(scope="module")
def spec(folder: Path) -> ModelSpec:
    return ModelSpec("flowers", make("early_stopped", folder), engine=EngineSpec("native"))


@pytest.fixture(scope="module")
def packaged(folder: Path, spec: ModelSpec) -> Packaged:
    return package(spec, LocalStore(folder / "store"), folder / "models.lock.json")


def served(folder: Path, packaged: Packaged) -> Predictor:
    """The model as a function loads it, pinned by the lock."""
    model = ServedModel("flowers", {1: packaged.digest})
    catalog = load_catalog(ServingSettings((model,), str(folder / "store")))
    assert not catalog.failures()
    return catalog.model("flowers").predictor(1)


def test_the_artifact_has_the_file_itself(spec: ModelSpec, packaged: Packaged) -> None:
    place = Path(packaged.location)
    artifact = read_artifact(place, packaged.digest)
    assert artifact.specification["format_version"] == NATIVE_FORMAT
    assert artifact.model == spec.source.read_bytes() == (place / "model.json").read_bytes()
    assert not (place / MODEL).exists()
    assert [step["step"] for step in artifact.specification["steps"]] == ["take"]


def test_the_lock_asks_for_the_layer_of_its_runtime(folder: Path, packaged: Packaged) -> None:
    entry = read_lock(folder / "models.lock.json").model("flowers").versions[packaged.version]
    assert (entry.target, entry.processing) == ("lambda", ("xgboost",))


def test_the_service_answers_its_golden_requests(folder: Path, packaged: Packaged) -> None:
    predictor = served(folder, packaged)
    golden = json.loads((Path(packaged.location) / GOLDEN).read_bytes())
    assert golden["requests"]
    for entry in golden["requests"]:
        inputs = {
            each["name"]: from_json(each["data"], each["name"], each["datatype"]).reshape(
                each["shape"]
            )
            for each in entry["inputs"]
        }
        answers = predictor.predict(inputs)
        for wanted in entry["outputs"]:
            said = from_json(wanted["data"], wanted["name"], wanted["datatype"])
            assert np.array_equal(answers[wanted["name"]].ravel(), said, equal_nan=True)


def test_metadata_card_page_and_plan_say_that_it_is_not_converted(
    folder: Path, packaged: Packaged
) -> None:
    place_of = Path(packaged.location)
    assert served(folder, packaged).metadata.platform == "xgboost_json"
    card = (place_of / CARD).read_text(encoding="utf-8")
    assert "library_name: xgboost" in card
    assert "| not converted | xgboost computes model.json" in card
    report = json.loads((place_of / REPORT).read_bytes())
    specification = read_artifact(place_of, packaged.digest).specification
    page = render_page(ReportedVersion(1, specification, report))
    assert "xgboost, " in page
    assert "not converted" in page
    placement = place(needs_of(folder / "models.lock.json", "flowers"), read_prices())
    assert "not converted, with the layer of xgboost" in placement.why


def test_a_conversion_of_the_same_file_is_another_version(spec: ModelSpec) -> None:
    kept, converted = (resolve(it, ())[0] for it in (spec, replace(spec, engine=None)))
    assert identity_of(kept) != identity_of(converted)


def test_a_graph_of_it_is_refused(folder: Path, packaged: Packaged) -> None:
    text = """
    models:
      flowers: {source: early.json, engine: native}
      both:
        graph:
          inputs: [X]
          nodes: {root: {sequence: [flowers]}}
    """
    (folder / "models.yaml").write_text(text, encoding="utf-8")
    spec = load_manifest(folder / "models.yaml").models["both"]
    assert packaged.version == 1
    with pytest.raises(ManifestError, match="'flowers' is not converted"):
        package(spec, LocalStore(folder / "store"), folder / "models.lock.json")


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        ("engine: native, target: sagemaker", "must be lambda with engine: native"),
        ("engine: native, quantize: dynamic", "has no effect with engine: native"),
        ("engine: native, prune: {method: magnitude, sparsity: 0.5}", "has no effect with engine"),
        ("engine: {name: native, image: x}", "native has no image and no options"),
        ("engine: nativ", "did you mean 'native'"),
    ],
)
def test_keys_that_have_no_effect_on_it_are_errors(tmp_path: Path, entry: str, reason: str) -> None:
    path = tmp_path / "models.yaml"
    path.write_text(f"models: {{m: {{source: m.json, {entry}}}}}", encoding="utf-8")
    with pytest.raises(ManifestError, match=reason):
        load_manifest(path)


def test_the_engine_of_a_model_may_be_one_word(tmp_path: Path) -> None:
    path = tmp_path / "models.yaml"
    path.write_text("models: {m: {source: m.json, engine: native}}", encoding="utf-8")
    assert load_manifest(path).models["m"].engine == EngineSpec("native")

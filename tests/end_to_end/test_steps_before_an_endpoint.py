"""Processing steps in the proxy and the graph in an engine answer as both do in one process."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lading.functions.contract.settings import ServedEndpoint, ServedModel, ServingSettings
from lading.functions.inference.artifact.reading import read_artifact
from lading.functions.inference.artifact.specification import SPECIFICATION
from lading.functions.inference.wire.asgi import App
from lading.model_packaging.lock.file import read_lock
from lading.model_packaging.manifest.entries import EngineSpec
from lading.model_packaging.manifest.models import ModelSpec
from lading.model_packaging.pipeline import package
from lading.model_packaging.specification import Packaged
from lading.model_packaging.store.local import LocalStore
from tests.contracts.test_sagemaker_engines import BOTH, engine
from tests.model_packaging.converters.huggingface.test_converter import save
from tests.model_packaging.steps.test_code import spec as with_code
from tests.support import s3
from tests.support.driver import ask, serve
from tests.support.emulator_sagemaker import serving
from tests.support.frameworks import needs

pytestmark = pytest.mark.slow


def classifier(folder: Path) -> ModelSpec:
    return save(folder / "films", "BertForSequenceClassification", num_labels=3)


HUGGING_FACE = needs("huggingface", "torch", "onnxscript", "transformers", "tokenizers")
MODELS: dict[str, Any] = {"linear": with_code, "films": classifier}


def packaged(spec: ModelSpec, folder: Path) -> Packaged:
    return package(spec, LocalStore(folder), folder / "models.lock.json")


def settings(done: Packaged, folder: Path, **changes: Any) -> ServingSettings:
    model = ServedModel(done.name, {done.version: done.digest}, {"stable": done.version})
    return ServingSettings(models=(model,), model_root=str(folder), **changes)


@pytest.fixture(scope="module", params=["linear", pytest.param("films", marks=HUGGING_FACE)])
def spec(request: Any, tmp_path_factory: pytest.TempPathFactory) -> ModelSpec:
    found: ModelSpec = MODELS[request.param](tmp_path_factory.mktemp("source"))
    return found


@pytest.fixture(scope="module")
def here(spec: ModelSpec, tmp_path_factory: pytest.TempPathFactory) -> App:
    folder = tmp_path_factory.mktemp("here")
    return serve(settings(packaged(spec, folder), folder))


@pytest.fixture(scope="module")
def large(spec: ModelSpec, tmp_path_factory: pytest.TempPathFactory) -> tuple[Packaged, Path]:
    folder = tmp_path_factory.mktemp("large")
    return packaged(replace(spec, target="sagemaker", engine=EngineSpec("triton")), folder), folder


@pytest.fixture(scope="module", params=BOTH)
def there(
    request: Any, large: tuple[Packaged, Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[App]:
    done, folder = large
    scratch = tmp_path_factory.mktemp(request.param)
    running = engine(request.param, Path(done.location) / "engine", scratch)
    with serving(running) as runtime, s3.aws(f"http://127.0.0.1:{runtime.port}"):
        yield serve(settings(done, folder, endpoint=ServedEndpoint("e", time_limit_s=20)))


def same(found: Any, wanted: Any) -> bool:
    """Whether two documents are alike, numbers within what another batch may do to them."""
    if isinstance(wanted, dict):
        return found.keys() == wanted.keys() and all(same(found[k], wanted[k]) for k in wanted)
    if isinstance(wanted, list):
        return len(found) == len(wanted) and all(map(same, found, wanted))
    return bool(found == (pytest.approx(wanted, 1e-4) if isinstance(wanted, float) else wanted))


TEXTS = {
    "linear": ["1 2 3", " ".join(["0.5"] * 16), "-1 " * 16],
    "films": ["the film", "a much longer text of the film", "the"],
}


@pytest.mark.parametrize("count", [1, 3])
def test_texts_are_answered_alike(spec: ModelSpec, here: App, there: App, count: int) -> None:
    name = "texts" if spec.name == "linear" else "text"
    body = {"inputs": {name: TEXTS[spec.name][:count]}}
    alone, proxied = (ask(app, f"POST /{spec.name}/predict", body) for app in (here, there))
    assert (alone.status, proxied.status) == (200, 200), proxied.body
    assert same(proxied.document, alone.document)


@pytest.mark.parametrize("texts", [[1], ["one two three"], [["a"]]])
def test_what_a_step_refuses_is_refused_alike(
    spec: ModelSpec, here: App, there: App, texts: Any
) -> None:
    name = "texts" if spec.name == "linear" else "text"
    body = {"inputs": {name: texts}}
    alone, proxied = (ask(app, f"POST /{spec.name}/predict", body) for app in (here, there))
    assert proxied.status == alone.status
    assert same(proxied.document, alone.document)


def test_callers_see_the_same_signature(spec: ModelSpec, here: App, there: App) -> None:
    asked = f"GET /v2/models/{spec.name}"
    assert ask(there, asked).document == ask(here, asked).document


def test_the_proxy_has_the_steps_and_the_engine_the_graph(large: tuple[Packaged, Path]) -> None:
    done, folder = large
    artifact = read_artifact(Path(done.location), done.digest)
    assert artifact.engine is not None
    document = json.loads((Path(done.location) / SPECIFICATION).read_bytes())
    assert document["format_version"] == 3
    assert artifact.files
    assert not {spec.name for spec in artifact.engine.inputs} & {
        spec.name for spec in artifact.inputs
    }
    warm_up = {path.rpartition("/")[0] for path in artifact.engine.files}
    assert "model/warmup" in warm_up
    locked = read_lock(folder / "models.lock.json").model(done.name).versions[1]
    assert locked.target == "sagemaker"

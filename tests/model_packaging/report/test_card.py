import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from lading.functions.inference.artifact.specification import CARD, REPORT, SPECIFICATION
from lading.model_packaging.manifest.card import CardSpec
from lading.model_packaging.pipeline import package
from lading.model_packaging.report.card import render_card
from lading.model_packaging.report.figures import read_report
from lading.model_packaging.store.local import LocalStore
from lading.model_packaging.store.publication import Published
from tests.model_packaging.models import wide_spec
from tests.model_packaging.report.test_training import MADE

WORDS = CardSpec(
    license="mit",
    description="Finds | what is wide.",
    uses="Tests.",
    limits="No humans.",
    tags=("t",),
)


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Published:
    folder = tmp_path_factory.mktemp("wide")
    store = LocalStore(folder / "store")
    package(wide_spec(folder, card=WORDS), store, folder / "models.lock.json")
    return store.open("wide", 1)


def document(published: Published) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(published.files[SPECIFICATION])
    return found


def head(card: str) -> dict[str, Any]:
    _, text, _ = card.split("---\n", 2)
    found = yaml.safe_load(text)
    assert isinstance(found, dict)
    return found


def test_the_card_is_published_with_the_version(published: Published) -> None:
    report = read_report(published.files[REPORT])
    card = published.files[CARD].decode()
    assert card == render_card(document(published), report, WORDS)
    wider = {**document(published), "check": {"tolerance": 0.02}}
    assert "may differ from those of the original model by 0.02" in render_card(wider, report)
    assert "may differ from those" not in card


def test_no_digest_covers_it(published: Published, tmp_path: Path) -> None:
    assert CARD not in published.artifact.specification["files"]
    with_words, without = LocalStore(tmp_path / "a"), LocalStore(tmp_path / "b")
    first = package(wide_spec(tmp_path, card=WORDS), with_words, tmp_path / "a.json")
    second = package(wide_spec(tmp_path), without, tmp_path / "b.json")
    assert first.identity == second.identity


def test_a_hub_finds_license_task_and_result_in_its_head(published: Published) -> None:
    found = head(published.files[CARD].decode())
    accuracy = published.artifact.specification["accuracy"]
    assert found["license"] == "mit"
    assert found["tags"] == ["lading", "onnx", "t"]
    assert found["pipeline_tag"] == "tabular-classification"
    (result,) = found["model-index"][0]["results"]
    assert result["metrics"] == [
        {"type": "accuracy", "value": accuracy["after"], "name": "accuracy"}
    ]
    assert result["dataset"]["type"] == accuracy["data"]


def test_huggingface_reads_it(published: Published) -> None:
    hub = pytest.importorskip("huggingface_hub")
    data = hub.ModelCard(published.files[CARD].decode()).data
    assert data.license == "mit"
    (result,) = data.eval_results
    assert (result.metric_type, result.task_type) == ("accuracy", "tabular-classification")


def test_people_read_words_signature_limits_and_energy(published: Published) -> None:
    card = published.files[CARD].decode()
    for words in ("Finds | what is wide.", "## Uses\n\nTests.", "## Limits\n\nNo humans."):
        assert words in card
    assert "| input | x | FP32 | [-1," in card
    assert "energy of a million answers" in card


def test_what_is_not_known_is_left_out() -> None:
    specification = {
        "name": "bare",
        "inputs": [],
        "outputs": [],
        "source": {"file": "m", "digest": "sha256:0", "framework": "huggingface"},
        "steps": [{"step": "take", "bytes": 3}],
        "accuracy": None,
        "engine": {},
    }
    card = render_card(specification, {})
    assert head(card) == {"tags": ["lading", "huggingface"]}
    for title in ("## Uses", "## Signature", "## Figures", "## Limits", "## Data"):
        assert title not in card


def test_training_and_slices_are_told(published: Published) -> None:
    specification = {**document(published), "training": MADE}
    compared = [{"metric": "accuracy", "champion": 0.5, "challenger": 0.75}]
    slices = [{"column": "city", "value": "a|b", "rows": 4, "compared": compared}]
    card = render_card(specification, {}, evaluation={"slices": slices}, version=3)
    assert "# wide, version 3" in card
    assert "| city | a\\|b | 4 | accuracy | 0.75 |" in card
    data = MADE["data"]
    assert isinstance(data, dict)
    for name, digest in data.items():
        assert f"| data {name} | `{digest}` |" in card


def test_the_classes_with_the_lowest_f1_are_told_as_plain_text(published: Published) -> None:
    specification = document(published)
    assert (
        "By class:" in published.files[CARD].decode()
        or "lowest F1" in published.files[CARD].decode()
    )
    figures = {"rows": 4, "precision": 0.5, "recall": None, "f1": 0.25, "f1_original": 1.0}
    found = {"classes": [{"name": "<b>[a](x)|_", **figures}], "left_out": 0}
    card = render_card(specification, {"by_class": found})
    assert "| &#60;b&#62;&#91;a&#93;&#40;x&#41;&#124;&#95; | 4 | 0.500 |  | 0.250 |" in card
    assert "By class:" not in render_card(specification, {})


@pytest.mark.parametrize(
    ("metric", "inputs", "processing", "task"),
    [
        ("rmse", [{"name": "x", "datatype": "FP32", "shape": [-1]}], [], "tabular-regression"),
        ("f1", [{"name": "x", "datatype": "BYTES", "shape": [-1]}], [], "text-classification"),
        ("accuracy", [], [{"step": "image"}], "image-classification"),
        ("cosine", [], [], "feature-extraction"),
    ],
)
def test_the_task_is_that_of_the_metric_and_the_inputs(
    published: Published, metric: str, inputs: list[Any], processing: list[Any], task: str
) -> None:
    known = document(published)
    accuracy = json.loads(json.dumps(known["accuracy"])) | {"metric": metric}
    changed = {"accuracy": accuracy, "inputs": inputs, "processing": processing}
    assert head(render_card({**known, **changed}, {}))["pipeline_tag"] == task


def test_damaged_documents_are_refused(published: Published) -> None:
    with pytest.raises(ValueError, match="damaged"):
        render_card({**document(published), "inputs": [3]}, {})

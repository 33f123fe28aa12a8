import json
from collections.abc import Mapping
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from lading.functions.inference.artifact.reading import read_artifact
from lading.model_packaging.energy.estimate import Estimator
from lading.model_packaging.energy.published import read_published
from lading.model_packaging.manifest.options import PruneSpec, QuantizeSpec
from lading.model_packaging.pipeline import package
from lading.model_packaging.report.figures import ReportedVersion
from lading.model_packaging.report.page import render_page
from lading.model_packaging.store.local import LocalStore
from tests.model_packaging.models import wide_spec

VOID = ("meta", "br")


class Tags(HTMLParser):
    """Checks that tags are closed in order, and keeps what a browser would fetch."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.fetched: list[str] = []
        self.feed(page)
        assert self.open == []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.fetched += [str(value) for key, value in attributes if key in ("src", "href")]
        if tag not in VOID and not self.get_starttag_text().endswith("/>"):  # type: ignore[union-attr]
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.fixture(scope="module")
def documents(tmp_path_factory: pytest.TempPathFactory) -> tuple[Mapping[str, Any], dict[str, Any]]:
    """artifact.json and report.json of a model that was pruned, quantized and gated."""
    folder = tmp_path_factory.mktemp("wide")
    prune, quantize = PruneSpec("magnitude", 0.1), QuantizeSpec("dynamic")
    spec = wide_spec(folder, prune=prune, quantize=quantize)
    packaged = package(spec, LocalStore(folder / "store"), folder / "models.lock.json")
    place = Path(packaged.location)
    return read_artifact(place).specification, json.loads((place / "report.json").read_bytes())


def render(
    specification: Mapping[str, Any],
    report: Mapping[str, Any],
    estimator: Estimator | None = None,
    earlier: ReportedVersion | None = None,
    digest: str = "sha256:12",
) -> str:
    """The page of version 3."""
    return render_page(ReportedVersion(3, specification, report, digest), earlier, estimator)


def drawings(page: str) -> list[ET.Element]:
    figures = [part.partition("</figure>")[0] for part in page.split("</figcaption>")[1:]]
    return [ET.fromstring(each) for each in figures]  # noqa: S314 - our own


def test_the_page_shows_every_stage_with_its_figures(
    documents: tuple[Mapping[str, Any], dict[str, Any]],
) -> None:
    page = render(*documents)
    assert Tags(page).fetched == []
    assert "<h1>wide version 3</h1>" in page
    for stage in ("convert", "prune", "quantize"):
        assert f"<td>{stage}</td>" in page
    for text in ("method magnitude, sparsity 0.1", "scheme dynamic", "sha256:12", "onnxruntime"):
        assert text in page
    accuracy = documents[0]["accuracy"]
    assert f"{accuracy['intervals']['drop']['high']:.4f}" in page


def test_a_wider_tolerance_is_shown(documents: tuple[Mapping[str, Any], dict[str, Any]]) -> None:
    specification, report = documents
    assert "may differ from those of the original" not in render(*documents)
    wider = {**specification, "check": {"tolerance": 0.02}}
    assert "differ from those of the original model by 0.02" in render(wider, report)


def test_plots_are_well_formed_and_named(
    documents: tuple[Mapping[str, Any], dict[str, Any]],
) -> None:
    drawn = drawings(render(*documents))
    names = [each.attrib["aria-label"] for each in drawn]
    assert [name.split()[0] for name in names] == ["Drop", "Size", "Time", "accuracy,", "Price"]
    sizes = [float(bar.attrib["width"].rstrip("%")) for bar in drawn[1].iter("rect")]
    bytes_ = [stage["bytes"] for stage in documents[1]["stages"]]
    assert sizes == pytest.approx([100 * size / max(bytes_) for size in bytes_], abs=0.1)


def test_the_version_before_and_a_call_are_shown_where_they_are_known(
    documents: tuple[Mapping[str, Any], dict[str, Any]],
) -> None:
    page = render(*documents, earlier=ReportedVersion(2, *documents))
    Tags(page)
    assert "<h2>Beside version 2</h2>" in page
    assert "Beside" not in render(*documents)
    assert "$URL/wide/predict" in page


def test_the_classes_and_the_placement_of_a_packaged_model_are_on_its_page(
    documents: tuple[Mapping[str, Any], dict[str, Any]],
) -> None:
    report = documents[1]
    assert sum(each["rows"] for each in report["by_class"]["classes"]) == 40
    assert report["placement"]["target"] == "lambda"
    page = render(*documents)
    for section in ("Class by class", "Placement and cost"):
        assert f"<h2>{section}</h2>" in page


def test_without_figures_there_are_the_sizes_of_the_artifact(
    documents: tuple[Mapping[str, Any], dict[str, Any]],
) -> None:
    page = render(documents[0], {})
    Tags(page)
    assert [each.attrib["aria-label"] for each in drawings(page)][1:] == ["Size"]


def test_without_a_gate_the_page_says_so(
    documents: tuple[Mapping[str, Any], dict[str, Any]],
) -> None:
    page = render({**documents[0], "accuracy": None}, {})
    assert "nothing was measured" in page


def test_rows_with_missing_values_are_shown_by_themselves(
    documents: tuple[Mapping[str, Any], dict[str, Any]],
) -> None:
    missing = {"rows": 12, "before": 0.9, "after": None}
    accuracy = {**documents[0]["accuracy"], "missing": missing}
    page = render({**documents[0], "accuracy": accuracy}, {})
    assert "On the 12 rows with missing values, accuracy went from 0.9000 to undefined" in page


def test_a_model_that_was_not_judged_is_not_said_to_have_passed(
    documents: tuple[Mapping[str, Any], dict[str, Any]],
) -> None:
    assert "Passed: the upper bound" in render(documents[0], {})
    accuracy = {**documents[0]["accuracy"], "judged": False}
    page = render({**documents[0], "accuracy": accuracy}, {})
    assert "Not judged: no stage could lose" in page
    assert "Passed" not in page


def test_the_page_shows_how_far_answers_depend_on_the_batch(
    documents: tuple[Mapping[str, Any], dict[str, Any]],
) -> None:
    batch = documents[0]["batch"]
    assert (batch["rows"], batch["sizes"]) == (40, [2, 8, 32])
    assert batch["largest_difference"] > 0
    page = render(*documents)
    assert f'<td class="number">{batch["largest_difference"]:.3g}</td>' in page
    without = {key: value for key, value in documents[0].items() if key != "batch"}
    assert "Rows in one request" not in render(without, {})


@pytest.mark.parametrize("batch", [7, {"rows": 1}, {"rows": 1, "sizes": [2], "label_flips": 0}])
def test_damaged_batches_are_one_clear_error(
    documents: tuple[Mapping[str, Any], dict[str, Any]], batch: Any
) -> None:
    with pytest.raises(ValueError, match="damaged"):
        render({**documents[0], "batch": batch}, {})


def test_nothing_in_the_documents_becomes_markup(
    documents: tuple[Mapping[str, Any], dict[str, Any]],
) -> None:
    hostile = "<script>alert(1)</script>\"'"
    source = {**documents[0]["source"], "file": hostile, "digest": hostile}
    report = {**documents[1], "machine": {hostile: hostile}, "date": hostile}
    report["stages"] = [{**each, "step": hostile, hostile: hostile} for each in report["stages"]]
    page = render({**documents[0], "source": source}, report, digest=hostile)
    assert "<script" not in page
    Tags(page)
    drawings(page)


@pytest.mark.parametrize(
    "stages",
    [
        7,
        ["x"],
        [{"step": "convert"}],
        [{"step": "convert", "bytes": "many"}],
        [{"step": "convert", "bytes": 1, "latency": {"p50_ms": "slow"}}],
        [{"step": "convert", "bytes": 1, "accuracy": {"after": 1}}],
    ],
)
def test_damaged_figures_are_one_clear_error(
    documents: tuple[Mapping[str, Any], dict[str, Any]], stages: Any
) -> None:
    with pytest.raises(ValueError, match=r"damaged|invalid literal|could not convert"):
        render(documents[0], {"stages": stages})


def test_the_page_has_the_energy_before_and_after_optimizing(
    documents: tuple[Mapping[str, Any], dict[str, Any]],
) -> None:
    specification, report = documents
    ireland = Estimator(read_published(), "eu-west-1")
    page = render(specification, report, ireland)
    section = page.partition("Energy of a million predictions")[2].partition("<h2>")[0]
    assert "the electricity of eu-west-1" in section
    for stage in (report["stages"][0], report["stages"][-1]):
        assert str(ireland.of_answers(stage["latency"]["p50_ms"])) in section
    assert "g CO2e" not in render(specification, report)
    assert "Energy of a million" not in render(specification, {})

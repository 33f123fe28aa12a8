"""The stage `explain`: what is recorded for explanations, and which features matter as a whole."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from lading.functions.contract.errors import InferenceError
from lading.functions.inference.explaining.columns import Columns, columns_of
from lading.functions.inference.explaining.recorded import Recorded
from lading.functions.inference.models.predictor import ModelMetadata
from lading.model_packaging.check.agreement import Model
from lading.model_packaging.check.samples import Samples
from lading.model_packaging.errors import DataUnusable, ManifestError
from lading.model_packaging.explanations.choosing import (
    choose_features,
    choose_method,
    choose_output,
    count_columns,
    count_features,
)
from lading.model_packaging.explanations.dependence import dependences
from lading.model_packaging.explanations.explained import Explained
from lading.model_packaging.explanations.importance import Shuffled
from lading.model_packaging.explanations.rows import choose_background, of_background
from lading.model_packaging.manifest.models import ModelSpec
from lading.model_packaging.measure.accuracy import BATCH, Gate
from lading.model_packaging.measure.holdout import read_rows
from lading.model_packaging.placement.options import Target
from lading.model_packaging.steps.image_rows import has_images

_SHOWN: Final = 3
"""Features in the line about the stage."""


@dataclass(frozen=True, slots=True)
class Subject:
    """The model or graph whose explanations are prepared.

    Args:
        spec: its entry in the manifest.
        metadata: its signature.
        run: answers as the version to publish will.
        steps: the processing steps that get what callers send.
        checked: the rows on which it was tried, as callers send them.
        real: whether these rows are real ones.
        gate: its gate, if the manifest has one.
    """

    spec: ModelSpec
    metadata: ModelMetadata
    run: Model
    steps: Sequence[Mapping[str, Any]]
    checked: Samples
    real: bool
    gate: Gate | None


def explain_stage(subject: Subject, target: Target) -> tuple[Explained | None, str]:
    """Return what artifact and report have for explanations, and a line about it.

    Args:
        subject: the model.
        target: what serves it.

    Raises:
        ManifestError: the manifest's `explain` does not fit the model.
        DataUnusable: its rows do not.
    """
    spec, metadata = subject.spec, subject.metadata
    if spec.explain is None:
        return None, "not wanted: the manifest has no explain"
    if target == "sagemaker":
        return None, "none: an endpoint's engine answers"
    method = choose_method(spec, metadata.inputs, subject.steps)
    output = choose_output(spec, metadata.outputs).name
    recorded = Recorded(method, output, spec.explain.budget)
    if method == "image":
        recorded = recorded._replace(grid=spec.explain.grid)
    if method != "shapley":
        return Explained(recorded), f"{method}s by occlusion, of the output '{output}'"
    return _of_columns(subject, recorded)


def _of_columns(subject: Subject, recorded: Recorded) -> tuple[Explained, str]:
    spec, rows = subject.spec, _rows(subject)
    width = count_columns([array.shape for array in rows.inputs.values()])
    features = choose_features(spec, subject.metadata.inputs, width)
    background = choose_background(spec, rows, count_features(features, width))
    recorded = recorded._replace(features=features, background=background)
    _require_answers(subject, of_background(rows, background))
    columns = columns_of(subject.metadata, recorded)
    figures = _figures(subject, columns, recorded)
    count = len(next(iter(background.values())))
    line = f"{len(columns.names)} features beside {count} rows, of the output '{recorded.output}'"
    named = ", ".join(each["feature"] for each in figures.get("importances", ())[:_SHOWN])
    return Explained(recorded, figures), f"{line}; first {named}" if named else line


def _rows(subject: Subject) -> Samples:
    """Return real rows for the background."""
    spec = subject.spec
    assert spec.explain is not None
    if spec.explain.data is not None:
        images, inputs = has_images(subject.steps), subject.metadata.inputs
        rows = read_rows(spec, "explain.data", spec.explain.data, inputs, images=images)
    elif subject.real:
        rows = subject.checked
    else:
        reason = "needs rows beside which answers are explained: set explain.data or accuracy.data"
        raise ManifestError(spec.place("explain"), reason)
    if rows.batch is None:
        reason = "needs inputs whose first axis counts rows; remove it"
        raise ManifestError(spec.place("explain"), reason)
    return rows


def _require_answers(subject: Subject, background: Samples) -> None:
    """Check that the model answers the background: a switch may have no step for a row.

    Raises:
        DataUnusable: it does not answer a row.
    """
    answer = background.guarded(subject.run, "packaged")
    for request in background.requests(BATCH):
        try:
            answer(request)
        except InferenceError as error:
            reason = f"has rows that are not answered, and so explain nothing: {error}"
            raise DataUnusable(
                background.model, background.origin, reason, background.place
            ) from error


def _figures(subject: Subject, columns: Columns, recorded: Recorded) -> dict[str, Any]:
    """Return the section of report.json; empty without held-out rows, or with too many columns."""
    if subject.gate is None:
        return {}
    model, checked = subject.run, subject.checked
    shuffled = Shuffled(subject.gate, model, checked, columns)
    if not shuffled.affordable():
        return {}
    importances = shuffled.importances()
    background = of_background(checked, dict(recorded.background))
    names = [each["feature"] for each in importances]
    dependence = dependences(model, recorded.output, background, columns, names)
    return {"importances": importances, "dependence": dependence}

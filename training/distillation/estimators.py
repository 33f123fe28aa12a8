"""Students of scikit-learn, XGBoost and LightGBM: they learn softened probabilities as weights.

Each row is learned once for each class, weighted with the class's softened probability. For an
estimator that minimizes cross entropy this is the cross entropy with the softened probabilities.
"""

import inspect
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from lading.functions.inference.tensors.conversion import Array
from lading.model_packaging.errors import LibraryMissing
from lading.model_packaging.library_errors import LibraryFailed, library_errors
from lading.model_packaging.manifest.models import ModelSpec
from lading.training.distillation.targets import Targets
from lading.training.distillation.teachers import settings_of
from lading.training.errors import TrainingError

_LEAST_WEIGHT = 1e-3
"""Classes below this probability are left out of a row."""
_TABLE = 2


def teach_estimator(spec: ModelSpec, inputs: Mapping[str, Array], targets: Targets) -> Any:
    """Return a fitted estimator.

    Args:
        spec: the student.
        inputs: the teacher's rows; one input of numbers [rows, columns].
        targets: the teacher's answers to them.

    Raises:
        TrainingError: the estimator cannot be made, or cannot learn from weighted rows.
    """
    distill = settings_of(spec)
    rows = _matrix(spec, inputs)
    _require_numbered(spec, targets)
    student = _make(spec)
    if "sample_weight" not in inspect.signature(student.fit).parameters:
        reason = f"{distill.student} learns no weighted rows (its fit has no sample_weight); choose"
        raise TrainingError(
            spec.place("distill.student"), f"{reason} a tree, a forest, boosting or a linear model"
        )
    weights = targets.mixed(distill.temperature, distill.alpha)
    row, column = np.nonzero(weights > _LEAST_WEIGHT)
    try:
        with library_errors():
            student.fit(rows[row], targets.classes[column], sample_weight=weights[row, column])
    except LibraryFailed as error:
        reason = f"{distill.student} cannot learn these rows: {error}"
        raise TrainingError(spec.place("distill.student"), reason) from error
    return student


def save_estimator(spec: ModelSpec, student: Any, folder: Path) -> None:
    """Write the student in its library's own format, from which no code runs when it is read."""
    library = str(settings_of(spec).student).partition(".")[0]
    name, save = _FORMATS[library]
    save(student, folder / name)


def _matrix(spec: ModelSpec, inputs: Mapping[str, Array]) -> Array:
    arrays = list(inputs.values())
    if len(arrays) == 1 and arrays[0].ndim == _TABLE and arrays[0].dtype.kind in "fiub":
        return arrays[0]
    shown = ", ".join(f"{name} {array.dtype} {list(array.shape)}" for name, array in inputs.items())
    reason = f"needs one input of numbers [rows, columns]; the teacher has {shown}"
    raise TrainingError(spec.place("distill.student"), f"{reason}; use a PyTorch class")


def _require_numbered(spec: ModelSpec, targets: Targets) -> None:
    """Refuse labels that the file of a boosting library cannot hold."""
    student = str(settings_of(spec).student)
    numbered = targets.classes.tolist() == targets.columns.tolist()
    if not numbered and not student.startswith("sklearn."):
        shown = ", ".join(map(str, targets.classes[:3]))
        reason = f"{student} saves only the classes 0, 1, 2 ...; the teacher has {shown}"
        advice = "use sklearn.ensemble.HistGradientBoostingClassifier"
        raise TrainingError(spec.place("distill.student"), f"{reason}; {advice}")


def _make(spec: ModelSpec) -> Any:
    """Create the estimator with the manifest's arguments, and with the seed if it has one."""
    distill = settings_of(spec)
    module, _, name = str(distill.student).rpartition(".")
    place = spec.place("distill.student")
    try:
        with library_errors():
            kind = getattr(import_module(module), name)
    except LibraryFailed as error:
        library = module.partition(".")[0]
        if isinstance(error.__cause__, ModuleNotFoundError) and error.__cause__.name == library:
            extra = "sklearn" if library == "sklearn" else "boosting"
            raise LibraryMissing(spec.name, library, extra) from error
        raise TrainingError(place, f"there is no {distill.student}: {error}") from error
    given = dict(distill.parameters)
    if "random_state" in inspect.signature(kind).parameters or module.startswith("xgboost"):
        given.setdefault("random_state", distill.seed)
    try:
        with library_errors():
            return kind(**given)
    except LibraryFailed as error:
        reason = f"do not create a {name}: {error}"
        raise TrainingError(spec.place("distill.parameters"), reason) from error


def _skops(student: Any, path: Path) -> None:
    import skops.io

    skops.io.dump(student, path)


def _xgboost(student: Any, path: Path) -> None:
    student.save_model(path)


def _lightgbm(student: Any, path: Path) -> None:
    student.booster_.save_model(path)


_FORMATS: Mapping[str, tuple[str, Callable[[Any, Path], None]]] = {
    "sklearn": ("student.skops", _skops),
    "xgboost": ("student.ubj", _xgboost),
    "lightgbm": ("student.txt", _lightgbm),
}

"""Distils a model: asks the teacher, teaches the student, and keeps what made it.

.lading/training/<model>/<key>/ml/model/       the student's file
.lading/training/<model>/<key>/training.json   what made the student; written last
"""

import platform
import shutil
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from time import monotonic, process_time, time
from typing import Any

from lading.functions.inference.artifact.reading import sha256
from lading.functions.inference.tensors.conversion import Array
from lading.model_packaging.conversion import tool_versions
from lading.model_packaging.documents import canonical, readable
from lading.model_packaging.errors import FileMissing
from lading.model_packaging.manifest.models import ModelSpec
from lading.model_packaging.manifest.original import BATCH, InputShape
from lading.model_packaging.measure.holdout import read_rows
from lading.model_packaging.sources.user_code import imported_files
from lading.model_packaging.store.durable import exclusive, make_folder, replace_file, sync_folder
from lading.training.contract import machine, timestamp
from lading.training.distillation.estimators import save_estimator, teach_estimator
from lading.training.distillation.networks import OnEpoch, save_network, teach_network
from lading.training.distillation.targets import Targets
from lading.training.distillation.teachers import Teacher, ask, settings_of
from lading.training.errors import NotTrained
from lading.training.recipe import commit_of
from lading.training.runs import RECORD, Run, folder_of

_LIBRARIES = {
    "torch": ("pytorch", "torch"),
    "sklearn": ("sklearn", "scikit-learn"),
    "xgboost": ("boosting", "xgboost|xgboost-cpu"),
    "lightgbm": ("boosting", "lightgbm"),
}
"""The library of a student -> its extra in pyproject.toml, and its distribution."""

_SHORT = 16


def distill(spec: ModelSpec, teacher: Teacher, on_epoch: OnEpoch) -> Run:
    """Distil a student, or return the one that the same teacher, rows and settings made.

    Raises:
        TrainingError: the teacher's answers or the student do not fit.
        PackagingError: a file is missing or damaged.
    """
    key = key_of(spec, teacher)
    with exclusive(folder_of(spec) / f".{_short(key)}.guard"):
        if known := find_distilled(spec, key):
            return known
        predictor, started, clock, used = teacher.open(), time(), monotonic(), process_time()
        data = settings_of(spec).data
        rows = read_rows(spec, "distill.data", data, predictor.metadata.inputs)
        targets = ask(spec, predictor, rows)
        part = Run(folder_of(spec) / f"{_short(key)}.part")
        shutil.rmtree(part.folder, ignore_errors=True)
        make_folder(part.model)
        classes = _teach(spec, rows.inputs, targets, on_epoch)(part.model)
        facts = {
            **_facts(spec, teacher, key),
            "classes": classes.tolist(),
            "rows": rows.rows,
            "inputs": [
                {
                    "name": each.name,
                    "sizes": rows.inputs[each.name].shape[1:],
                    "datatype": each.datatype,
                }
                for each in predictor.metadata.inputs
            ],
            "started": timestamp(started),
            "seconds": round(monotonic() - clock, 3),
            "processor_seconds": round(process_time() - used, 3),
            "machine": machine(),
        }
        replace_file(part.folder / RECORD, readable(facts))
        done = Run(folder_of(spec) / _short(key))
        shutil.rmtree(done.folder, ignore_errors=True)
        part.folder.rename(done.folder)
        sync_folder(done.folder.parent)
        return done


def find_distilled(spec: ModelSpec, key: str) -> Run | None:
    """Return the complete distillation of a key, if there is one."""
    run = Run(folder_of(spec) / _short(key))
    return run if (run.folder / RECORD).is_file() else None


def require_distilled(spec: ModelSpec, teacher: Teacher) -> Run:
    """Return the distillation of the present teacher, rows and settings.

    Raises:
        NotTrained: there is none.
    """
    run = find_distilled(spec, key_of(spec, teacher))
    if run is None:
        raise NotTrained(spec.place("distill"), spec.name, "distill")
    return run


def distilled(spec: ModelSpec, run: Run) -> ModelSpec:
    """Return the model with the student's file as its source, and the teacher's inputs."""
    (source,) = run.model.iterdir()
    record = run.record()
    inputs = spec.inputs or {
        each["name"]: InputShape((BATCH, *each["sizes"]), each["datatype"])
        for each in record["inputs"]
    }
    return replace(spec, source=source, inputs=inputs, training=record)


def key_of(spec: ModelSpec, teacher: Teacher) -> str:
    """Return the digest of everything that decides what the student learns.

    Raises:
        FileMissing: the rows or the class are missing.
    """
    data, place = settings_of(spec).data, spec.place("distill.data")
    if not data.is_file():
        raise FileMissing(place, data, "put the rows there or correct the path")
    code = [spec.class_file(), *imported_files(spec)] if spec.class_path else []
    for path in code:
        if not path.is_file():
            raise FileMissing(spec.place("class"), path, "put the class there or correct the name")
    document = {
        "teacher": teacher.digest,
        "data": sha256(data.read_bytes()),
        "code": [[path.name, sha256(path.read_bytes())] for path in code],
        "class": spec.class_path,
        "inputs": list(spec.inputs),
        "settings": _settings(spec),
    }
    return sha256(canonical(document))


def _teach(
    spec: ModelSpec, inputs: Mapping[str, Array], targets: Targets, on_epoch: OnEpoch
) -> Callable[[Path], Array]:
    """Teach the student; return a function that writes it to a folder and returns its classes."""
    if spec.class_path:
        module = teach_network(spec, inputs, targets, on_epoch)

        def network(folder: Path) -> Array:
            save_network(spec, module, folder)
            return targets.columns

        return network
    student = teach_estimator(spec, inputs, targets)

    def estimator(folder: Path) -> Array:
        save_estimator(spec, student, folder)
        return targets.classes

    return estimator


def _settings(spec: ModelSpec) -> dict[str, Any]:
    settings = asdict(settings_of(spec))
    for name in ("data", "version", "endpoint"):  # digests stand for them
        del settings[name]
    return {**settings, "parameters": dict(settings["parameters"])}


def _facts(spec: ModelSpec, teacher: Teacher, key: str) -> dict[str, Any]:
    distill = settings_of(spec)
    library = "torch" if spec.class_path else str(distill.student).partition(".")[0]
    return {
        "key": key,
        "commit": commit_of(spec.manifest.parent),
        "teacher": {"model": teacher.name, "digest": teacher.digest, "bytes": teacher.bytes},
        "student": distill.student or spec.class_path,
        "data": {"distill": sha256(distill.data.read_bytes())},
        "parameters": _settings(spec),
        "seed": distill.seed,
        "python": platform.python_version(),
        "libraries": tool_versions(spec, *_LIBRARIES[library]),
    }


def _short(key: str) -> str:
    return key.removeprefix("sha256:")[:_SHORT]

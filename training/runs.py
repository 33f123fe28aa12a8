"""Trainings on this machine: a folder for each, complete or unfinished.

    .lading/training/<model>/<key>/ml/             the contract's folder: /opt/ml in a container
    .lading/training/<model>/<key>/output.log      what the script printed
    .lading/training/<model>/<key>/training.json   what made the model; written last

An unfinished one ends in `.part`. It keeps its checkpoints, so the next attempt can continue.
"""

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from lading.functions.inference.artifact.reading import sha256
from lading.model_packaging.converters.registry import find_converter
from lading.model_packaging.documents import canonical, readable
from lading.model_packaging.engines.served import takes_trained_files
from lading.model_packaging.errors import FrameworkUnknown
from lading.model_packaging.manifest.models import ModelSpec
from lading.model_packaging.manifest.training import TRAINED, Scalar
from lading.model_packaging.resolution import RECIPE, rows_digest
from lading.model_packaging.store.durable import make_folder, replace_file, sync_folder
from lading.training import contract
from lading.training.channels import Channel
from lading.training.contract import CODE, NAME
from lading.training.errors import NotTrained, TrainingError
from lading.training.recipe import Recipe

RECORD = "training.json"
_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Run:
    """The folder of one training."""

    folder: Path

    @property
    def base(self) -> Path:
        """The folder that is /opt/ml in a container."""
        return self.folder / "ml"

    @property
    def log(self) -> Path:
        """What the script printed."""
        return self.folder / "output.log"

    @property
    def model(self) -> Path:
        """The folder in which the script left the model."""
        return self.base / "model"

    def record(self) -> dict[str, Any]:
        """Return what made the model."""
        document: dict[str, Any] = json.loads((self.folder / RECORD).read_text(encoding="utf-8"))
        return document


def folder_of(spec: ModelSpec) -> Path:
    """Return the folder of a model's trainings."""
    return spec.manifest.parent / TRAINED / spec.name


def find_run(recipe: Recipe) -> Run | None:
    """Return the complete training of a recipe, if there is one."""
    run = run_of(recipe)
    return run if (run.folder / RECORD).is_file() else None


def run_of(recipe: Recipe) -> Run:
    """Return the place of a recipe's complete training."""
    return Run(folder_of(recipe.spec) / _named(recipe))


def begin(recipe: Recipe, instance: str = "local") -> Run:
    """Return an unfinished training whose folder has the contract's files, but no channels.

    Checkpoints of an earlier attempt stay; everything else is new.
    """
    run = Run(folder_of(recipe.spec) / f"{_named(recipe)}.part")
    for stale in (run.base / "input", run.base / "output", run.model):
        shutil.rmtree(stale, ignore_errors=True)
    config = run.base / "input" / "config"
    for folder in (config, run.base / "input" / "data", run.model, run.base / "output" / "data"):
        make_folder(folder)
    hosts = {"current_host": "algo-1", "hosts": ["algo-1"], "network_interface_name": "lo"}
    documents: dict[str, Mapping[str, Any]] = {
        "hyperparameters.json": texts_of(recipe),
        "inputdataconfig.json": {name: {"TrainingInputMode": "File"} for name in recipe.channels},
        "resourceconfig.json": {**hosts, "current_instance_type": instance},
    }
    for name, document in documents.items():
        (config / name).write_bytes(readable(document))
    copy_code(recipe, run.base / "input" / "data" / CODE)
    return run


def texts_of(recipe: Recipe) -> dict[str, str]:
    """Return hyperparameters as SageMaker passes them on: texts, true and false in lower case."""
    return {name: text_of(value) for name, value in recipe.parameters.items()}


def text_of(value: Scalar) -> str:
    """Return a hyperparameter as SageMaker passes it on."""
    return value if isinstance(value, str) else json.dumps(value)


def copy_code(recipe: Recipe, folder: Path) -> None:
    """Write the code and the contract to a folder."""
    for name, content in {**recipe.code, NAME: Path(contract.__file__).read_bytes()}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)


def link_channel(channel: Channel, folder: Path) -> None:
    """Link a channel's files into a folder, so that a script cannot add files to the data."""
    for name, path in channel.files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).symlink_to(path.resolve())


def complete(run: Run, recipe: Recipe, record: Mapping[str, Any]) -> Run:
    """Make an unfinished training a complete one, in one step."""
    model_in(recipe.spec, run)
    shutil.rmtree(run.base / "input" / "data", ignore_errors=True)
    shutil.rmtree(run.base / "checkpoints", ignore_errors=True)
    replace_file(run.folder / RECORD, readable(record))
    done = run_of(recipe)
    shutil.rmtree(done.folder, ignore_errors=True)
    run.folder.rename(done.folder)
    sync_folder(done.folder.parent)
    return done


def trained(spec: ModelSpec, run: Run) -> ModelSpec:
    """Return the model with the result of a training as its source.

    Raises:
        TrainingError: the training left no model, or several.
    """
    made = {**run.record(), "packaging": packaging_of(spec)}
    return replace(spec, source=model_in(spec, run), training=made)


def require_run(recipe: Recipe) -> Run:
    """Return the complete training of a recipe.

    Raises:
        NotTrained: there is none.
    """
    run = find_run(recipe)
    if run is None:
        raise NotTrained(recipe.spec.place("train"), recipe.spec.name)
    return run


def model_in(spec: ModelSpec, run: Run) -> Path:
    """Return the one file or folder that a script left as its model.

    Raises:
        TrainingError: there is none, or several that are not one model.
    """
    found = sorted(path for path in run.model.iterdir() if not path.name.startswith("."))
    place = spec.place_of_training("entry")
    if not found:
        reason = "left no model; write it to the folder in SM_MODEL_DIR"
        raise TrainingError(place, f"{_entry(spec)} {reason}")
    if len(found) == 1:
        return found[0]
    if takes_trained_files(spec) or _is_one_model(spec, run.model):
        return run.model
    names = ", ".join(path.name for path in found[:_SHOWN])
    advice = "leave one model in SM_MODEL_DIR, and other files in SM_OUTPUT_DATA_DIR"
    raise TrainingError(place, f"{_entry(spec)} left {len(found)} files: {names}; {advice}")


def packaging_of(spec: ModelSpec) -> str:
    """Return the digest of what the manifest states of packaging, beside the training."""
    files = {**spec.row_files(), **spec.original_files()}
    document = {
        "recipe": RECIPE,
        "manifest": spec.conversion(),
        "files": {key: rows_digest(spec, path) for key, path in files.items() if path.is_file()},
        "target": spec.target,
        "engine": [spec.engine.name, dict(spec.engine.options)] if spec.engine else None,
    }
    return sha256(canonical(document))


def _is_one_model(spec: ModelSpec, folder: Path) -> bool:
    try:
        find_converter(spec.name, folder, spec.framework)
    except FrameworkUnknown:
        return False
    return True


def _entry(spec: ModelSpec) -> str:
    assert spec.train is not None
    return spec.train.entry.name


def _named(recipe: Recipe) -> str:
    return recipe.key.removeprefix("sha256:")[:16]

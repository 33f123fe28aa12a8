"""Finds the model in a folder that MLflow wrote, by the file MLmodel in it.

Source of the format: https://mlflow.org/docs/latest/ml/model/#storage-format. A flavor says which
library saved the model, and in which file. Code that was logged beside it is not run.
"""

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Final

import yaml

from lading.model_packaging.errors import FlavorUnknown, SourceUnreadable

MLMODEL: Final = "MLmodel"
_MOST_BYTES: Final = 1 << 20
_TOKENIZERS: Final = "components"
_Options = Mapping[str, Any]


class _Loader(yaml.SafeLoader):
    """YAML without merge keys, by which a few lines grow to gigabytes; MLflow writes none."""

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        """Leave a merge key as it is, which is an error then."""


@dataclass(frozen=True, slots=True)
class LoggedModel:
    """A model that MLflow logged.

    Args:
        folder: the folder with MLmodel.
        path: the model's file or folder.
        framework: Lading's name of its framework.
        document: the content of MLmodel.
    """

    folder: Path
    path: Path
    framework: str
    document: _Options


def read_logged(model: str, folder: Path) -> LoggedModel:
    """Return the model in a folder with the file MLmodel.

    Args:
        model: the model's name, for errors.
        folder: the folder.

    Raises:
        SourceUnreadable: MLmodel is damaged, or the file that it names is not in the folder.
        FlavorUnknown: no framework of Lading reads one of its flavors.
    """
    document = _document(model, folder / MLMODEL)
    flavors = document["flavors"]
    for name in flavors:
        known = _FLAVORS.get(name)
        if known is not None and isinstance(flavors[name], dict):
            framework, candidates = known(_texts(flavors[name]))
            path = _existing(model, folder, candidates)
            return LoggedModel(folder, path, framework, document)
    raise FlavorUnknown(model, folder, flavors, _FLAVORS)


def gather_components(folder: Path) -> None:
    """Put tokenizers, which MLflow saves apart, beside the transformers model that needs them."""
    for found in folder.rglob(MLMODEL):
        parts = found.parent / _TOKENIZERS
        target = found.parent / "model"
        if not (parts.is_dir() and target.is_dir()):
            continue
        for file in sorted(parts.glob("*/*")):
            if file.is_file() and not (target / file.name).exists():
                shutil.move(file, target / file.name)


def _document(model: str, path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise SourceUnreadable(model, path, f"has more than {_MOST_BYTES:,} bytes")
        document = yaml.load(path.read_bytes(), _Loader)  # noqa: S506 - it is a SafeLoader
    except (OSError, ValueError, yaml.YAMLError, RecursionError) as error:
        reason = f"is not a description of a model: {' '.join(str(error).split())[:200]}"
        raise SourceUnreadable(model, path, reason) from error
    if not isinstance(document, dict) or not isinstance(document.get("flavors"), dict):
        raise SourceUnreadable(model, path, "is not a description of a model: it has no flavors")
    return document


def _texts(options: _Options) -> _Options:
    """Return the options that are texts: nested aliases may be gigabytes when written out."""
    return {key: value for key, value in options.items() if isinstance(value, str)}


def _existing(model: str, folder: Path, candidates: list[Any]) -> Path:
    """Return the first path that exists; none may lead out of the folder."""
    for name in candidates:
        if not isinstance(name, str) or not name:
            continue
        path, parts = folder / name, PurePosixPath(name).parts
        inside = path.resolve().is_relative_to(folder.resolve())
        if not inside or ".." in parts or PurePosixPath(name).is_absolute():
            reason = f"names a file outside of its folder: {name[:80]!r}"
            raise SourceUnreadable(model, folder / MLMODEL, reason)
        if path.exists():
            return path
    named = ", ".join(str(each) for each in candidates if each) or "no file"
    raise SourceUnreadable(model, folder / MLMODEL, f"names {named}, which is missing beside it")


def _sklearn(options: _Options) -> tuple[str, list[Any]]:
    return "scikit-learn", [options.get("pickled_model", "model.pkl")]


def _xgboost(options: _Options) -> tuple[str, list[Any]]:
    return "xgboost", [options.get("data", "model.xgb")]


def _lightgbm(options: _Options) -> tuple[str, list[Any]]:
    """Return a Booster's text, or the pickle of an estimator."""
    data = options.get("data", "model.lgb")
    pickled = str(data).endswith((".pkl", ".skops"))
    return ("scikit-learn" if pickled else "lightgbm"), [data]


def _onnx(options: _Options) -> tuple[str, list[Any]]:
    return "onnx", [options.get("data", "model.onnx")]


def _pytorch(options: _Options) -> tuple[str, list[Any]]:
    data = options.get("model_data", "data")
    return "pytorch", [f"{data}/{name}" for name in ("model.pt2", "model.pth")]


def _keras(options: _Options) -> tuple[str, list[Any]]:
    """Return the file of Keras, or the folder of a SavedModel."""
    data = options.get("data", "data")
    saved = [f"{data}/model{suffix}" for suffix in (".keras", ".h5", "")]
    return "tensorflow", [options.get("saved_model_dir"), *saved]


def _transformers(options: _Options) -> tuple[str, list[Any]]:
    return "huggingface", [options.get("model_binary"), "model", "pipeline"]


def _sentences(options: _Options) -> tuple[str, list[Any]]:
    return "huggingface", [options.get("data", "model.sentence_transformer")]


_FLAVORS: Final[Mapping[str, Callable[[_Options], tuple[str, list[Any]]]]] = {
    "sklearn": _sklearn,
    "xgboost": _xgboost,
    "lightgbm": _lightgbm,
    "onnx": _onnx,
    "pytorch": _pytorch,
    "keras": _keras,
    "tensorflow": _keras,
    "transformers": _transformers,
    "sentence_transformers": _sentences,
}
"""Flavor -> from its options, Lading's framework, and where the model may be in the folder."""

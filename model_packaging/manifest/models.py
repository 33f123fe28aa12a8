"""models.yaml: which models there are, from which file, how optimized, served where.

`python -m lading.model_packaging.manifest.models` prints the JSON Schema that `models.schema.json`
publishes.
"""

import json
import re
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from lading.functions.contract.names import DEFAULT_LABEL
from lading.model_packaging.errors import ManifestError, Place, UnknownModel, likely
from lading.model_packaging.manifest.entries import (
    AccuracyEntry,
    EngineEntry,
    EngineName,
    ManifestEntry,
    Metric,
    ModelEntry,
    Option,
    Target,
    entry_at,
)
from lading.model_packaging.manifest.located_yaml import LocatedYaml
from lading.model_packaging.manifest.options import (
    FORMS,
    PruneSpec,
    QuantizeSpec,
    prune_spec,
    quantize_spec,
)
from lading.model_packaging.manifest.original import Original

_KEYS = (
    *("source", "framework", "trust", "target", "twin"),
    *("prune", "prune.sparsity", "prune.exclude"),
    *("quantize", "quantize.scheme", "quantize.exclude", "quantize.calibration"),
    *("accuracy", "accuracy.data", "accuracy.metric", "accuracy.max_drop"),
    "accuracy.output",
    *("engine", "engine.name", "engine.image"),
    *("class", "inputs", "examples", "outputs", "signature", "iterations", "code", "image"),
)
"""What `ModelSpec.place` knows the line of."""

_UNKNOWN_KEY = "extra_forbidden"


@dataclass(frozen=True, slots=True)
class AccuracySpec:
    """The gate of one model: held-out rows, metric, and the drop that is still allowed."""

    data: Path
    metric: Metric
    max_drop: float
    output: str | None = None
    k: int = 5


@dataclass(frozen=True, slots=True)
class EngineSpec:
    """The engine of one model: its name, an image of one's own, and its options."""

    name: EngineName
    image: str | None = None
    options: Mapping[str, Option] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """One model of the manifest; paths are below the manifest's folder."""

    name: str
    source: Path
    framework: str | None = None
    trust: bool = False
    prune: PruneSpec | None = None
    quantize: QuantizeSpec = field(default_factory=QuantizeSpec)
    accuracy: AccuracySpec | None = None
    target: Target = "lambda"
    engine: EngineSpec | None = None
    twin: str | None = None
    original: Original = field(default_factory=Original)
    labels: tuple[str, ...] = (DEFAULT_LABEL,)
    places: Mapping[str, Place] = field(default_factory=dict, compare=False)

    def place(self, key: str) -> Place:
        """Where in the manifest the model's `key` stands, such as `accuracy.data`."""
        nowhere = Place(Path("models.yaml"), 1, f"models.{self.name}.{key}")
        return self.places.get(key, nowhere)


@dataclass(frozen=True, slots=True)
class Manifest:
    """A manifest that was read and found valid."""

    path: Path
    models: Mapping[str, ModelSpec]
    place: Place

    def select(self, names: Iterable[str] = ()) -> tuple[ModelSpec, ...]:
        """The models of these names, or all of them when there are none.

        Raises:
            UnknownModel: the manifest lacks one; the error gives the likely name.
        """
        wanted = list(dict.fromkeys(names)) or list(self.models)
        for name in wanted:
            if name not in self.models:
                raise UnknownModel(self.place, name, self.models)
        return tuple(self.models[name] for name in wanted)


def load_manifest(path: Path) -> Manifest:
    """Read and check models.yaml.

    The files that it names are looked for when they are used, so that a clone without trained
    models can still deploy.

    Raises:
        ManifestError: the first thing wrong, with file, line, key and the likely key.
    """
    document = LocatedYaml(path)
    try:
        entry = ManifestEntry.model_validate(document.value)
    except ValidationError as error:
        details = error.errors()
        # A misspelt key is often also a missing one: the misspelling says more.
        unknown = [detail for detail in details if detail["type"] == _UNKNOWN_KEY]
        failures = [_describe(document, detail) for detail in unknown or details]
        raise min(failures, key=lambda failure: failure.line) from error
    models = {name: _spec(document, name, model) for name, model in entry.models.items()}
    for spec in models.values():
        _check_target(spec, models)
        if spec.quantize.scheme == "auto" and spec.accuracy is None:
            reason = "auto needs an accuracy section, which decides what is kept"
            raise ManifestError(spec.place("quantize"), reason)
    return Manifest(path, models, document.place(["models"]))


def _spec(document: LocatedYaml, name: str, entry: ModelEntry) -> ModelSpec:
    folder = document.path.parent
    gate = entry.accuracy
    engine = _engine(entry.engine)
    options = (f"engine.options.{key}" for key in engine.options) if engine else ()
    keys = (*_KEYS, *options)
    places = {key: document.place(["models", name, *key.split(".")]) for key in keys}
    return ModelSpec(
        name=name,
        source=folder / entry.source,
        framework=entry.framework,
        trust=entry.trust,
        prune=prune_spec(entry.prune) if entry.prune else None,
        quantize=quantize_spec(entry.quantize, folder),
        accuracy=_accuracy(gate, folder) if gate else None,
        target=entry.target,
        engine=engine,
        twin=entry.twin,
        original=_original(folder, entry),
        labels=tuple(entry.labels),
        places=places,
    )


def _accuracy(entry: AccuracyEntry, folder: Path) -> AccuracySpec:
    return AccuracySpec(folder / entry.data, entry.metric, entry.max_drop, entry.output, entry.k)


def _engine(entry: EngineEntry | None) -> EngineSpec | None:
    return EngineSpec(entry.name, entry.image, dict(entry.options)) if entry else None


def _check_target(spec: ModelSpec, models: Mapping[str, ModelSpec]) -> None:
    """Refuse what only SageMaker has on Lambda, and a twin that could not answer."""
    if spec.target == "lambda":
        for key, value in (("engine", spec.engine), ("twin", spec.twin)):
            if value is not None:
                raise ManifestError(spec.place(key), "is for SageMaker; set target: sagemaker")
    if spec.engine and spec.engine.name == "container" and spec.engine.image is None:
        raise ManifestError(spec.place("engine"), "is a container of your own; give its image")
    if spec.twin is None:
        return
    if spec.twin not in models:
        others = (name for name in models if name != spec.name)
        reason = f"there is no model '{spec.twin}'"
        raise ManifestError(spec.place("twin"), reason, likely(spec.twin, others))
    if models[spec.twin].target != "lambda":
        reason = f"'{spec.twin}' must be another model, with target: lambda"
        raise ManifestError(spec.place("twin"), reason)


def _original(folder: Path, entry: ModelEntry) -> Original:
    return Original(
        class_path=entry.class_ or "",
        inputs={name: each.shape_of(name) for name, each in (entry.inputs or {}).items()},
        examples=folder / entry.examples if entry.examples else None,
        outputs=tuple(entry.outputs or ()),
        signatures=(entry.signature,)
        if isinstance(entry.signature, str)
        else tuple(entry.signature or ()),
        iterations=entry.iterations or "",
        folder=folder,
        code=entry.code.own_code(folder) if entry.code else None,
        image=entry.image.image_input(folder) if entry.image else None,
    )


def _describe(document: LocatedYaml, detail: ErrorDetails) -> ManifestError:
    keys = [key for key in detail["loc"] if key not in ("[key]", *FORMS)]
    place = document.place(keys)
    if detail["type"] == _UNKNOWN_KEY:
        fields = entry_at(keys[:-1]).model_fields
        known = [field.alias or name for name, field in fields.items()]
        return ManifestError(place, "unknown key", likely(str(keys[-1]), known))
    if detail["type"] == "missing":
        return ManifestError(place, "is required")
    if detail["type"] == "literal_error":
        expected = str(detail["ctx"]["expected"])
        guess = likely(str(detail["input"]), re.findall("'([^']*)'", expected))
        return ManifestError(place, f"must be {expected}", guess)
    return ManifestError(place, _reworded(detail["msg"]))


def _reworded(message: str) -> str:
    """Pydantic's sentence as the end of one of ours."""
    text = message.removeprefix("Value error, ")
    for ours in ("Input should", "List should", "String should", "Keys should"):
        text = text.replace(ours, "must", 1) if text.startswith(ours) else text
    return text


def render_schema() -> str:
    """The manifest's JSON Schema, as `models.schema.json` holds it."""
    schema = ManifestEntry.model_json_schema()
    titled = {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
    return f"{json.dumps({**titled, 'title': 'models.yaml'}, indent=2)}\n"


if __name__ == "__main__":
    sys.stdout.write(render_schema())

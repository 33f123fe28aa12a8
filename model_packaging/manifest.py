"""models.yaml: which models there are, from which file, how optimised, under which labels.

`python -m model_packaging.manifest` prints the JSON Schema that `models.schema.json` publishes.
"""

import json
import re
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails

from functions.inference.contract import DEFAULT_LABEL, NAME_PATTERN, RESERVED_NAMES
from model_packaging.errors import ManifestError, Place, UnknownModel, likely
from model_packaging.located_yaml import LocatedYaml

Quantize = Literal["none", "dynamic"]
Metric = Literal["accuracy", "mae", "rmse"]


def _name(text: str) -> str:
    if not re.fullmatch(NAME_PATTERN, text):
        raise ValueError(
            f"must be 1 to 63 letters, digits, '.', '_' or '-', the first a letter or digit, "
            f"not '{text}'"
        )
    return text


def _model_name(text: str) -> str:
    if text in RESERVED_NAMES:
        raise ValueError(f"'{text}' is the start of a route; choose another name")
    return _name(text)


def _label(text: str) -> str:
    if text.isdecimal():
        raise ValueError(f"'{text}' would be taken for a version; choose a word")
    return _name(text)


def _unique(labels: list[str]) -> list[str]:
    repeated = {label for label in labels if labels.count(label) > 1}
    if repeated:
        raise ValueError(f"names '{min(repeated)}' twice")
    return labels


_PATTERN = Field(json_schema_extra={"pattern": f"^{NAME_PATTERN}$"})
_ModelName = Annotated[str, AfterValidator(_model_name), _PATTERN]
_Label = Annotated[str, AfterValidator(_label), _PATTERN]


class _Entry(BaseModel):
    model_config = ConfigDict(
        extra="forbid", strict=True, frozen=True, use_attribute_docstrings=True
    )


class AccuracyEntry(_Entry):
    """The accuracy gate."""

    data: str = Field(min_length=1)
    """Held-out rows: an .npz file with an array per input (X, when there is one) and y."""
    metric: Metric
    """accuracy: higher is better; mae and rmse: lower is better."""
    max_drop: float = Field(ge=0, allow_inf_nan=False)
    """How much worse, in the metric's unit, the optimised model may be than the original."""


class ModelEntry(_Entry):
    """One model: where it comes from and how it is optimised."""

    source: str = Field(min_length=1)
    """The trained model's file, relative to this manifest."""
    framework: str | None = Field(default=None, examples=["onnx", "scikit-learn"])
    """What the file comes from; needed only when its name does not tell."""
    trust: bool = False
    """Load the file even when that runs code: any .joblib or .pkl, or a .skops of unknown types."""
    quantize: Quantize = "none"
    """dynamic: int8 weights, activations quantised as they come."""
    accuracy: AccuracyEntry | None = None
    """The gate between optimising and publishing."""
    labels: Annotated[list[_Label], AfterValidator(_unique)] = [DEFAULT_LABEL]
    """Labels that the published version gets; other labels stay where they are."""


class ManifestEntry(_Entry):
    """Lading's manifest: the models to package and serve."""

    models: dict[_ModelName, ModelEntry]
    """The models, by name; the name is the first segment of the model's URL."""


_ENTRY_AT_DEPTH: Mapping[int, type[_Entry]] = {0: ManifestEntry, 2: ModelEntry, 3: AccuracyEntry}

_UNKNOWN_KEY = "extra_forbidden"


@dataclass(frozen=True, slots=True)
class AccuracySpec:
    """The gate of one model: held-out rows, metric, and the drop that is still allowed."""

    data: Path
    metric: Metric
    max_drop: float


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """One model of the manifest; paths are below the manifest's folder."""

    name: str
    source: Path
    framework: str | None = None
    trust: bool = False
    quantize: Quantize = "none"
    accuracy: AccuracySpec | None = None
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
    return Manifest(path, models, document.place(["models"]))


def _spec(document: LocatedYaml, name: str, entry: ModelEntry) -> ModelSpec:
    folder = document.path.parent
    gate = entry.accuracy
    keys = ("source", "framework", "trust", "quantize", "accuracy.data")
    places = {key: document.place(["models", name, *key.split(".")]) for key in keys}
    return ModelSpec(
        name=name,
        source=folder / entry.source,
        framework=entry.framework,
        trust=entry.trust,
        quantize=entry.quantize,
        accuracy=AccuracySpec(folder / gate.data, gate.metric, gate.max_drop) if gate else None,
        labels=tuple(entry.labels),
        places=places,
    )


def _describe(document: LocatedYaml, detail: ErrorDetails) -> ManifestError:
    keys = [key for key in detail["loc"] if key != "[key]"]
    place = document.place(keys)
    if detail["type"] == _UNKNOWN_KEY:
        known = _ENTRY_AT_DEPTH[len(keys) - 1].model_fields
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
    for ours in ("Input should", "String should", "Keys should"):
        text = text.replace(ours, "must", 1) if text.startswith(ours) else text
    return text


def render_schema() -> str:
    """The manifest's JSON Schema, as `models.schema.json` holds it."""
    schema = ManifestEntry.model_json_schema()
    titled = {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
    return f"{json.dumps({**titled, 'title': 'models.yaml'}, indent=2)}\n"


if __name__ == "__main__":
    sys.stdout.write(render_schema())

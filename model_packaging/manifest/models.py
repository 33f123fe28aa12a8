"""Reads models.yaml: the models, their sources, how to optimize them and where to serve them.

`python -m lading.model_packaging.manifest.models` prints the JSON Schema that `models.schema.json`
publishes.
"""

import json
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass as validated
from pydantic_core import ErrorDetails

from lading.functions.inference.artifact.specification import PYTHON
from lading.model_packaging.errors import ManifestError, Place, UnknownModel, likely
from lading.model_packaging.manifest.address import CACHE, is_remote
from lading.model_packaging.manifest.checking import CheckSpec
from lading.model_packaging.manifest.entries import NATIVE, ManifestEntry, ModelEntry
from lading.model_packaging.manifest.fields import CONFIG
from lading.model_packaging.manifest.graph_rules import check_graph
from lading.model_packaging.manifest.located_yaml import LocatedYaml
from lading.model_packaging.manifest.options import QuantizeSpec
from lading.model_packaging.manifest.own_class import check_own_class, default_target, runs_code
from lading.model_packaging.manifest.script import is_script
from lading.model_packaging.manifest.training import TRAINED

_MANIFEST = TypeAdapter(ManifestEntry)

_UNKNOWN_KEY = "unexpected_keyword_argument"
_ORIGINAL = (
    *("class_path", "inputs", "examples", "outputs", "signatures", "iterations", "code", "image"),
)
_CONVERSION = (*_ORIGINAL, "check", "prune", "quantize", "accuracy", "batching", "explain")
_OF_FILES = (*_ORIGINAL, "framework", "trust", "check", "prune", "quantize", "twin")
"""The keys that have no effect on a graph."""


@dataclass(frozen=True)
class _Named:
    name: str


@validated(frozen=True, config=CONFIG)
class ModelSpec(ModelEntry, _Named):
    """One model of the manifest: its name, its keys, and where they stand."""

    manifest: Path = Path("models.yaml")
    line: int = field(default=1, compare=False)
    lines: Mapping[str, int] = field(default_factory=dict, compare=False)
    """The line of each key below `line`, by its dotted path."""
    training: Mapping[str, Any] | None = field(default=None, compare=False)
    """What made the source, if a training of ours did; it becomes part of the artifact."""
    training_key: str = field(default="train", compare=False)
    """The key of the script that makes the source: train, or prune.recover."""
    origin: str | None = field(default=None, compare=False)
    """The address of the source, if it is not a path; `source` is where it is downloaded to."""
    example: bytes | None = field(default=None, compare=False, repr=False)
    """A request of the plain dialect that came with the source; it becomes a golden one."""
    unpruned: Path | None = field(default=None, compare=False)
    """The trained file before it was pruned and trained again; the gate compares with it."""

    def place(self, key: str) -> Place:
        """Return the place in the manifest of the model's `key`, such as `accuracy.data`."""
        above = key
        while above and above not in self.lines:
            above = above.rpartition(".")[0]
        line = self.lines.get(above, self.line)
        return Place(self.manifest, line, f"models.{self.name}.{key}")

    def place_of_training(self, key: str) -> Place:
        """Return the place of a key of the training, such as `entry`."""
        return self.place(f"{self.training_key}.{key}")

    @property
    def may_have_engine(self) -> bool:
        """Whether an engine on SageMaker may serve it; functions compute answers themselves."""
        return self.target in {"sagemaker", "auto"} and not self.runs_code

    @property
    def runs_natively(self) -> bool:
        """Whether the model is not converted: its framework's own runtime computes it."""
        return self.engine is not None and self.engine.name in {NATIVE, PYTHON}

    @property
    def runs_code(self) -> bool:
        """Whether the model is a class of the user's own, in the folder `source`."""
        return runs_code(self)

    @property
    def is_script(self) -> bool:
        """Whether the model is TorchScript that is not converted, which is a program."""
        return is_script(self, self.source)

    @property
    def code_folder(self) -> Path:
        """The folder from which the code of `class` imports."""
        return self.source if self.runs_code else self.manifest.parent

    @property
    def trusts_all(self) -> bool:
        """Whether code in its file may run, whatever it is."""
        return self.trust is True

    @property
    def trusted_types(self) -> tuple[str, ...]:
        """The types that a .skops file may have beside those that skops trusts."""
        return () if isinstance(self.trust, bool) else self.trust

    def original(self) -> dict[str, Any]:
        """Return what the manifest states of the trained model beside its file; see `conversion`.

        Not every framework has all of these keys.
        """
        return self._stated(_ORIGINAL)

    def conversion(self) -> dict[str, Any]:
        """Return what the manifest states of the conversion, by its keys, as JSON for the identity.

        A value that equals its default is left out, so that adding a key changes no identity. A
        file is left to its digest.
        """
        return self._stated(_CONVERSION)

    def _stated(self, fields: Iterable[str]) -> dict[str, Any]:
        document: dict[str, Any] = TypeAdapter(type(self)).dump_python(
            self, mode="json", by_alias=True, exclude_defaults=True, include=set(fields)
        )
        return document

    def class_file(self) -> Path:
        """Return the file with the code of `class_path`."""
        module = str(self.class_path).partition(":")[0]
        return self.code_folder.joinpath(*module.split(".")).with_suffix(".py")

    def row_files(self) -> dict[str, Path]:
        """Files of rows for the gate and for calibration, by the manifest's key."""
        data = self.accuracy.data if self.accuracy else None
        rows = self.explain.data if self.explain else None
        named = {
            "accuracy.data": data,
            "quantize.calibration": self.quantize.calibration,
            "explain.data": rows,
        }
        return {key: path for key, path in named.items() if path}

    def original_files(self) -> dict[str, Path]:
        """Files beside the source that the outcome depends on, by the manifest's key."""
        classes = self.image.classes if self.image else None
        named = {
            "class": self.class_file() if self.class_path and not self.runs_code else None,
            "examples": self.examples,
            "code": self.code.file if self.code else None,
            "image": classes if isinstance(classes, Path) else None,
        }
        return {key: path for key, path in named.items() if path}


@dataclass(frozen=True, slots=True)
class Manifest:
    """A valid manifest."""

    path: Path
    models: Mapping[str, ModelSpec]
    place: Place

    def select(self, names: Iterable[str] = ()) -> tuple[ModelSpec, ...]:
        """Return the models of these names; without names, all of them.

        Raises:
            UnknownModel: the manifest lacks one; the error suggests a name.
        """
        wanted = list(dict.fromkeys(names)) or list(self.models)
        for name in wanted:
            if name not in self.models:
                raise UnknownModel(self.place, name, self.models)
        return tuple(self.models[name] for name in wanted)


def load_manifest(path: Path) -> Manifest:
    """Read and check models.yaml.

    Files that it names are not checked before they are used, so that a clone without trained models
    can still deploy.

    Raises:
        ManifestError: the first error, with file, line, key and a suggestion.
    """
    document = LocatedYaml(path)
    try:
        entry = _MANIFEST.validate_python(
            document.value, by_alias=True, by_name=False, context={"folder": path.parent}
        )
    except ValidationError as error:
        details = error.errors()
        # A misspelt key is often also a missing one; the misspelling is more useful.
        unknown = [detail for detail in details if detail["type"] == _UNKNOWN_KEY]
        failures = [_describe(document, detail) for detail in unknown or details]
        raise min(failures, key=lambda failure: failure.line) from error
    models = {name: _spec(document, name, model) for name, model in entry.models.items()}
    for spec in models.values():
        _check_graph(spec, models)
        _check_target(spec, models)
        _check_quantize(spec)
        _check_evaluate(spec)
        _check_explain(spec)
        _check_distill(spec, models)
        _check_recover(spec)
    return Manifest(path, models, document.place(["models"]))


def _spec(document: LocatedYaml, name: str, entry: ModelEntry) -> ModelSpec:
    keys = {each.name: getattr(entry, each.name) for each in fields(entry)}
    line, lines = document.place(["models", name]).line, document.lines(["models", name])
    if entry.train or entry.distill:  # until its training is found
        keys["source"] = document.path.parent / TRAINED / name
    stated = str(document.value["models"][name].get("source", ""))
    origin = stated if is_remote(stated) else None
    if origin is not None:  # until it is downloaded
        keys["source"] = document.path.parent / CACHE
    if entry.graph:
        keys["source"] = document.path
    keys |= default_target(entry, keys["source"], document.value["models"][name])
    return ModelSpec(
        name=name, manifest=document.path, line=line, lines=lines, origin=origin, **keys
    )


def _check_graph(spec: ModelSpec, models: Mapping[str, ModelSpec]) -> None:
    """Reject a graph whose names lead nowhere, and keys of a model that has a file."""
    if spec.graph is None:
        return
    defaults = {each.name: each.default for each in fields(ModelEntry)}
    for name in _OF_FILES:
        default = defaults[name]
        if getattr(spec, name) not in (default, {}, QuantizeSpec(), CheckSpec()):
            key = {"class_path": "class", "signatures": "signature"}.get(name, name)
            raise ManifestError(spec.place(key), "has no effect on a graph; remove it")
    if spec.target == "auto" or (spec.engine and spec.engine.name != "triton"):
        key = "target" if spec.target == "auto" else "engine"
        reason = "must be lambda, lambda-managed or sagemaker with Triton for a graph"
        raise ManifestError(spec.place(key), reason)
    others = {name: model.graph for name, model in models.items() if name != spec.name}
    check_graph(spec, spec.graph, others)


def _check_target(spec: ModelSpec, models: Mapping[str, ModelSpec]) -> None:
    """Reject keys of SageMaker on Lambda, and a twin that could not answer."""
    check_own_class(spec, spec.place, downloaded=spec.origin is not None)
    if spec.runs_natively:
        _check_native(spec)
    elif not spec.may_have_engine:
        for key, value in (("engine", spec.engine), ("twin", spec.twin)):
            if value is not None:
                raise ManifestError(spec.place(key), "is for SageMaker; set target: sagemaker")
    if spec.engine and spec.engine.name == "container" and spec.engine.image is None:
        raise ManifestError(
            spec.place("engine"), "container needs image: the URI of your container's image"
        )
    if spec.twin is None:
        return
    if spec.twin not in models:
        others = (name for name in models if name != spec.name)
        reason = f"there is no model '{spec.twin}'"
        raise ManifestError(spec.place("twin"), reason, likely(spec.twin, others))
    if models[spec.twin].target != "lambda":
        reason = f"'{spec.twin}' must be another model, with target: lambda"
        raise ManifestError(spec.place("twin"), reason)


def _check_native(spec: ModelSpec) -> None:
    """Reject keys that have no effect on a model that is not converted."""
    if spec.target != "lambda" and not (spec.runs_code or spec.is_script):
        reason = "must be lambda with engine: native; a container of yours can serve it as well"
        raise ManifestError(spec.place("target"), reason)
    given: dict[str, object] = {"prune": spec.prune, "twin": spec.twin}
    if spec.quantize != QuantizeSpec():
        given["quantize"] = spec.quantize
    for key, value in given.items():
        if value is not None:
            engine = spec.engine and spec.engine.name
            reason = f"has no effect with engine: {engine}, which serves the source as it is"
            raise ManifestError(spec.place(key), f"{reason}; remove it")
    if spec.engine and (spec.engine.image or spec.engine.options):
        raise ManifestError(
            spec.place("engine"), f"{spec.engine.name} has no image and no options; remove them"
        )


def _check_quantize(spec: ModelSpec) -> None:
    """Reject options that the scheme does not have, and `auto` without a gate."""
    scheme, options = spec.quantize.scheme, spec.quantize
    if scheme == "none" and (options.exclude or options.calibration):
        reason = "exclude and calibration have no effect with none; remove them"
        raise ManifestError(spec.place("quantize"), reason)
    if scheme == "auto" and spec.accuracy is None:
        reason = "auto needs an accuracy section, which decides what passes"
        raise ManifestError(spec.place("quantize"), reason)


def _check_evaluate(spec: ModelSpec) -> None:
    if spec.evaluate and spec.accuracy is None:
        reason = "needs an accuracy section, which has the rows and max_drop"
        raise ManifestError(spec.place("evaluate"), reason)


def _check_explain(spec: ModelSpec) -> None:
    if spec.explain and spec.target == "sagemaker":
        reason = "is for models that functions compute, not for endpoints; remove it"
        raise ManifestError(spec.place("explain"), reason)


def _check_distill(spec: ModelSpec, models: Mapping[str, ModelSpec]) -> None:
    """Reject a student without a teacher, without a gate, or of two kinds."""
    distill = spec.distill
    if distill is None:
        return
    place = spec.place("distill.teacher")
    others = [name for name in models if name != spec.name]
    if distill.teacher not in others:
        reason = f"must be another model of this manifest, not '{distill.teacher}'"
        raise ManifestError(place, reason, likely(distill.teacher, others))
    if spec.accuracy is None:
        reason = "needs an accuracy section, whose rows hold the student against its teacher"
        raise ManifestError(spec.place("distill"), reason)
    if (distill.student is None) == (spec.class_path is None):
        reason = "needs either student, an estimator, or class beside distill, a PyTorch class"
        raise ManifestError(spec.place("distill.student"), reason)
    if spec.may_have_engine:
        reason = "makes a small model, which Lambda serves; set target: lambda"
        raise ManifestError(spec.place("distill"), reason)


def _check_recover(spec: ModelSpec) -> None:
    """Reject the recovery of a model that is not a file of a class's weights, or has no gate."""
    if spec.prune is None or spec.prune.recover is None:
        return
    place = spec.place("prune.recover")
    for key in ("train", "distill"):
        if getattr(spec, key) is not None:
            reason = f"needs source, a trained file, instead of {key}"
            raise ManifestError(place, reason)
    if spec.class_path is None:
        reason = "needs class, the PyTorch class whose weights the source holds"
        raise ManifestError(place, reason)
    if spec.accuracy is None:
        reason = "needs an accuracy section, whose rows hold the result against the source"
        raise ManifestError(place, reason)


def _describe(document: LocatedYaml, detail: ErrorDetails) -> ManifestError:
    keys = [key for key in detail["loc"] if key != "[key]"]
    if detail["type"] == "missing":
        return ManifestError(document.place(keys), "is required")
    while keys and not document.holds(keys):  # part of a short form, such as `quantize: dynamic`
        keys.pop()
    place = document.place(keys)
    if detail["type"] == _UNKNOWN_KEY:
        return ManifestError(place, "unknown key", likely(str(keys[-1]), _known(keys[:-1])))
    if detail["type"] == "literal_error":
        expected = str(detail["ctx"]["expected"])
        guess = likely(str(detail["input"]), re.findall("'([^']*)'", expected))
        return ManifestError(place, f"must be {expected}", guess)
    return ManifestError(place, _reworded(detail["msg"]))


def _known(keys: Sequence[int | str]) -> list[str]:
    """Return the keys that the mapping at `keys` may have, from the JSON Schema."""
    schema = _MANIFEST.json_schema()
    forms = _forms(schema, schema)
    for key in keys:
        values = [
            value
            for each in forms
            for value in (
                each.get("properties", {}).get(key),
                each.get("additionalProperties"),
                *each.get("patternProperties", {}).values(),
            )
        ]
        forms = [form for value in values if value for form in _forms(schema, value)]
    return [key for each in forms for key in each.get("properties", {})]


def _forms(schema: Mapping[str, Any], value: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the forms that a value of the schema may have, references resolved."""
    if "$ref" in value:
        return [schema["$defs"][value["$ref"].rpartition("/")[2]]]
    return [form for each in value.get("anyOf", ()) for form in _forms(schema, each)] or [value]


def _reworded(message: str) -> str:
    """Turn Pydantic's sentence into the end of one of ours."""
    text = message.removeprefix("Value error, ")
    text = re.sub(r"^(Input|List|String|Keys|Value) should", "must", text)
    text = text.replace("a valid tuple", "a list").replace(" after validation", "")
    return re.sub("a (valid )?dictionary( or an instance of .*)?", "a mapping", text)


def render_schema() -> str:
    """Return the manifest's JSON Schema, the content of `models.schema.json`."""
    titled = {"$schema": "https://json-schema.org/draft/2020-12/schema", **_MANIFEST.json_schema()}
    return f"{json.dumps({**titled, 'title': 'models.yaml'}, indent=2)}\n"


if __name__ == "__main__":
    sys.stdout.write(render_schema())

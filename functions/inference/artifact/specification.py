"""The content of `artifact.json`, and the names of an artifact's files.

Records that each cold start defines are named tuples: importing `dataclasses` and defining one
takes milliseconds.
"""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from lading.functions.inference.artifact.graph_nodes import GraphNode
    from lading.functions.inference.tensors.domain import Domain

FORMAT_VERSION = 5
"""The newest format that can be read."""
MODEL_FORMAT, ENGINE_FORMAT, STEPS_FORMAT, GRAPH_FORMAT, NATIVE_FORMAT = 1, 2, 3, 4, 5
"""The formats of an artifact with a model, of one with an engine's files, of one with processing
steps before its engine, which a reader of format 2 would ignore, of a graph of models, and of a
model in its framework's own runtime."""

SPECIFICATION = "artifact.json"
CODE_STEP = "code"
"""The step that runs the model's own code."""
PYTHON = "python"
"""The runtime of a class of the user's own."""
TORCHSCRIPT = "torchscript"
"""The runtime of TorchScript, which is a program: it can read and write files."""
MODEL = "model.onnx"
GOLDEN = "golden.json"
BASELINE = "baseline.json"
"""What usual inputs and answers look like; an artifact without it is served as well."""
BACKGROUND = "background.json"
REPORT = "report.json"
CARD = "README.md"
"""The model card, where a hub and people look for it."""
ENGINE = "engine"

SERVING_DEFAULT = "serving_default"
"""TensorFlow's name of the default signature."""
PREDICT_METHOD = "tensorflow/serving/predict"
"""TensorFlow Serving's name of the default method of a signature."""


class TensorSpec(NamedTuple):
    """One input or output: name, datatype (of the Open Inference Protocol), shape (-1 is any size).

    `domain` states which values an input may hold; None is any value of its datatype.
    """

    name: str
    datatype: str
    shape: tuple[int, ...]
    domain: "Domain | None" = None

    @property
    def takes_missing(self) -> bool:
        """Whether a value may be missing, as far as its domain says."""
        return self.domain is None or self.domain.missing is True

    def to_json(self) -> dict[str, Any]:
        """Return the form in `artifact.json` and in model metadata, which omits the domain."""
        return {"name": self.name, "datatype": self.datatype, "shape": list(self.shape)}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> "TensorSpec":
        """Read what `to_json` returns."""
        shape = tuple(int(size) for size in document["shape"])
        return cls(str(document["name"]), str(document["datatype"]), shape)


def with_domains(
    inputs: tuple[TensorSpec, ...], documents: Mapping[str, Mapping[str, Any]]
) -> tuple[TensorSpec, ...]:
    """Return the inputs, each with the domain that `documents` state for it, by name."""
    if not documents:
        return inputs
    from lading.functions.inference.tensors.domain import Domain

    return tuple(
        spec._replace(domain=Domain.from_json(documents[spec.name], spec.datatype))
        if spec.name in documents
        else spec
        for spec in inputs
    )


class EngineFile(NamedTuple):
    """One file below `engine/`: its SHA-256 and its size in bytes."""

    digest: str
    bytes: int

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> "EngineFile":
        """Read one entry of `engine.files`.

        Raises:
            ValueError: its size is negative.
        """
        size = int(document["bytes"])
        if size < 0:
            raise ValueError(f"{size} bytes")
        return cls(str(document["digest"]), size)


class EngineSection(NamedTuple):
    """The engine that serves the model in a container; `files` by path below `engine/`.

    `environment` is that of the container; with `archive` the one file is its `model.tar.gz`.
    `inputs` and `outputs` are those of the engine, which processing steps may hide from callers;
    both are empty for a language model.
    """

    name: str
    options: Mapping[str, Any]
    files: Mapping[str, EngineFile]
    environment: Mapping[str, str]
    archive: bool
    inputs: tuple[TensorSpec, ...] = ()
    outputs: tuple[TensorSpec, ...] = ()

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> "EngineSection":
        """Read `engine` of an `artifact.json`.

        Raises:
            ValueError: a path leads outside the folder.
        """
        files = {
            _plain_path(path): EngineFile.from_json(file)
            for path, file in document["files"].items()
        }
        return cls(
            name=str(document["name"]),
            options=dict(document["options"]),
            files=files,
            environment=dict(document["environment"]),
            archive=document["archive"] is True,
            inputs=tuple(map(TensorSpec.from_json, document.get("inputs", ()))),
            outputs=tuple(map(TensorSpec.from_json, document.get("outputs", ()))),
        )


class NativeSection(NamedTuple):
    """A model that is not converted: its framework's own runtime computes it.

    `file` is its file in the artifact, and `options` are what the runtime must know beside it; see
    the module of the runtime in `lading.functions.inference.native`. `inputs` and `outputs` are
    those of the model, which processing steps may hide from callers.
    """

    runtime: str
    file: str
    options: Mapping[str, Any]
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]

    @property
    def runs_code(self) -> bool:
        """Whether its file is code, which needs permission to run, and only runs in a container."""
        return self.runtime in {PYTHON, TORCHSCRIPT}

    def to_json(self) -> dict[str, Any]:
        """Return the form in `artifact.json`."""
        tensors = {
            side: [spec.to_json() for spec in specs]
            for side, specs in (("inputs", self.inputs), ("outputs", self.outputs))
        }
        return {"runtime": self.runtime, "file": self.file, "options": dict(self.options)} | tensors

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> "NativeSection":
        """Read what `to_json` returns."""
        return cls(
            runtime=str(document["runtime"]),
            file=str(document["file"]),
            options=dict(document["options"]),
            inputs=tuple(map(TensorSpec.from_json, document["inputs"])),
            outputs=tuple(map(TensorSpec.from_json, document["outputs"])),
        )


def _plain_path(path: str) -> str:
    if not path.isprintable() or "\\" in path or {"", ".", ".."} & set(path.split("/")):
        raise ValueError(f"engine file {path!r}")
    return path


class Artifact(NamedTuple):
    """A verified artifact; `model` holds the bytes whose digest was verified.

    It has a model, an engine or a graph; with these two `model` is empty. With `native` the model
    is a file of its framework, else it is an ONNX model. `files` holds what its
    processing steps need, by name. `file` is the file of `model`, where nothing can change it after
    its check; else None. `signature` is the default one; `others` are further signatures by name,
    and `aliases` further names of signatures.
    """

    name: str
    identity: str
    digest: str
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    model: bytes
    golden: bytes | None
    specification: Mapping[str, Any]
    engine: EngineSection | None = None
    files: Mapping[str, bytes] = MappingProxyType({})
    signature: str = SERVING_DEFAULT
    method: str = PREDICT_METHOD
    others: Mapping[str, "Artifact"] = MappingProxyType({})
    aliases: Mapping[str, str] = MappingProxyType({})
    file: Path | None = None
    graph: "Graph | None" = None
    native: NativeSection | None = None

    def parts(self) -> "tuple[Artifact, ...]":
        """Return the artifact, and those of the models of its graph."""
        models = self.graph.models.values() if self.graph else ()
        return (self, *(each.artifact for each in models))

    def model_bytes(self) -> int:
        """Return the size of its model, or of the models that a graph runs itself."""
        return sum(len(each.model) for each in self.parts())

    def engine_name(self) -> str:
        """Return the engine that is needed to answer; empty if none is."""
        return next((each.engine.name for each in self.parts() if each.engine), "")


class GraphModel(NamedTuple):
    """A model of a graph: its version, and its artifact; without a model where an engine has it."""

    version: int
    artifact: Artifact


class Graph(NamedTuple):
    """A graph: its nodes and its models, by name."""

    nodes: "Mapping[str, GraphNode]"
    models: Mapping[str, GraphModel]

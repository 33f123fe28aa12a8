"""The keys of models.yaml: each with its type, default, description and rule, in one place.

To add a key, add a field to the class of its mapping. To add a metric or an engine, add its name to
`Metric` or `EngineName`, and its line to `measure.metrics.METRICS` or `engines.registry.ENGINES`.
"""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    Strict,
    StrictBool,
    model_validator,
)
from pydantic.dataclasses import dataclass

from lading.functions.contract.names import DEFAULT_LABEL, NAME_PATTERN
from lading.functions.contract.routes import RESERVED_NAMES
from lading.functions.inference.artifact.signatures import LONGEST_NAME
from lading.model_packaging.manifest.card import CardSpec
from lading.model_packaging.manifest.checking import CheckSpec
from lading.model_packaging.manifest.distilling import DistillSpec
from lading.model_packaging.manifest.explaining import Explain
from lading.model_packaging.manifest.fields import CONFIG, File, Text, one_or_more, unique
from lading.model_packaging.manifest.graphs import GraphSpec
from lading.model_packaging.manifest.image_input import ImageInput
from lading.model_packaging.manifest.options import PruneSpec, Quantize, QuantizeSpec
from lading.model_packaging.manifest.original import ClassPath, Outputs, OwnCode, Shapes
from lading.model_packaging.manifest.training import TRAINED, TrainSpec

Metric = Literal["accuracy", "f1", "roc_auc", "top_k", "mae", "rmse", "cosine", "match"]
Promote = Literal["never", "not_worse", "better"]
Target = Literal["lambda", "lambda-managed", "sagemaker", "container", "auto"]
EngineName = Literal["triton", "vllm", "djl-lmi", "container"]
EngineWord = Literal["native", "python", EngineName]
NATIVE: Final = "native"
"""The engine of a model that a function runs in the runtime of its own framework."""
Option = bool | int | float | str


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
        raise ValueError(f"'{text}' would be read as a version number; choose a word")
    return _name(text)


def _option(value: Any) -> Any:
    if not isinstance(value, bool | int | float | str) or value != value:  # noqa: PLR0124 - NaN
        raise ValueError("must be a number, a text, true or false")
    return value


_PATTERN = Field(json_schema_extra={"pattern": f"^{NAME_PATTERN}$"})
_ModelName = Annotated[str, AfterValidator(_model_name), _PATTERN]
_Label = Annotated[str, AfterValidator(_label), _PATTERN]
_Signature = Annotated[str, Field(min_length=1, max_length=LONGEST_NAME)]
_Signatures = Annotated[list[_Signature], Field(min_length=1)]
_SCALARS = Field(json_schema_extra={"type": ["boolean", "number", "string"]})


@dataclass(frozen=True, slots=True, config=CONFIG)
class AccuracySpec:
    """The accuracy gate."""

    data: File
    """Held-out rows, in .npz, .csv, .jsonl or .parquet: a column for each input, by name, and y."""
    metric: Metric
    """For labels: accuracy, f1 (macro); for scores: roc_auc, top_k; for numbers: mae, rmse; without
    y, against the original: cosine of its vectors, match of its labels."""
    max_drop: Annotated[float, Strict(), Field(ge=0, allow_inf_nan=False)]
    """The largest accepted drop of the metric, from the original to the optimized model, with 95 %
    confidence."""
    output: Text | None = None
    """The output to measure; by default the first one."""
    k: Annotated[int, Strict(), Field(ge=1)] = 5
    """The number of highest scores among which top_k looks for the class."""
    truth: Text = "y"
    """The column of data with the correct answers."""


@dataclass(frozen=True, slots=True, config=CONFIG)
class EvaluateSpec:
    """The comparison of two versions."""

    metrics: Annotated[tuple[Metric, ...], AfterValidator(unique)] = ()
    """Metrics to compare; the first one decides. By default that of accuracy."""
    slices: Annotated[tuple[Text, ...], AfterValidator(unique), Field(max_length=20)] = ()
    """Columns of the rows by whose values the metrics are shown as well."""
    promote: Promote = "never"
    """The label to propose for the new version: never: none; not_worse: stable if the 95 %
    interval excludes a loss above accuracy.max_drop; better: stable only if it excludes zero; else
    candidate."""


@dataclass(frozen=True, slots=True, config=CONFIG)
class BatchingSpec:
    """How requests of several callers share a run of the model, in a container."""

    most_rows: Annotated[int, Strict(), Field(ge=1, le=1024)] = 16
    """The most rows in one run; 1 never joins requests."""
    longest_wait_ms: Annotated[float, Strict(), Field(ge=0, le=1000, allow_inf_nan=False)] = 0.0
    """How long a request may wait for others; 0 joins only what is there already."""


@dataclass(frozen=True, slots=True, config=CONFIG)
class EngineSpec:
    """What serves the model, where that is not onnxruntime in a function."""

    name: EngineWord
    """On SageMaker, triton: ONNX models; vllm, djl-lmi: Hugging Face folders; container: the one in
    image. On Lambda, native: the model is not converted, and its framework's own runtime computes
    it (XGBoost's JSON and UBJSON, LightGBM's text, TFLite, .skops). In a container, native:
    TorchScript. On Lambda or in a container, python: a class of your own."""
    image: Text | None = None
    """The URI of another container image; {region} in it becomes the region of the deployment."""
    options: Mapping[str, Annotated[Any, AfterValidator(_option), _SCALARS]] = Field(default={})
    """The engine's own options; docs/large-models.md lists them."""


def _engine_of_word(value: Any) -> Any:
    return {"name": value} if isinstance(value, str) else value


Engine = Annotated[
    EngineSpec, BeforeValidator(_engine_of_word, json_schema_input_type=EngineWord | EngineSpec)
]


TypeName = Annotated[str, Field(pattern=r"^[A-Za-z_]\w*(\.\w+)+$")]
"""A type or function by its module and name, as `sklearn.tree._tree.Tree`."""


_SOURCES = ("source", "train", "distill", "graph")


def _source_or_train(schema: dict[str, Any]) -> None:
    schema["required"].remove("source")
    schema["oneOf"] = [{"required": [key]} for key in _SOURCES]
    if not schema["required"]:
        del schema["required"]


@dataclass(frozen=True, config=ConfigDict(**CONFIG, json_schema_extra=_source_or_train))
class ModelEntry:
    """One model: where it comes from, how it is optimized and where it is served."""

    source: File
    """The trained model's file or folder, relative to this manifest, or its address: hf://org/name,
    s3://bucket/key, models:/name/3, https://…#sha256=…; with train, distill or graph, left out."""
    train: TrainSpec | None = None
    """The script that trains the model, for `lading train`."""
    distill: DistillSpec | None = None
    """The larger model that teaches this one, for `lading distill`."""
    graph: GraphSpec | None = None
    """Other models of this manifest, of which this one is made."""
    framework: Annotated[str | None, Field(examples=["onnx", "scikit-learn"])] = None
    """The framework of the file; needed only if its name does not show it."""
    trust: StrictBool | tuple[TypeName, ...] = False
    """true loads the file even when that runs code, as any .joblib or .pkl does. For a .skops file
    a list of types, as skops names them, allows these and no others."""
    prune: PruneSpec | None = None
    """Pruning: which weights to remove, before quantizing."""
    quantize: Quantize = QuantizeSpec()
    """A scheme of quantization, or a mapping with what to exclude and what to calibrate on."""
    class_path: Annotated[
        ClassPath | None,
        Field(
            validation_alias="class",
            serialization_alias="class",
            examples=["networks.digits:Network"],
        ),
    ] = None
    """module:Name of the class whose weights the file holds, or of a function that makes the model;
    your own code, beside this manifest, runs when the model is packaged. With engine: python, the
    class that answers, in the folder source."""
    inputs: Shapes = Field(default={})
    """The inputs in the original's order, if its file does not have them."""
    examples: File | None = None
    """Alternative to inputs: an .npz file with an array of example rows per input, in order."""
    outputs: Outputs = ()
    """Names for the outputs, in the original's order; with engine: python a mapping with the shape
    and the datatype of each."""
    signatures: Annotated[
        tuple[_Signature, ...],
        AfterValidator(unique),
        BeforeValidator(one_or_more, json_schema_input_type=_Signature | _Signatures),
        Field(validation_alias="signature", serialization_alias="signature"),
    ] = ()
    """The signatures of a SavedModel to package, one or a list; by default all. Requests that do
    not name one are for serving_default, or else for the first of the list."""
    iterations: Literal["best", "all"] | None = None
    """The trees of an XGBoost Booster that answer, if its file records a best iteration."""
    code: OwnCode | None = None
    """Your own code around the model, which runs wherever it is served."""
    image: ImageInput | None = None
    """For a model of pixels: callers send image files."""
    check: CheckSpec = CheckSpec()
    """How near the answers must be to those of the original."""
    accuracy: AccuracySpec | None = None
    """The gate between optimizing and publishing."""
    batching: BatchingSpec | None = None
    """Joins requests of several callers in one run, also for a model whose answers were measured to
    depend on other rows. By default only models of which that is not so are joined."""
    explain: Explain = None
    """Explanations of single answers: true, or a mapping of options."""
    evaluate: EvaluateSpec | None = None
    """The comparison of two versions, for `lading evaluate`."""
    card: CardSpec | None = None
    """The words of the model card, which is published with each version."""
    target: Target = "lambda"
    """auto: Lambda when the model fits there, else the cheaper of lambda-managed and sagemaker;
    `lading plan` shows which and why. container: with engine: python, whose default is auto: Lambda
    when it fits there with its packages, else a container; and for TorchScript with engine: native.
    """
    engine: Engine | None = None
    """native: the model is not converted, and runs in its framework's own runtime: on Lambda,
    TorchScript in a container. python: it is a class of your own, which runs on Lambda or in a
    container. On SageMaker the engine, by default triton, or vllm for a language model."""
    twin: Text | None = None
    """A smaller model of this manifest that may answer while the SageMaker endpoint starts."""
    labels: Annotated[tuple[_Label, ...], AfterValidator(unique)] = (DEFAULT_LABEL,)
    """Labels that the published version gets; other labels stay where they are."""

    @model_validator(mode="before")
    @classmethod
    def _given(cls, value: Any) -> Any:
        """Return the keys that have a value; the others keep their defaults."""
        if not isinstance(value, dict):
            return value
        given = {key: each for key, each in value.items() if each is not None}
        stated = [key for key in _SOURCES if key in given]
        if len(stated) > 1:
            raise ValueError(f"has both {stated[0]} and {stated[1]}; only one makes the source")
        return given if stated in ([], ["source"]) else {**given, "source": str(TRAINED)}


@dataclass(frozen=True, slots=True, config=CONFIG)
class ManifestEntry:
    """Lading's manifest: the models to package and serve."""

    models: Mapping[_ModelName, ModelEntry]
    """The models, by name; the name is the first segment of the model's URL."""

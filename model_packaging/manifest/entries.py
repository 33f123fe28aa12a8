"""The keys of models.yaml: what the JSON Schema publishes, and pydantic checks."""

import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Discriminator, Field, Tag

from lading.functions.contract.names import DEFAULT_LABEL, NAME_PATTERN, RESERVED_NAMES
from lading.functions.inference.artifact.signatures import LONGEST_NAME
from lading.model_packaging.manifest.image_entry import ImageEntry
from lading.model_packaging.manifest.options import (
    LIST,
    WORD,
    Entry,
    PruneEntry,
    QuantizeEntry,
    QuantizeKey,
)
from lading.model_packaging.manifest.original_entry import ClassPath, CodeEntry, InputEntry

Metric = Literal["accuracy", "f1", "roc_auc", "top_k", "mae", "rmse", "cosine", "match"]
Target = Literal["lambda", "sagemaker", "auto"]
EngineName = Literal["triton", "vllm", "djl-lmi", "container"]
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
        raise ValueError(f"'{text}' would be taken for a version; choose a word")
    return _name(text)


def _unique(names: list[str]) -> list[str]:
    repeated = {name for name in names if names.count(name) > 1}
    if repeated:
        raise ValueError(f"names '{min(repeated)}' twice")
    return names


def _form(value: Any) -> str:
    return LIST if isinstance(value, list) else WORD


def _option(value: Any) -> Any:
    if not isinstance(value, bool | int | float | str) or value != value:  # noqa: PLR0124 - NaN
        raise ValueError("must be a number, a text, true or false")
    return value


_PATTERN = Field(json_schema_extra={"pattern": f"^{NAME_PATTERN}$"})
_ModelName = Annotated[str, AfterValidator(_model_name), _PATTERN]
_Label = Annotated[str, AfterValidator(_label), _PATTERN]
_Signature = Annotated[str, Field(min_length=1, max_length=LONGEST_NAME)]
_Signatures = Annotated[
    Annotated[_Signature, Tag(WORD)]
    | Annotated[list[_Signature], Field(min_length=1), AfterValidator(_unique), Tag(LIST)],
    Discriminator(_form),
]
_SCALARS = Field(json_schema_extra={"type": ["boolean", "number", "string"]})
_Option = Annotated[Any, AfterValidator(_option), _SCALARS]


class AccuracyEntry(Entry):
    """The accuracy gate."""

    data: str = Field(min_length=1)
    """Held-out rows, in .npz, .csv, .jsonl or .parquet: a column per input, by name, and y."""
    metric: Metric
    """Of labels: accuracy, f1 (macro); of scores: roc_auc, top_k; of numbers: mae, rmse; without y,
    beside the original: cosine of its vectors, match of its labels."""
    max_drop: float = Field(ge=0, allow_inf_nan=False)
    """How much worse, in the metric's unit, the optimized model may be than the original, with 95 %
    confidence."""
    output: str | None = Field(default=None, min_length=1)
    """The output that is measured; the first one when not given."""
    k: int = Field(default=5, ge=1)
    """How many of the greatest scores top_k looks at."""


class EngineEntry(Entry):
    """What serves the model on SageMaker."""

    name: EngineName
    """triton: ONNX models; vllm, djl-lmi: Hugging Face folders; container: whatever image says."""
    image: str | None = Field(default=None, min_length=1)
    """Another container image; {region} in it is the region that it is deployed to."""
    options: dict[str, _Option] = Field(default={})
    """The engine's own options; docs/large-models.md has those of each."""


class ModelEntry(Entry):
    """One model: where it comes from, how it is optimized and where it is served."""

    source: str = Field(min_length=1)
    """The trained model's file, relative to this manifest."""
    framework: str | None = Field(default=None, examples=["onnx", "scikit-learn"])
    """What the file comes from; needed only when its name does not tell."""
    trust: bool = False
    """Load the file even when that runs code: any .joblib or .pkl, or a .skops of unknown types."""
    prune: PruneEntry | None = None
    """Which weights are given up, before quantizing."""
    quantize: QuantizeKey = "none"
    """A scheme of quantization, or a mapping with what to exclude and what to calibrate on."""
    class_: ClassPath | None = Field(
        default=None, alias="class", examples=["networks.digits:Network"]
    )
    """module:Name of the class whose weights the file holds; your own code, beside this manifest,
    runs when the model is packaged."""
    inputs: dict[str, InputEntry] | None = None
    """The inputs in the order in which the original takes them, when its file does not tell."""
    examples: str | None = Field(default=None, min_length=1)
    """Instead: an .npz file with an array of example rows per input, in that order."""
    outputs: list[str] | None = None
    """Names for the outputs, in the original's order."""
    signature: _Signatures | None = None
    """Which signature of a SavedModel is packaged, or a list of them; all when not given. Requests
    that name none are for serving_default, or else for the first of the list."""
    iterations: Literal["best", "all"] | None = None
    """Which trees of an XGBoost Booster answer, if its file records a best iteration."""
    code: CodeEntry | None = None
    """Your own code around the model, which runs wherever it is served."""
    image: ImageEntry | None = None
    """For a model that takes pixels: callers send image files."""
    accuracy: AccuracyEntry | None = None
    """The gate between optimizing and publishing."""
    target: Target = "lambda"
    """auto: Lambda when the model fits there, else SageMaker; `lading plan` says which and why."""
    engine: EngineEntry | None = None
    """What serves it on SageMaker; triton, or vllm for a language model, when not given."""
    twin: str | None = Field(default=None, min_length=1)
    """A smaller model of this manifest that may answer while the SageMaker endpoint wakes."""
    labels: Annotated[list[_Label], AfterValidator(_unique)] = Field(default=[DEFAULT_LABEL])
    """Labels that the published version gets; other labels stay where they are."""


class ManifestEntry(Entry):
    """Lading's manifest: the models to package and serve."""

    models: dict[_ModelName, ModelEntry]
    """The models, by name; the name is the first segment of the model's URL."""


_ENTRIES: Mapping[str, type[Entry]] = {
    "accuracy": AccuracyEntry,
    "engine": EngineEntry,
    "prune": PruneEntry,
    "quantize": QuantizeEntry,
    "code": CodeEntry,
    "image": ImageEntry,
}


def entry_at(keys: Sequence[int | str]) -> type[Entry]:
    """The kind of entry at `keys`: the top, a model, or a part of one."""
    if len(keys) <= 1:
        return ManifestEntry
    if len(keys) > len(("models", "name", "inputs")) and keys[-2] in ("inputs", "outputs"):
        return InputEntry
    return ModelEntry if len(keys) == len(("models", "name")) else _ENTRIES[str(keys[-1])]

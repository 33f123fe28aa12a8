"""`config.pbtxt` of a Triton model repository, as protobuf's text format.

The keys are those of Triton's `model_config.proto`, those of the accelerators its onnxruntime
backend's. https://github.com/triton-inference-server/common/blob/main/protobuf/model_config.proto
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from zlib import crc32

from lading.functions.inference.artifact.specification import TensorSpec

NAME = "model"
"""The model's name in its repository, which has only one, whatever its name in Lading."""

ONNX_FILE = "model.onnx"
"""The file of an ONNX model, in the folder of its only version."""

_KINDS = {"auto": "KIND_AUTO", "gpu": "KIND_GPU", "cpu": "KIND_CPU"}
_ANY = -1
_LARGEST = (1 << 31) - 1
_PLAIN = r"[\w./:-]+"


@dataclass(frozen=True, slots=True)
class TritonSettings:
    """Triton's settings for a model.

    Args:
        max_batch_size: the largest batch, for a model that has batches.
        max_queue_delay_us: how long a request may wait for others to share a batch with.
        instances: copies of the model on each GPU.
        device: auto uses GPUs if there are any.
        accelerator: runs the model on a GPU; tensorrt is compiled when Triton starts.
        precision: the precision of tensorrt.
    """

    max_batch_size: int = 64
    max_queue_delay_us: int = 100
    instances: int = 1
    device: str = "auto"
    accelerator: str = "cuda"
    precision: str = "fp32"


@dataclass(frozen=True, slots=True)
class Sample:
    """A request for warming up: the shape of each input, and the file with its raw content."""

    shapes: Mapping[str, tuple[int, ...]]
    files: Mapping[str, str]


def derive_number(files: Mapping[str, bytes]) -> int:
    """Return the number of the folder of a repository's only version: a checksum of these files.

    Triton's answers name it, so it tells the version of a model that has answered. It is never 1,
    which was the number of every version before.
    """
    checksum = 0
    for path in sorted(files):
        checksum = crc32(files[path], crc32(path.encode(), checksum))
    return checksum % (_LARGEST - 1) + 2


def render_config(
    inputs: Sequence[TensorSpec],
    outputs: Sequence[TensorSpec],
    settings: TritonSettings,
    sample: Sample | None = None,
    name: str = NAME,
) -> bytes:
    """Return the content of config.pbtxt of the model with this name.

    Triton batches a model whose inputs and outputs all have a free first axis and at least one
    more. Any other model keeps its shapes and answers one request at a time.
    """
    batched = all(batchable(spec) for spec in (*inputs, *outputs))
    lines = [f"name: {quoted(name)}", 'backend: "onnxruntime"']
    lines += render_tensors(inputs, outputs, settings.max_batch_size)
    if batched:
        delay = settings.max_queue_delay_us
        lines.append(f"dynamic_batching {{ max_queue_delay_microseconds: {delay} }}")
    kind = _KINDS[settings.device]
    lines.append(f"instance_group [ {{ kind: {kind} count: {settings.instances} }} ]")
    if settings.device != "cpu":
        lines += _accelerator(settings)
    if sample is not None:
        largest = settings.max_batch_size if batched else 1
        lines += _warm_up(inputs, sample, sorted({1, largest}), batched=batched)
    return "".join(f"{line}\n" for line in lines).encode()


def render_tensors(
    inputs: Sequence[TensorSpec], outputs: Sequence[TensorSpec], max_batch_size: int
) -> Iterator[str]:
    """Yield the lines about batches, inputs and outputs."""
    batched = all(batchable(spec) for spec in (*inputs, *outputs))
    yield f"max_batch_size: {max_batch_size if batched else 0}"
    yield from (_tensor("input", spec, batched=batched) for spec in inputs)
    yield from (_tensor("output", spec, batched=batched) for spec in outputs)


def batchable(spec: TensorSpec) -> bool:
    """Return whether the first axis counts rows; Triton needs at least one more axis."""
    return len(spec.shape) > 1 and spec.shape[0] == _ANY


def _tensor(side: str, spec: TensorSpec, *, batched: bool) -> str:
    name, datatype = quoted(spec.name), _datatype(spec.datatype)
    # Triton requires a dimension; a scalar has one element.
    dims = spec.shape[1:] if batched else spec.shape or (1,)
    reshape = " reshape { shape: [ ] }" if not spec.shape else ""
    return f"{side} [ {{ name: {name} data_type: {datatype} dims: {_dims(dims)}{reshape} }} ]"


def _accelerator(settings: TritonSettings) -> Iterator[str]:
    parameters = {}
    if settings.accelerator == "tensorrt":
        parameters = {
            "precision_mode": settings.precision.upper(),
            "trt_engine_cache_enable": "true",
            "trt_engine_cache_path": "/tmp/tensorrt",  # noqa: S108 - in the container
        }
    pairs = (f'parameters {{ key: "{key}" value: "{it}" }}' for key, it in parameters.items())
    inner = " ".join((f'name: "{settings.accelerator}"', *pairs))
    accelerators = f"gpu_execution_accelerator [ {{ {inner} }} ]"
    yield f"optimization {{ execution_accelerators {{ {accelerators} }} }}"


def _warm_up(
    inputs: Sequence[TensorSpec], sample: Sample, batch_sizes: Sequence[int], *, batched: bool
) -> Iterator[str]:
    """Yield a sample for each batch size; Triton repeats the request's row to fill the batch."""
    for size in batch_sizes:
        tensors = " ".join(_warm_up_input(spec, sample, batched=batched) for spec in inputs)
        yield f'model_warmup [ {{ name: "golden-{size}" batch_size: {size} {tensors} }} ]'


def _warm_up_input(spec: TensorSpec, sample: Sample, *, batched: bool) -> str:
    shape = sample.shapes[spec.name]
    dims = _dims(shape[1:] if batched else shape or (1,))
    fields = (
        f"data_type: {_datatype(spec.datatype)}",
        f"dims: {dims}",
        f'input_data_file: "{sample.files[spec.name]}"',
    )
    return f"inputs {{ key: {quoted(spec.name)} value {{ {' '.join(fields)} }} }}"


def _datatype(datatype: str) -> str:
    return f"TYPE_{'STRING' if datatype == 'BYTES' else datatype}"


def _dims(sizes: Sequence[int]) -> str:
    return f"[ {', '.join(map(str, sizes))} ]"


def quoted(text: str) -> str:
    """Quote a string for protobuf's text format, in octal unless it is plain."""
    octal = "".join(f"\\{each:03o}" for each in text.encode())
    return f'"{text if re.fullmatch(_PLAIN, text, re.ASCII) else octal}"'

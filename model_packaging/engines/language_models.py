"""Language models as Hugging Face folders: config.json, tokenizer, weights as safetensors.

No file of the folder may run code where it is served: no pickled weights, no Python files.
https://huggingface.co/docs/safetensors has the format: eight bytes with the header's length, the
header as JSON, the tensors.
"""

import json
from pathlib import Path
from typing import Any

from lading.model_packaging.errors import SourceError, SourceUnreadable
from lading.model_packaging.manifest.models import ModelSpec
from lading.model_packaging.sources.files import RUNS_CODE, source_files

CONFIG, INDEX = "config.json", "model.safetensors.index.json"
WEIGHTS = ".safetensors"

MAX_JSON_BYTES = 64 << 20
"""Also the longest header of a safetensors file; the format's own limit is 100 MB."""

_WRITERS = ("ForCausalLM", "ForConditionalGeneration")
_LENGTH_BYTES = 8
_LISTED = 3


def language_model_files(spec: ModelSpec) -> dict[str, Path]:
    """Check a model's folder, and return its files by their path in it, without hidden files.

    Raises:
        SourceError: it is not such a folder, is damaged, or contains files that could run code.
    """
    folder = spec.source
    if not folder.is_dir():
        reason = "must be a folder with config.json and .safetensors files"
        raise SourceUnreadable(spec.name, folder, reason)
    files = source_files(spec)
    _refuse_code(spec, files)
    _check_config(spec, folder / CONFIG)
    weights = {path: file for path, file in files.items() if file.suffix == WEIGHTS}
    if not weights:
        reason = "has no .safetensors weights; save it with model.save_pretrained(folder)"
        raise SourceUnreadable(spec.name, folder, reason)
    for file in weights.values():
        _check_weights(spec, file)
    if INDEX in files:
        _check_index(spec, files[INDEX], weights)
    return files


def generates_text(source: Path) -> bool:
    """Return whether a source is a Hugging Face folder that generates text."""
    try:
        with (source / CONFIG).open("rb") as file:
            found = json.loads(file.read(MAX_JSON_BYTES))["architectures"][0]
    except (OSError, ValueError, KeyError, IndexError, TypeError, RecursionError):
        return False
    return isinstance(found, str) and found.endswith(_WRITERS)


def _refuse_code(spec: ModelSpec, files: dict[str, Path]) -> None:
    code = [path for path, file in files.items() if file.suffix.lower() in RUNS_CODE]
    if code:
        listed = ", ".join(code[:_LISTED])
        reason = f"contains {len(code)} files that could run code ({listed})"
        raise SourceError(spec.name, spec.source, f"{reason}; keep the .safetensors weights only")


def _check_config(spec: ModelSpec, path: Path) -> None:
    config = _read_json(spec, path)
    if "architectures" not in config and "model_type" not in config:
        raise SourceUnreadable(spec.name, path, "has neither architectures nor a model_type")


def _check_weights(spec: ModelSpec, path: Path) -> None:
    """Reject a truncated file, or one of another format, before an endpoint does."""
    size = path.stat().st_size
    with path.open("rb") as file:
        length = int.from_bytes(file.read(_LENGTH_BYTES), "little")
        if not 0 < length <= min(size - _LENGTH_BYTES, MAX_JSON_BYTES):
            raise SourceUnreadable(spec.name, path, "is damaged or not a safetensors file")
        header = file.read(length)
    try:
        tensors = {key: it for key, it in json.loads(header).items() if key != "__metadata__"}
        ends = [int(tensor["data_offsets"][1]) for tensor in tensors.values()]
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError) as error:
        reason = f"has a damaged header: {error!r}"
        raise SourceUnreadable(spec.name, path, reason) from error
    if max(ends, default=0) != size - _LENGTH_BYTES - length:
        reason = f"is truncated: it has {size:,} bytes, not those of its header; download it again"
        raise SourceUnreadable(spec.name, path, reason)


def _check_index(spec: ModelSpec, path: Path, weights: dict[str, Path]) -> None:
    mapped = _read_json(spec, path).get("weight_map")
    if not isinstance(mapped, dict) or not all(isinstance(it, str) for it in mapped.values()):
        raise SourceUnreadable(spec.name, path, "has no weight_map")
    for file in sorted(set(mapped.values())):
        if file not in weights:
            raise SourceUnreadable(spec.name, path, f"names {file}, which is missing")


def _read_json(spec: ModelSpec, path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > MAX_JSON_BYTES:
            raise SourceUnreadable(spec.name, path, f"exceeds the limit of {MAX_JSON_BYTES} bytes")
        document = json.loads(path.read_bytes())
    except OSError as error:
        raise SourceUnreadable(spec.name, path, f"cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise SourceUnreadable(spec.name, path, f"is not JSON: {error}") from error
    if not isinstance(document, dict):
        raise SourceUnreadable(spec.name, path, "is not a JSON object")
    return document

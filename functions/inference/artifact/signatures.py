"""Several signatures of one model, by name, as in TensorFlow's SavedModels.

`artifact.json` lists them if there is more than `serving_default`:

    "signatures": [
      {"name": "serving_default", "method": "tensorflow/serving/predict"},
      {"name": "serve", "alias": "serving_default"},
      {"name": "embed", "method": ..., "inputs": [...], "outputs": [...],
       "domains": {...}, "file": "signature-1.onnx", "shared": [[33, 6113, 32768]]}]

The first is `model.onnx`, and the default. The file of another is its ONNX model without the
weights that `model.onnx` contains too: `[at, start, length]` means that `length` bytes of
`model.onnx`, from `start` on, belong before byte `at` of the file. `domains` has the form of the
artifact's own (`domain.py`).
"""

from collections.abc import Mapping, Sequence
from typing import Any

from lading.functions.contract.errors import ArtifactCorrupt
from lading.functions.inference.artifact.specification import (
    BASELINE,
    PREDICT_METHOD,
    Artifact,
    TensorSpec,
    with_domains,
)

MOST = 32
"""The highest number of signatures of one model."""
LONGEST_NAME = 128

Shared = Sequence[Sequence[int]]
"""Entries `[at, start, length]`; see above."""


def is_name(text: Any) -> bool:
    """Return whether the text can name a signature in a log line, a URL and a table."""
    return isinstance(text, str) and 0 < len(text) <= LONGEST_NAME and text.isprintable()


def whole(rest: bytes, model: bytes, shared: Shared) -> bytes:
    """Return a signature's ONNX model, joined from its file and what it shares with `model`.

    Raises:
        ValueError: a shared part is out of range or out of order, or all are more than `model`.
    """
    parts, done, most = [], 0, len(model)
    for at, start, length in shared:
        most -= length
        if not done <= at <= len(rest) or min(start, length, most, len(model) - start - length) < 0:
            raise ValueError(f"the bytes shared at {at} are out of range")
        parts += [rest[done:at], model[start : start + length]]
        done = at
    return b"".join([*parts, rest[done:]])


def with_signatures(artifact: Artifact, place: str) -> Artifact:
    """Return an artifact with its `signatures` read; `place` names its file in errors.

    Raises:
        ArtifactCorrupt: they are inconsistent.
    """
    try:
        first, *further = artifact.specification["signatures"]
        aliases = {each["name"]: each["alias"] for each in further if "alias" in each}
        _check_names([each["name"] for each in (first, *further)], aliases)
        others = {each["name"]: _other(artifact, each) for each in further if "alias" not in each}
        method = _method(first)
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
        raise ArtifactCorrupt(place, f"has signatures that cannot be read: {error!r}") from error
    return artifact._replace(signature=first["name"], method=method, others=others, aliases=aliases)


def _check_names(names: Sequence[Any], aliases: Mapping[str, Any]) -> None:
    if len(names) > MOST or len(set(names)) < len(names) or not all(map(is_name, names)):
        raise ValueError(f"names are invalid, repeated, or more than {MOST}")
    for name in aliases.values():
        if name not in names or name in aliases:
            raise ValueError(f"there is no signature {name!r}")


def _other(artifact: Artifact, entry: Mapping[str, Any]) -> Artifact:
    inputs, outputs = (
        tuple(TensorSpec.from_json(tensor) for tensor in entry[side])
        for side in ("inputs", "outputs")
    )
    return artifact._replace(
        inputs=with_domains(inputs, entry.get("domains", {})),
        outputs=outputs,
        model=whole(artifact.files[entry["file"]], artifact.model, entry.get("shared", ())),
        golden=None,
        files={name: it for name, it in artifact.files.items() if name != BASELINE},
        signature=entry["name"],
        method=_method(entry),
    )


def _method(entry: Mapping[str, Any]) -> str:
    method = entry.get("method", PREDICT_METHOD)
    if not is_name(method):
        raise ValueError(f"the method {method!r} is invalid")
    return str(method)

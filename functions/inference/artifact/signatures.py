"""Several ways to ask one model, by name, as TensorFlow's SavedModels have them.

`artifact.json` lists them where there is more to say than `serving_default`:

    "signatures": [
      {"name": "serving_default", "method": "tensorflow/serving/predict"},
      {"name": "serve", "alias": "serving_default"},
      {"name": "embed", "method": ..., "inputs": [...], "outputs": [...],
       "domains": {...}, "file": "signature-1.onnx", "shared": [[33, 6113, 32768]]}]

The first is `model.onnx` and answers when no name is given. The file of another is its ONNX model
without the weights that `model.onnx` has too: `[at, start, length]` says that so many bytes of
`model.onnx`, from `start` on, belong before byte `at` of the file. `domains`, where there are some,
are as those of the artifact (`domain.py`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from lading.functions.contract.errors import ArtifactCorrupt
from lading.functions.inference.artifact.specification import (
    PREDICT_METHOD,
    Artifact,
    TensorSpec,
    with_domains,
)

MOST = 32
"""Signatures of one model."""
LONGEST_NAME = 128

Shared = Sequence[Sequence[int]]
"""`[at, start, length]` each; see above."""


def is_name(text: Any) -> bool:
    """Whether a signature may be called so: text for a log line, an address and a table."""
    return isinstance(text, str) and 0 < len(text) <= LONGEST_NAME and text.isprintable()


def whole(rest: bytes, model: bytes, shared: Shared) -> bytes:
    """A signature's ONNX model, of its file and what it shares with `model`.

    Raises:
        ValueError: what is shared lies outside, out of order, or is more than `model`.
    """
    parts, done, most = [], 0, len(model)
    for at, start, length in shared:
        most -= length
        if not done <= at <= len(rest) or min(start, length, most, len(model) - start - length) < 0:
            raise ValueError(f"bytes shared at {at} lie outside")
        parts += [rest[done:at], model[start : start + length]]
        done = at
    return b"".join([*parts, rest[done:]])


def with_signatures(artifact: Artifact, place: str) -> Artifact:
    """An artifact with what its `signatures` say; `place` is where they stand.

    Raises:
        ArtifactCorrupt: they say something impossible.
    """
    try:
        first, *further = artifact.specification["signatures"]
        aliases = {each["name"]: each["alias"] for each in further if "alias" in each}
        _check_names([each["name"] for each in (first, *further)], aliases)
        others = {each["name"]: _other(artifact, each) for each in further if "alias" not in each}
        method = _method(first)
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
        raise ArtifactCorrupt(place, f"misstates its signatures: {error!r}") from error
    return replace(artifact, signature=first["name"], method=method, others=others, aliases=aliases)


def _check_names(names: Sequence[Any], aliases: Mapping[str, Any]) -> None:
    if len(names) > MOST or len(set(names)) < len(names) or not all(map(is_name, names)):
        raise ValueError(f"names are impossible, repeated, or more than {MOST}")
    for name in aliases.values():
        if name not in names or name in aliases:
            raise ValueError(f"there is no {name!r}")


def _other(artifact: Artifact, entry: Mapping[str, Any]) -> Artifact:
    inputs, outputs = (
        tuple(TensorSpec.from_json(tensor) for tensor in entry[side])
        for side in ("inputs", "outputs")
    )
    return replace(
        artifact,
        inputs=with_domains(inputs, entry.get("domains", {})),
        outputs=outputs,
        model=whole(artifact.files[entry["file"]], artifact.model, entry.get("shared", ())),
        golden=None,
        signature=entry["name"],
        method=_method(entry),
    )


def _method(entry: Mapping[str, Any]) -> str:
    method = entry.get("method", PREDICT_METHOD)
    if not is_name(method):
        raise ValueError(f"has a method {method!r}")
    return str(method)

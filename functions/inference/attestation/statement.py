"""What a signature states about a version: an in-toto statement, as OpenSSF Model Signing has it.

    {"_type": "https://in-toto.io/Statement/v1",
     "subject": [{"name": "models/digits/3", "digest": {"sha256": "<over all digests below>"}}],
     "predicateType": "https://model_signing/signature/v1.0",
     "predicate": {
         "serialization": {"method": "files", "hash_type": "sha256", "allow_symlinks": false,
                           "ignore_paths": ["attestation.json", "report.json", "README.md"]},
         "resources": [{"name": "artifact.json", "algorithm": "sha256", "digest": "…"}, …]}}

The format is that of model-signing 1.x (`model_signing._signing.signing.Payload`). The subject's
name is the folder of the version below its store. model-signing itself writes the last part only,
the version; the model's name is then in `artifact.json`, which is among the resources.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath
from typing import Any, Final, NamedTuple

from lading.functions.contract.names import artifact_folder
from lading.functions.inference.artifact.specification import CARD, REPORT

BUNDLE: Final = "attestation.json"
"""The file with the signature, in the folder of its version."""
OUTSIDE: Final = (BUNDLE, REPORT, CARD)
"""Files of a version that its signature does not cover."""

_STATEMENT: Final = "https://in-toto.io/Statement/v1"
_PREDICATE: Final = "https://model_signing/signature/v1.0"
_METHOD, _ALGORITHM = "files", "sha256"
_PREFIX = "sha256:"


class Statement(NamedTuple):
    """What was signed: the name of the subject, and the digest of each file, as `sha256:<hex>`."""

    subject: str
    digests: Mapping[str, str]


def render_statement(name: str, version: int, digests: Mapping[str, str]) -> bytes:
    """Return the statement about a version.

    Args:
        name: the model.
        version: its version.
        digests: file -> `sha256:<hex>`, of every file of the version's folder; those of `OUTSIDE`
            are left out.
    """
    files = sorted(set(digests) - set(OUTSIDE), key=PurePosixPath)
    resources = [
        {"name": file, "algorithm": _ALGORITHM, "digest": digests[file].removeprefix(_PREFIX)}
        for file in files
    ]
    serialization = {
        "method": _METHOD,
        "hash_type": _ALGORITHM,
        "allow_symlinks": False,
        "ignore_paths": list(OUTSIDE),
    }
    root = _root(each["digest"] for each in resources)
    document = {
        "_type": _STATEMENT,
        "subject": [{"name": artifact_folder(name, version), "digest": {_ALGORITHM: root}}],
        "predicateType": _PREDICATE,
        "predicate": {"serialization": serialization, "resources": resources},
    }
    return json.dumps(document, separators=(",", ":")).encode()


def read_statement(payload: bytes) -> Statement:
    """Read a statement, of ours or of model-signing.

    Raises:
        ValueError: it is not a statement of this format, or contradicts itself.
    """
    try:
        return _read(json.loads(payload))
    except (KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"cannot be read: {error!r}") from error


def _read(document: Any) -> Statement:
    predicate = document["predicate"]
    _require("type", document["_type"], _STATEMENT)
    _require("predicate type", document["predicateType"], _PREDICATE)
    _require("method", predicate["serialization"]["method"], _METHOD)
    (subject,) = document["subject"]
    resources = predicate["resources"]
    for each in resources:
        _require("algorithm", each["algorithm"], _ALGORITHM)
    digests = {str(each["name"]): str(each["digest"]) for each in resources}
    if len(digests) != len(resources):
        raise ValueError("names a file twice")
    if subject["digest"][_ALGORITHM] != _root(each["digest"] for each in resources):
        raise ValueError("has a digest that does not fit its files")
    signed = {file: f"{_PREFIX}{digest}" for file, digest in digests.items()}
    return Statement(str(subject["name"]), signed)


def _root(digests: Iterable[str]) -> str:
    """Return the digest over all digests, in the order of the resources."""
    return hashlib.sha256(b"".join(map(bytes.fromhex, digests))).hexdigest()


def _require(what: str, found: object, known: str) -> None:
    if found != known:
        raise ValueError(f"has the {what} {str(found)[:80]!r}, not {known!r}")

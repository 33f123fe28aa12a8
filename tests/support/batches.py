"""Batches for tests: models, what a batch is to do, and what it wrote."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from lading.batch.publishing import ERRORS, MANIFEST
from lading.batch.run import Batch
from lading.functions.inference.artifact.reading import sha256
from lading.functions.inference.artifact.specification import MODEL
from tests.support.worlds import times, write_artifact

INDEPENDENT = {
    "largest_difference": 0.0,
    "largest_relative_difference": 0.0,
    "label_flips": 0,
    "beside_unusual_rows": {
        "largest_difference": 0.0,
        "largest_relative_difference": 0.0,
        "label_flips": 0,
    },
}
"""What `artifact.json` says of a model whose answers do not depend on the other rows."""

CODE = b"""
import os, signal

def preprocess(arrays):
    if (arrays["x"] == 66).any():
        os.kill(os.getpid(), signal.SIGKILL)
    if (arrays["x"] == 13).any():
        raise ValueError("13 brings bad luck")
    return arrays
"""
"""Kills the process that answers a row of 66, and refuses one of 13."""


def doubling(root: Path, name: str = "double", code: bytes = b"", **more: Any) -> str:
    """An artifact that doubles rows of any width; returns its digest."""
    model = times(2)
    files = {MODEL: sha256(model)}
    folder = root / "models" / name / "1"
    folder.mkdir(parents=True)
    if code:
        (folder / "own.py").write_bytes(code)
        files["own.py"] = sha256(code)
        more["processing"] = [{"step": "code", "file": "own.py"}]
    return write_artifact(root, name, 1, model, files=files, batch=INDEPENDENT, **more)


def batch(folder: Path, source: str, output: str, digest: str, **more: Any) -> Batch:
    """A batch of version 1 of `double`, in a folder that has its artifact."""
    at, to = (each if "://" in each else str(folder / each) for each in (source, output))
    wanted = Batch(at, to, root=folder, model="double", version=1, digest=digest, workers=1)
    return replace(wanted, **more)


def lines(path: Path) -> list[Any]:
    """The documents of a file of JSON Lines."""
    return [json.loads(line) for line in path.read_text().splitlines()]


def errors(output: Path) -> list[Any]:
    return lines(output.with_name(output.name + ERRORS))


def manifest(output: Path) -> Any:
    return json.loads(output.with_name(output.name + MANIFEST).read_text())


def write_lines(path: Path, rows: list[Any]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path

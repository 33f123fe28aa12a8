"""The end of a batch: its output, the rows without an answer, and at last the manifest.

Each appears whole: it is written in the work folder and renamed, or sent to S3 as one object. The
manifest is the last, so that whoever finds it finds all.
"""

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from lading.batch.errors import OutputUnusable
from lading.batch.outputs.registry import FORMATS, output_suffix
from lading.batch.s3 import SCHEME, RemoteFiles
from lading.batch.work import ChunkRecord, WorkFolder
from lading.model_packaging.store.durable import write_file

ERRORS, MANIFEST = ".errors.jsonl", ".manifest.json"
"""What is added to the output's name for the rows without an answer, and for the manifest."""

_REMOTE_WORK = Path(".lading/batch")
_BUFFER = 1 << 20


def work_folder(output: str) -> WorkFolder:
    """Return the work folder for an output: beside it, or in `.lading/batch` if it is in S3."""
    if output.startswith(SCHEME):
        return WorkFolder(_REMOTE_WORK / sha256(output.encode()).hexdigest()[:16])
    path = Path(output)
    return WorkFolder(path.with_name(f".{path.name}.batch"))


def beside(output: str, ending: str) -> str:
    """Return the name of what is added to an output."""
    return f"{output.rstrip('/')}{ending}"


def require_free(output: str, work: WorkFolder, objects: RemoteFiles) -> None:
    """Check that nothing is replaced unasked.

    Raises:
        OutputUnusable: there is an output, and no interrupted batch that may have written it.
    """
    if work.begun():
        return
    remote = output.startswith(SCHEME)
    there = objects.exists(output) if remote else Path(output).exists()
    if there:
        raise OutputUnusable(output, "exists; choose another --output, or replace it: --overwrite")


@dataclass(frozen=True, slots=True)
class Finished:
    """A batch whose chunks are finished.

    Args:
        records: the chunks, in order.
        outputs: the names of the model's outputs.
        manifest: the content of the manifest.
    """

    records: Sequence[ChunkRecord]
    outputs: Sequence[str]
    manifest: Mapping[str, Any]


def publish(output: str, work: WorkFolder, batch: Finished, objects: RemoteFiles) -> None:
    """Put the output, the errors and the manifest in their places.

    Raises:
        OutputUnusable: the answers do not fit the format.
        S3Refused: S3 returned an error.
    """
    unfinished = work.path / "unfinished"
    _remove(unfinished)
    parts = [work.part(record.number) for record in batch.records if record.answered]
    try:
        FORMATS[output_suffix(output)].assemble(parts, unfinished, batch.outputs)
    except OutputUnusable as error:
        raise OutputUnusable(output, error.reason) from error
    errors, told = work.path / "errors", work.path / "manifest"
    failed = [work.errors(record.number) for record in batch.records if record.failed]
    _join(failed, errors)
    write_file(told, json.dumps(batch.manifest, indent=2).encode() + b"\n")
    for path, ending in ((errors, ERRORS), (unfinished, ""), (told, MANIFEST)):
        if path is not errors or failed:
            _place(path, beside(output, ending), objects)
        elif not output.startswith(SCHEME):
            Path(beside(output, ending)).unlink(missing_ok=True)  # of an output that is replaced


def _place(path: Path, name: str, objects: RemoteFiles) -> None:
    if name.startswith(SCHEME):
        objects.send(path, name)
        return
    target = Path(name)
    if target.is_dir():
        _remove(target)
    path.replace(target)


def _join(paths: Sequence[Path], target: Path) -> None:
    with target.open("wb") as whole:
        for each in paths:
            with each.open("rb") as part:
                shutil.copyfileobj(part, whole, _BUFFER)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)

"""The input of a batch, where a Distributed Map reads it, and the id of the batch."""

import json
from dataclasses import dataclass
from hashlib import sha256

from lading.batch.run import Batch, open_input
from lading.batch.s3 import SCHEME, RemoteFiles
from lading.batch.sources.folder import FolderOfFiles
from lading.batch.sources.source import ChunkSize
from lading.batch.staging import LONGEST_LINE, CloudInput, Kind, in_place, staged
from lading.batch.work import WorkFolder
from lading.functions.inference.models.predictor import ModelMetadata


@dataclass(frozen=True, slots=True)
class PlacedInput:
    """An input in S3: where it is, its rows or about as many, and the batch's id."""

    place: CloudInput
    rows: int
    exact: bool
    id: str


def place_input(
    batch: Batch, metadata: ModelMetadata, most: int, bucket: str, work: WorkFolder
) -> PlacedInput:
    """Return where the input is; it is copied there if the Map cannot read it where it is."""
    files = RemoteFiles()
    there = in_place(batch.source)
    if there is not None and _map_reads(there, batch.source, files):
        id_ = batch_id(batch, files.identity(batch.source))
        if there.kind == "files":
            return PlacedInput(there, len(files.names(batch.source)), True, id_)
        return PlacedInput(there, files.about_lines(batch.source), False, id_)
    source, identity = open_input(batch.source, work, files)
    source.check(metadata)
    id_ = batch_id(batch, identity)
    prefix = f"batches/{id_}/input/"
    address = f"{SCHEME}{bucket}/{prefix}"
    known, rows = files.names(address), 0
    for each in staged(source, ChunkSize(most, batch.chunk.bytes), metadata):
        rows += each.rows
        if each.name not in known:
            files.write(f"{address}{each.name}", each.content)
    kind: Kind = "files" if isinstance(source, FolderOfFiles) else "chunks"
    return PlacedInput(CloudInput(kind, bucket, prefix), rows, True, id_)


def _map_reads(place: CloudInput, source: str, files: RemoteFiles) -> bool:
    """Return whether a Map reads the same rows as this machine would."""
    if place.kind == "files":
        return files.only_rows(source)
    return files.longest_line(source) <= LONGEST_LINE


def batch_id(batch: Batch, identity: str) -> str:
    """Return the id of a batch, which follows from its input, its version and its options."""
    facts = [batch.source, identity, batch.model, batch.digest, batch.chunk.rows, batch.group]
    return sha256(json.dumps(facts).encode()).hexdigest()[:16]

"""Where the input of a batch is read: in its place, if a Map reads what this machine would."""

import contextlib
from pathlib import Path

import pytest

from lading.batch.errors import InputUnusable
from lading.batch.staging import CloudInput
from lading.batch.work import WorkFolder
from lading.cli.aws.batches.placing import PlacedInput, place_input
from lading.functions.inference.artifact.specification import TensorSpec
from lading.functions.inference.models.predictor import ModelMetadata
from tests.conftest import Bucket
from tests.support.batches import batch

TEXTS = ModelMetadata("m", 1, "none", (TensorSpec("text", "BYTES", (-1,)),), ())


def placed(folder: Path, bucket: Bucket, source: str) -> PlacedInput:
    wanted = batch(folder, f"s3://{bucket.name}/{source}", "out.jsonl", "sha256:0")
    with contextlib.chdir(folder):
        return place_input(wanted, TEXTS, 2, bucket.name, WorkFolder(folder / "work"))


def put(bucket: Bucket, **objects: str) -> None:
    for key, text in objects.items():
        bucket.client.put_object(Bucket=bucket.name, Key=key, Body=text.encode())


def test_lines_and_files_are_read_where_they_are(tmp_path: Path, bucket: Bucket) -> None:
    put(bucket, **{"rows.jsonl": '"a"\n"b"\n', "in/a.txt": "a", "in/x/b.txt": "b"})
    lines = placed(tmp_path, bucket, "rows.jsonl")
    assert (lines.place, lines.rows) == (CloudInput("rows", bucket.name, "rows.jsonl"), 2)
    files = placed(tmp_path, bucket, "in")
    assert (files.place, files.rows) == (CloudInput("files", bucket.name, "in/"), 2)
    assert len(bucket.keys()) == 3


@pytest.mark.parametrize(
    ("source", "text"),
    [("rows.csv", 'text\n"\\ \n b"\nc\n'), ("rows.jsonl", f'"{"a" * 200_000}"\n"c"\n')],
    ids=["csv", "long-lines"],
)
def test_rows_that_a_map_would_change_or_refuse_are_copied(
    tmp_path: Path, bucket: Bucket, source: str, text: str
) -> None:
    put(bucket, **{source: text})
    found = placed(tmp_path, bucket, source)
    assert found == PlacedInput(
        CloudInput("chunks", bucket.name, f"batches/{found.id}/input/"), 2, True, found.id
    )
    (copy,) = set(bucket.keys()) - {source}
    body = bucket.client.get_object(Bucket=bucket.name, Key=copy)["Body"].read()
    assert body == text.strip().encode()


def test_a_folder_without_objects_is_an_error(tmp_path: Path, bucket: Bucket) -> None:
    with pytest.raises(InputUnusable, match="none below it"):
        placed(tmp_path, bucket, "gone")


def test_a_folder_whose_name_looks_like_that_of_a_file_is_copied(
    tmp_path: Path, bucket: Bucket
) -> None:
    put(bucket, **{"v1.2/a.txt": "a", "v1.2/b.txt": "b"})
    assert placed(tmp_path, bucket, "v1.2").place.kind == "files"


@pytest.mark.parametrize("mark", ["in/", "in/x/", "in/.hidden", "in/.git/config"])
def test_a_folder_with_objects_that_are_no_rows_is_copied_without_them(
    tmp_path: Path, bucket: Bucket, mark: str
) -> None:
    """A Map would count them, and each row would have the number of another one."""
    put(bucket, **{mark: "", "in/a.txt": "a", "in/x/b.txt": "b"})
    found = placed(tmp_path, bucket, "in")
    prefix = f"batches/{found.id}/input/"
    assert (found.place, found.rows) == (CloudInput("files", bucket.name, prefix), 2)
    keys = bucket.keys()
    assert [key for key in keys if key.startswith("batches/")] == [
        f"{prefix}a.txt",
        f"{prefix}x/b.txt",
    ]

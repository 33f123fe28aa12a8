import json
from base64 import b64encode
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from lading.functions.inference.artifact.specification import TensorSpec
from lading.model_packaging.check.samples import Samples
from lading.model_packaging.errors import DataUnusable
from lading.model_packaging.manifest.entries import AccuracySpec
from lading.model_packaging.manifest.image_input import ImageInput
from lading.model_packaging.manifest.models import ModelSpec
from lading.model_packaging.measure.holdout import read_holdout
from lading.model_packaging.resolution import identity_of, resolve
from lading.model_packaging.steps.image_rows import named_files
from tests.support.frameworks import needs
from tests.support.worlds import echo

IMAGE = TensorSpec("image", "BYTES", (-1,))
FILES = {"cat.png": b"\x89PNG cat", "birds/owl.jpg": b"\xff\xd8\xff owl"}


def held(data: Path) -> Samples:
    gate = AccuracySpec(data, "accuracy", 0)
    spec = ModelSpec("pets", data.parent / "model.onnx", accuracy=gate, image=ImageInput(scale=1))
    return read_holdout(spec, (IMAGE,))


def saved(folder: Path) -> Path:
    (folder / "birds").mkdir(exist_ok=True)
    for name, content in FILES.items():
        (folder / name).write_bytes(content)
    return folder


def csv(folder: Path, *names: str) -> Path:
    path = saved(folder) / "holdout.csv"
    path.write_text("\n".join(["image,y", *(f"{name},1" for name in names)]), encoding="utf-8")
    return path


def jsonl(folder: Path, *values: Any) -> Path:
    path = saved(folder) / "holdout.jsonl"
    lines = [json.dumps({"image": value, "y": "cat"}) for value in values]
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def in_parquet(folder: Path, values: list[Any]) -> Path:
    path = folder / "holdout.parquet"
    parquet.write_table(pa.table({"image": values, "y": [1] * len(values)}), path)
    return path


def test_images_are_named_by_paths_from_the_data_files_folder(tmp_path: Path) -> None:
    npz = saved(tmp_path) / "holdout.npz"
    np.savez(npz, image=np.array(list(FILES)), y=np.arange(2))
    for data in (csv(tmp_path, *FILES), jsonl(tmp_path, *FILES), npz):
        samples = held(data)
        assert samples.inputs["image"].tolist() == list(FILES.values())
        assert [len(each["image"]) for each in samples.requests(64)] == [1, 1]
        assert named_files(data) == tuple(tmp_path / name for name in FILES)


def test_images_may_stand_in_the_file_itself(tmp_path: Path) -> None:
    contents = list(FILES.values())
    wrapped = [{"b64": b64encode(each).decode()} for each in contents]
    described = [{"bytes": each, "path": "somewhere.png"} for each in contents]
    for data in (
        jsonl(tmp_path, *wrapped),
        in_parquet(tmp_path, described),
        in_parquet(tmp_path, contents),
    ):
        assert held(data).inputs["image"].tolist() == contents
        assert named_files(data) == ()


@needs("processing", "PIL")
def test_images_are_part_of_the_identity_of_what_is_judged_by_them(tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(echo())
    gate = AccuracySpec(csv(tmp_path, *FILES), "accuracy", 0)
    spec = ModelSpec("pets", tmp_path / "model.onnx", accuracy=gate, image=ImageInput(scale=1))

    def identity() -> str:
        job, _ = resolve(spec, ())
        return identity_of(job)

    first = identity()
    assert identity() == first
    (tmp_path / "cat.png").write_bytes(b"\x89PNG another cat")
    assert identity() != first


@pytest.mark.parametrize("name", ["/etc/passwd", "../secret.png", "birds/../../secret.png"])
def test_a_path_that_leaves_the_folder_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "secret.png").write_bytes(b"\x89PNG")
    folder = tmp_path / "data"
    folder.mkdir()
    with pytest.raises(DataUnusable, match="which is outside"):
        held(csv(folder, name))
    assert named_files(csv(folder, name)) == ()


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("dog.png", r"names the image 'dog\.png', but .*dog\.png is missing"),
        ("birds", "is missing"),
        (3, "has a int in 'image', which must be a path or an image"),
        ({"b64": "?"}, "not base64"),
        ({"url": "x"}, "must be strings for BYTES, not objects"),
    ],
)
def test_what_is_no_image_is_said(tmp_path: Path, value: Any, text: str) -> None:
    with pytest.raises(DataUnusable, match=text):
        held(jsonl(tmp_path, value))

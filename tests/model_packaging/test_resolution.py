from collections.abc import Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic.dataclasses import dataclass

from lading.model_packaging.converters.registry import find_converter
from lading.model_packaging.errors import FileMissing, ManifestError
from lading.model_packaging.manifest.checking import CheckSpec
from lading.model_packaging.manifest.entries import (
    AccuracySpec,
    BatchingSpec,
    EngineSpec,
    ModelEntry,
)
from lading.model_packaging.manifest.explaining import ExplainSpec
from lading.model_packaging.manifest.fields import CONFIG
from lading.model_packaging.manifest.image_input import ImageInput
from lading.model_packaging.manifest.models import ModelSpec
from lading.model_packaging.manifest.options import PruneSpec, QuantizeSpec
from lading.model_packaging.manifest.original import InputShape, OwnCode
from lading.model_packaging.manifest.recovering import RecoverSpec
from lading.model_packaging.resolution import ConversionJob, identity_of, source_of
from tests.model_packaging.models import linear_spec

NOT_IN_IDENTITY = {
    "framework": "the converter's name is",
    "trust": "the same file is loaded",
    "twin": "stands in the deployment's plan",
    "labels": "point at versions",
    "train": "writes the source, whose digest is",
    "distill": "writes the source, whose digest is",
    "evaluate": "compares versions that exist",
    "card": "is outside of the identity, as its figures are",
}


def identity(spec: ModelSpec) -> str:
    converter = find_converter(spec.name, spec.source)
    return identity_of(ConversionJob(spec, source_of(spec, converter), {}, (), None, converter))


def file(folder: Path, name: str, text: str = "1") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def full_spec(folder: Path) -> ModelSpec:
    """A model of the manifest with something in every key that has keys of its own."""
    file(folder, "nets.py")
    shapes = {"x": InputShape(("batch", 4)), "z": InputShape(("batch", 2))}
    return replace(
        linear_spec(folder),
        manifest=folder / "models.yaml",
        class_path="nets:Net",
        quantize=QuantizeSpec("static", ("Gemm",), file(folder, "rows.csv")),
        prune=PruneSpec("magnitude", 0.5),
        inputs=shapes,
        code=OwnCode(file(folder, "steps.py"), shapes, shapes),
        image=ImageInput(0.5),
        engine=EngineSpec("triton"),
        batching=BatchingSpec(8, 1.0),
    )


def changes(folder: Path) -> dict[str, Any]:
    """Another value for each key."""
    shapes = {"x": InputShape(("batch", 5))}
    return {
        "source": linear_spec(folder, seed=7).source,
        "class_path": "nets:Other",
        "inputs": shapes,
        "examples": file(folder, "examples.npz"),
        "outputs": ("y",),
        "signatures": ("serve",),
        "iterations": "all",
        "target": "sagemaker",
        "prune.method": "structured",
        "prune.sparsity": 0.6,
        "prune.scope": "global",
        "prune.exclude": ("a",),
        "prune.recover": RecoverSpec(file(folder, "again.py")),
        "quantize.scheme": "dynamic",
        "quantize.exclude": (),
        "quantize.calibration": file(folder, "other.csv", "2"),
        "accuracy.data": file(folder, "held-out.csv", "3"),
        "accuracy.metric": "f1",
        "accuracy.max_drop": 0.03,
        "accuracy.output": "label",
        "accuracy.k": 3,
        "accuracy.truth": "label",
        "check": CheckSpec(0.01),
        "explain": ExplainSpec(budget=1000),
        "code.file": file(folder, "other.py", "4"),
        "code.inputs": shapes,
        "code.outputs": shapes,
        "image.scale": 1.0,
        "image.mean": (0.5,),
        "image.std": (2.0,),
        "image.size": (8, 8),
        "image.resize": 9,
        "image.resample": "box",
        "image.mode": "L",
        "image.layout": "channels_last",
        "image.classes": ("cat", "dog"),
        "image.top": 2,
        "image.softmax": True,
        "batching.most_rows": 1,
        "batching.longest_wait_ms": 2.0,
    }


def changed(spec: ModelSpec, key: str, value: Any) -> ModelSpec:
    whole, _, part = key.partition(".")
    new = replace(getattr(spec, whole), **{part: value}) if part else value
    return replace(spec, **{whole: new})


def keys_of(spec: ModelSpec) -> set[str]:
    """Every key of the manifest, and every key in it."""
    nested = ("prune", "quantize", "accuracy", "code", "image", "batching")
    other = {*nested, "engine", "graph", *NOT_IN_IDENTITY}  # a graph has its nodes' identities
    own = {each.name for each in fields(ModelEntry)} - other
    return own | {f"{key}.{each.name}" for key in nested for each in fields(getattr(spec, key))}


def test_what_a_class_imports_of_its_neighbours_is_part_of_the_source(tmp_path: Path) -> None:
    (tmp_path / "net.pt").write_bytes(b"weights")
    (tmp_path / "nets.py").write_text("from layers import Dense\n", encoding="utf-8")
    manifest = tmp_path / "models.yaml"
    spec = ModelSpec("m", tmp_path / "net.pt", class_path="nets:Net", manifest=manifest)
    digests = []
    for neighbour, unrelated in (("a = 1", "b = 1"), ("a = 2", "b = 1"), ("a = 2", "b = 2")):
        (tmp_path / "layers.py").write_text(neighbour, encoding="utf-8")
        (tmp_path / "train.py").write_text(unrelated, encoding="utf-8")
        digests.append(source_of(spec, find_converter("m", spec.source, None)).digest)
    assert digests[0] != digests[1] == digests[2]


def test_every_other_value_of_the_manifest_gives_another_identity(tmp_path: Path) -> None:
    spec, before = full_spec(tmp_path), identity(full_spec(tmp_path))
    (tmp_path / "more").mkdir()
    variants = changes(tmp_path / "more")
    assert set(variants) == keys_of(spec)
    found = {key: identity(changed(spec, key, value)) for key, value in variants.items()}
    assert [key for key, each in found.items() if each == before] == []
    assert len(set(found.values())) == len(found)


def test_the_content_of_files_that_the_manifest_names_is_part_of_the_identity(
    tmp_path: Path,
) -> None:
    image = ImageInput(0.5, classes=file(tmp_path, "classes.txt"))
    spec = replace(full_spec(tmp_path), image=image, examples=file(tmp_path, "examples.npz"))
    named = (*spec.row_files().values(), *spec.original_files().values())
    for path in named:
        before = identity(spec)
        path.write_bytes(path.read_bytes() + b" ")
        assert identity(spec) != before, path


def test_the_order_of_the_inputs_is_part_of_the_identity(tmp_path: Path) -> None:
    spec = full_spec(tmp_path)
    turned = dict(reversed(list(spec.inputs.items())))
    assert identity(replace(spec, inputs=turned)) != identity(spec)


def test_a_key_that_is_added_changes_no_identity_of_models_that_leave_it_out(
    tmp_path: Path,
) -> None:
    @dataclass(frozen=True, slots=True, config=CONFIG)
    class WiderAccuracy(AccuracySpec):
        margin: float = 0.5

    @dataclass(frozen=True, config=CONFIG)
    class WiderSpec(ModelSpec):
        accuracy: WiderAccuracy | None = None

    def widened(spec: ModelSpec, **values: Any) -> WiderSpec:
        assert spec.accuracy is not None
        gate = WiderAccuracy(**_values(spec.accuracy), **values)
        return WiderSpec(**{**_values(spec), "accuracy": gate})

    spec = full_spec(tmp_path)
    assert identity(widened(spec)) == identity(spec)
    assert identity(widened(spec, margin=0.25)) != identity(spec)


def _values(of: Any) -> Mapping[str, Any]:
    return {each.name: getattr(of, each.name) for each in fields(of)}


@pytest.mark.parametrize("key", ["accuracy.data", "quantize.calibration", "class", "code"])
def test_a_file_that_is_not_there_is_named_with_its_key(tmp_path: Path, key: str) -> None:
    from lading.model_packaging.resolution import resolve

    spec = linear_spec(tmp_path)
    assert spec.accuracy is not None
    np.savez(tmp_path / "rows.npz", x=np.zeros((3, 4)))
    lost = tmp_path / "lost.csv"
    missing = {
        "accuracy.data": replace(spec, accuracy=replace(spec.accuracy, data=lost)),
        "quantize.calibration": replace(spec, quantize=QuantizeSpec("static", (), lost)),
        "class": replace(spec, class_path="lost:Net"),
        "code": replace(spec, code=OwnCode(lost)),
    }
    with pytest.raises((FileMissing, ManifestError), match=f"linear.{key}: "):
        resolve(missing[key], ())


def test_a_recovered_model_is_another_one_beside_another_original(tmp_path: Path) -> None:
    spec = linear_spec(tmp_path)
    found = {
        identity(replace(spec, unpruned=each))
        for each in (None, file(tmp_path, "a.pt", "1"), file(tmp_path, "b.pt", "2"))
    }
    assert len(found) == 3

from pathlib import Path
from typing import Any

import pytest
import yaml

from lading.model_packaging.converters.registry import find_converter
from lading.model_packaging.errors import FlavorUnknown, SourceUnreadable
from lading.model_packaging.sources.mlflow_folder import MLMODEL, gather_components, read_logged

PYFUNC = {"loader_module": "mlflow.sklearn", "data": "model.pkl"}


def logged(folder: Path, flavors: Any, *files: str) -> Path:
    """A folder as MLflow writes it: MLmodel, and the model's files."""
    for name in files:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"x")
    (folder / MLMODEL).write_text(yaml.safe_dump({"flavors": flavors}))
    return folder


@pytest.mark.parametrize(
    ("flavor", "options", "file", "found"),
    [
        ("sklearn", {"pickled_model": "model.skops"}, "model.skops", "scikit-learn model.skops"),
        ("sklearn", {"pickled_model": "model.pkl"}, "model.pkl", "scikit-learn model.pkl"),
        ("xgboost", {"data": "model.xgb"}, "model.xgb", "xgboost model.xgb"),
        ("lightgbm", {"data": "model.lgb"}, "model.lgb", "lightgbm model.lgb"),
        ("lightgbm", {"data": "model.pkl"}, "model.pkl", "scikit-learn model.pkl"),
        ("onnx", {"data": "model.onnx"}, "model.onnx", "onnx model.onnx"),
        ("pytorch", {"model_data": "data"}, "data/model.pth", "pytorch data/model.pth"),
        ("pytorch", {"model_data": "data"}, "data/model.pt2", "pytorch data/model.pt2"),
        ("keras", {"data": "data"}, "data/model.keras", "tensorflow data/model.keras"),
        ("tensorflow", {"data": "data"}, "data/model.h5", "tensorflow data/model.h5"),
        ("tensorflow", {"data": "d"}, "d/model/saved_model.pb", "tensorflow d/model"),
        ("tensorflow", {"saved_model_dir": "tf2"}, "tf2/saved_model.pb", "tensorflow tf2"),
        ("transformers", {"model_binary": "model"}, "model/config.json", "huggingface model"),
        ("sentence_transformers", {"data": "s"}, "s/config.json", "huggingface s"),
    ],
)
def test_a_flavor_leads_to_a_file_that_the_framework_reads(
    tmp_path: Path, flavor: str, options: Any, file: str, found: str
) -> None:
    folder = logged(tmp_path, {"python_function": PYFUNC, flavor: options}, file)
    it = read_logged("m", folder)
    assert f"{it.framework} {it.path.relative_to(folder).as_posix()}" == found
    assert find_converter("m", it.path, it.framework).framework == it.framework


def test_a_flavor_that_nothing_reads_is_named_with_those_that_are(tmp_path: Path) -> None:
    folder = logged(tmp_path, {"python_function": PYFUNC, "spark": {"model_data": "sparkml"}})
    with pytest.raises(FlavorUnknown, match="python_function, spark; Lading reads sklearn, ") as it:
        read_logged("m", folder)
    assert it.value.flavors == ("python_function", "spark")


@pytest.mark.parametrize("name", ["../model.onnx", "/etc/passwd", "a/../../model.onnx", "link"])
def test_a_path_that_leads_out_of_the_folder_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "model.onnx").write_bytes(b"x")
    folder = tmp_path / "logged"
    folder.mkdir()
    (folder / "link").symlink_to(tmp_path / "model.onnx")
    with pytest.raises(SourceUnreadable, match="outside of its folder"):
        read_logged("m", logged(folder, {"onnx": {"data": name}}))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"[", "not a description"),
        (b"- a", "has no flavors"),
        (b"flavors: [onnx]", "has no flavors"),
        (b"!!python/object/apply:os.getcwd []", "not a description"),
        (b"\xff", "not a description"),
        (b"[" * 100_000, "not a description"),
        (b" " * (1 << 20) + b"a", "more than"),
        (b"flavors: {onnx: {data: [1]}}", "no file|missing"),
        (b"flavors: {onnx: {data: absent.onnx}}", "absent.onnx, which is missing"),
    ],
)
def test_a_damaged_description_is_refused(tmp_path: Path, content: bytes, reason: str) -> None:
    (tmp_path / MLMODEL).write_bytes(content)
    with pytest.raises(SourceUnreadable, match=reason):
        read_logged("m", tmp_path)


def test_a_tokenizer_goes_beside_its_model_and_overwrites_nothing(tmp_path: Path) -> None:
    folder = logged(
        tmp_path,
        {"transformers": {"model_binary": "model"}},
        *("model/config.json", "components/tokenizer/vocab.txt"),
        *("components/tokenizer/config.json", "components/tokenizer/tokenizer.json"),
    )
    (folder / "model/config.json").write_bytes(b"of the model")
    gather_components(folder)
    inside = sorted(path.name for path in (folder / "model").iterdir())
    assert inside == ["config.json", "tokenizer.json", "vocab.txt"]
    assert (folder / "model/config.json").read_bytes() == b"of the model"


def lines_that_grow(first: str, each: str) -> str:
    """YAML whose last anchor stands for 10**12 values when it is written out."""
    later = (each.format(at, ", ".join([f"*a{at - 1}"] * 10)) for at in range(1, 13))
    return "\n".join([f"a0: &a0 {first}", *later, "flavors: {pytorch: {model_data: *a12}}"])


@pytest.mark.parametrize(
    "text",
    [
        lines_that_grow("[x]", "a{0}: &a{0} [{1}]"),
        lines_that_grow("{k: 1}", "a{0}: &a{0} {{<<: [{1}]}}"),
    ],
    ids=["aliases", "merge keys"],
)
def test_a_description_that_would_fill_the_memory_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / MLMODEL).write_text(text)
    with pytest.raises(SourceUnreadable):
        read_logged("m", tmp_path)

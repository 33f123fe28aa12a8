import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lading.functions.contract.errors import ArtifactCorrupt, InvalidInput, SignatureNotFound
from lading.functions.contract.settings import ServedModel, ServingSettings
from lading.functions.inference.artifact.reading import read_artifact
from lading.functions.inference.artifact.signatures import LONGEST_NAME, MOST, whole
from lading.functions.inference.artifact.specification import MODEL, SPECIFICATION
from lading.functions.inference.models.predictor import with_signature
from lading.functions.inference.models.session_predictor import open_onnx
from lading.functions.inference.tensors.domain import Domain
from tests.support.driver import ask, serve
from tests.support.worlds import add_sub, echo, times, write_artifact, write_signed

TENSOR = {"name": "x", "datatype": "FP32", "shape": [-1, -1]}
OTHER = {"name": "b", "inputs": [TENSOR], "outputs": [{**TENSOR, "name": "y"}], "file": MODEL}


def write(root: Path) -> Path:
    models = {"double": times(2), "triple": times(3), "simple": add_sub()}
    write_signed(root, "m", 1, models, {"twice": "double", "thrice": "triple"})
    return root / "models/m/1"


def test_each_signature_answers_by_its_names_and_the_first_unasked(tmp_path: Path) -> None:
    predictor = open_onnx(read_artifact(write(tmp_path)), 1)
    x = {"x": np.ones((1, 1), np.float32)}
    for name, factor in {"": 2, "double": 2, "twice": 2, "triple": 3, "thrice": 3}.items():
        assert with_signature(predictor, name).predict(dict(x))["y"] == factor
    assert list(predictor.signatures) == ["double", "triple", "simple", "twice", "thrice"]
    simple = with_signature(predictor, "simple")
    assert simple.metadata.output_names() == ("sum", "difference")
    assert with_signature(predictor, "thrice") is with_signature(predictor, "triple")


def test_an_unknown_signature_is_told_with_those_that_there_are(tmp_path: Path) -> None:
    predictor = open_onnx(read_artifact(write(tmp_path)), 1)
    with pytest.raises(SignatureNotFound, match=r'"half" not found .*; the model has double, tri'):
        with_signature(predictor, "half")


@pytest.mark.parametrize("path", ["/v1/models/m:predict", "/invocations", "/predictions/m"])
def test_a_signature_is_asked_by_name_wherever_its_rows_may_be_sent(
    tmp_path: Path, path: str
) -> None:
    write(tmp_path)
    app = serve(ServingSettings((ServedModel("m", {1: ""}),), str(tmp_path)))
    for name, answer in {"": 2, "twice": 2, "thrice": 3}.items():
        rows = {"signature_name": name, "instances": [[1.0]]}
        assert ask(app, f"POST {path}", rows).document == {"predictions": [[answer]]}
    unknown = ask(app, f"POST {path}", {"signature_name": "half", "instances": [[1.0]]})
    assert unknown.status == 400


def test_each_signature_has_a_domain_of_its_own(tmp_path: Path) -> None:
    folder = write(tmp_path)
    document = json.loads((folder / SPECIFICATION).read_text(encoding="utf-8"))
    document["signatures"][1]["domains"] = {"x": Domain(missing=False).to_json()}
    (folder / SPECIFICATION).write_text(json.dumps(document), encoding="utf-8")
    predictor = open_onnx(read_artifact(folder), 1)
    hole = {"x": np.full((1, 1), np.nan, np.float32)}
    assert np.isnan(with_signature(predictor, "double").predict(dict(hole))["y"])
    with pytest.raises(InvalidInput, match="'x' lacks a value"):
        with_signature(predictor, "triple").predict(dict(hole))


def test_a_model_without_signatures_has_the_usual_one(tmp_path: Path) -> None:
    write_artifact(tmp_path, "m", 1, echo())
    predictor = open_onnx(read_artifact(tmp_path / "models/m/1"), 1)
    assert list(predictor.signatures) == ["serving_default"]
    assert with_signature(predictor, "serving_default") is predictor


def test_every_file_of_a_signature_is_verified(tmp_path: Path) -> None:
    folder = write(tmp_path)
    (folder / "signature-2.onnx").write_bytes(echo())
    with pytest.raises(ArtifactCorrupt, match=r"signature-2\.onnx"):
        read_artifact(folder)


def test_a_signature_that_cannot_be_loaded_leaves_the_version_unready(tmp_path: Path) -> None:
    folder = write(tmp_path)
    document = json.loads((folder / SPECIFICATION).read_bytes())
    document["signatures"][1]["shared"] = [[0, 0, 1]]
    (folder / SPECIFICATION).write_text(json.dumps(document), encoding="utf-8")
    with pytest.raises(ValueError, match="protobuf"):
        open_onnx(read_artifact(folder), 1)


@pytest.mark.parametrize(
    "signatures",
    [
        [],
        {},
        5,
        ["a"],
        [{}],
        [{"name": ""}],
        [{"name": "a\n"}],
        [{"name": "a" * (LONGEST_NAME + 1)}],
        [{"name": ["a"]}],
        [{"name": "a", "method": 5}],
        [{"name": "a"}, {"name": "a", "alias": "a"}],
        [{"name": "a"}, {"name": "b", "alias": "c"}],
        [{"name": "a"}, {"name": "b", "alias": "b"}],
        [{"name": "a"}, {"name": "b", "alias": ["a"]}],
        [{"name": "a"}, {"name": "b"}],
        [{"name": "a"}, OTHER],
        [{"name": "a"}, {**OTHER, "file": "../other/model.onnx"}],
        [{"name": "a"}, {**OTHER, "file": "signature-1.onnx", "shared": [[0, 0]]}],
        [{"name": "a"}, {**OTHER, "domains": {"x": {"missing": 5}}}],
        [{"name": f"a{number}", "alias": "a0"} for number in range(MOST + 1)],
    ],
)
def test_impossible_signatures_are_refused(tmp_path: Path, signatures: Any) -> None:
    write_artifact(tmp_path, "m", 1, echo(), signatures=signatures)
    with pytest.raises(ArtifactCorrupt, match="signatures that cannot be read"):
        read_artifact(tmp_path / "models/m/1")


def test_what_is_shared_is_put_back_where_it_belongs() -> None:
    assert whole(b"ae", b"xbcdy", [[1, 1, 2], [1, 3, 1]]) == b"abcde"
    assert whole(b"ae", b"xbcdy", []) == b"ae"


@pytest.mark.parametrize(
    "shared",
    [
        [[3, 0, 1]],
        [[-1, 0, 1]],
        [[1, 0, 1], [0, 0, 1]],
        [[0, -1, 1]],
        [[0, 0, -1]],
        [[0, 4, 2]],
        [[0, 0, 5], [0, 0, 1]],
    ],
)
def test_bytes_that_lie_outside_or_are_too_many_are_refused(shared: list[list[int]]) -> None:
    with pytest.raises(ValueError, match="out of range"):
        whole(b"ae", b"xbcdy", shared)

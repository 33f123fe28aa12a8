import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from lading.functions.contract.errors import InvalidInput
from lading.functions.inference.artifact.reading import read_artifact, sha256
from lading.functions.inference.artifact.specification import Artifact, TensorSpec
from lading.functions.inference.models.predictor import TEXT_LENGTHS
from lading.functions.inference.models.session_predictor import open_onnx
from lading.functions.inference.processing.processed import libraries_of, make_step
from lading.functions.inference.tensors.bfloat16 import rounded
from lading.functions.inference.tensors.conversion import datatype_of
from tests.functions.inference.processing.worlds import VOCABULARY, options, texts, tokenizer
from tests.support.frameworks import needs
from tests.support.interpreter import run_clean
from tests.support.worlds import brain_doubled, write_artifact

LABELS = {"step": "labels", "scores": "scores", "labels": ["good", "bad"], "top": 1}
SIGNATURE = {
    "inputs": [TensorSpec("text", "BYTES", (-1,)).to_json()],
    "outputs": [
        TensorSpec("label", "BYTES", (-1,)).to_json(),
        TensorSpec("scores", "FP32", (-1, 2)).to_json(),
    ],
}


def counting() -> bytes:
    """A graph that counts, of input_ids, how often each text says `good` and `bad`."""
    table = np.zeros((len(VOCABULARY), 2), np.float32)
    table[VOCABULARY.index("good"), 0] = table[VOCABULARY.index("bad"), 1] = 1
    tokens = ["texts", "tokens"]
    graph = helper.make_graph(
        [
            helper.make_node("Gather", ["table", "input_ids"], ["each"]),
            helper.make_node("ReduceSum", ["each", "axis"], ["scores"], keepdims=0),
        ],
        "counting",
        [helper.make_tensor_value_info("input_ids", TensorProto.INT64, tokens)],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["texts", 2])],
        [numpy_helper.from_array(table, "table"), numpy_helper.from_array(np.array([1]), "axis")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


def publish(folder: Path, *steps: dict[str, object], code: bytes = b"") -> Path:
    """An artifact with these steps."""
    files = {"model.onnx": counting(), "tokenizer.json": tokenizer(), "code.py": code}
    document = {
        "format_version": 1,
        "name": "films",
        "identity": "sha256:0",
        "source": {},
        **SIGNATURE,
        "processing": list(steps),
        "files": {name: sha256(content) for name, content in files.items()},
    }
    for name, content in {**files, "artifact.json": json.dumps(document).encode()}.items():
        (folder / name).write_bytes(content)
    return folder


@needs("processing", "tokenizers")
def test_a_text_goes_in_and_a_label_comes_out(tmp_path: Path) -> None:
    artifact = read_artifact(publish(tmp_path, options(max_length=20), LABELS))
    predictor = open_onnx(artifact, 1)
    assert [spec.name for spec in predictor.metadata.inputs] == ["text"]
    found = predictor.predict(texts("a good film", "bad, bad film, good"))
    assert found["label"].tolist() == [b"good", b"bad"]
    assert found["scores"].tolist() == [[1, 0], [1, 2]]
    assert list(predictor.predict(texts("bad"), ["label"])) == ["label"]
    with pytest.raises(InvalidInput, match="must be BYTES"):
        predictor.predict({"text": np.ones(2)})


@needs("processing", "tokenizers")
def test_how_many_tokens_there_were_is_told_to_those_who_ask_and_to_no_other(
    tmp_path: Path,
) -> None:
    own: dict[str, object] = {"step": "code", "file": "code.py"}
    seen = b"def preprocess(arrays):\n    assert 'lading.text_lengths' not in arrays\n"
    code = seen + b"    return arrays\n"
    predictor = open_onnx(
        read_artifact(publish(tmp_path, options(max_length=20), own, LABELS, code=code)), 1
    )
    assert set(predictor.predict(texts("good"))) == {"label", "scores"}
    found = predictor.predict(texts("a good film", "bad"), ["label", TEXT_LENGTHS])
    assert found[TEXT_LENGTHS].tolist() == [5, 3]


def test_steps_around_a_model_of_bf16_work_in_fp32_and_answer_in_what_is_said(
    tmp_path: Path,
) -> None:
    code = b"""
def preprocess(arrays):
    return {"x": arrays["x"] / 3}

def postprocess(arrays):
    part = arrays["y"] / 7
    return {"part": part, "wide": part, "best": part.argmax(axis=1)}
"""
    outputs = {"part": "BF16", "wide": "FP32", "best": "INT64"}
    files = {"model.onnx": brain_doubled(), "own.py": code}
    write_artifact(
        tmp_path,
        "m",
        1,
        files["model.onnx"],
        processing=[{"step": "code", "file": "own.py"}],
        files={name: sha256(content) for name, content in files.items()},
        outputs=[TensorSpec(name, kind, (-1,)).to_json() for name, kind in outputs.items()],
    )
    folder = tmp_path / "models/m/1"
    (folder / "own.py").write_bytes(code)
    x = rounded(np.array([[5, 2]], np.float32))
    found = open_onnx(read_artifact(folder), 1).predict({"x": x})
    assert {name: datatype_of(array) for name, array in found.items()} == outputs
    assert found["best"].tolist() == [0]
    fed = np.asarray(rounded(np.array([[5, 2]], np.float32) / 3))
    assert found["wide"].tolist() == ((fed + fed) / 7).tolist()
    assert found["part"].tolist() == rounded(found["wide"]).tolist() != found["wide"].tolist()


def test_a_step_that_is_not_known_does_not_load(tmp_path: Path) -> None:
    artifact = read_artifact(publish(tmp_path, {"step": "os"}))
    with pytest.raises(ValueError, match="a step 'os' that this version of Lading"):
        open_onnx(artifact, 1)


def test_a_missing_library_is_said_with_what_brings_it() -> None:
    missing = {"tokenizers": None}
    before = {name: sys.modules.pop(name, None) for name in ("tokenizers", _TOKENS)}
    sys.modules.update(missing)  # type: ignore[arg-type]
    try:
        with pytest.raises(ValueError, match=r"needs tokenizers .*; run `make proc"):
            make_step(options(), {})
    finally:
        for name, module in before.items():
            sys.modules.pop(name, None)
            if module is not None:
                sys.modules[name] = module


BARE = Artifact(
    name="films",
    identity="",
    digest="",
    inputs=(),
    outputs=(),
    model=b"",
    golden=None,
    specification={},
)


_TOKENS = "lading.functions.inference.processing.tokens"


def test_only_some_steps_need_libraries_of_their_own() -> None:
    def libraries(*steps: Mapping[str, Any]) -> tuple[str, ...]:
        return libraries_of(BARE._replace(specification={"processing": steps}))

    assert libraries({"step": "code"}, options()) == ("tokenizers",)
    assert libraries({"step": "image"}, LABELS) == ("pillow",)
    assert libraries({"step": "code"}, LABELS) == ()
    assert libraries_of(BARE) == ()


def test_a_model_without_steps_imports_nothing_of_this() -> None:
    probe = (
        "import json, sys; from lading.functions.inference.entry import lambda_handler; "
        "print(json.dumps([name for name in sys.modules if 'processing' in name]))"
    )
    assert not [name for name in run_clean(probe, {})[-1] if name.startswith("lading.")]

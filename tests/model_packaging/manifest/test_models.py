import json
import subprocess
import sys
from pathlib import Path

import jsonschema  # type: ignore[import-untyped] # has no stubs
import pytest
import yaml

from lading.model_packaging.errors import ManifestError, UnknownModel
from lading.model_packaging.manifest.entries import EngineSpec
from lading.model_packaging.manifest.models import Manifest, load_manifest, render_schema
from lading.model_packaging.manifest.options import QuantizeSpec
from lading.model_packaging.manifest.original import InputShape

ROOT = Path(__file__).parents[3]

FULL = """\
models:
  digits:
    source: data/model.skops
    framework: scikit-learn
    trust: true
    quantize: dynamic
    accuracy:
      data: data/holdout.npz
      metric: mae
      max_drop: 1
    labels: [canary, v2.1]
  iris:
    source: iris.onnx
"""


def load(folder: Path, text: str) -> Manifest:
    path = folder / "models.yaml"
    path.write_text(text, encoding="utf-8")
    return load_manifest(path)


def refusal(folder: Path, text: str) -> ManifestError:
    with pytest.raises(ManifestError) as caught:
        load(folder, text)
    return caught.value


def test_paths_are_below_the_manifests_folder_and_defaults_are_filled_in(tmp_path: Path) -> None:
    digits, iris = load(tmp_path, FULL).select()
    assert digits.source == tmp_path / "data/model.skops"
    assert digits.accuracy is not None
    assert digits.accuracy.data == tmp_path / "data/holdout.npz"
    assert (digits.accuracy.metric, digits.accuracy.max_drop) == ("mae", 1.0)
    assert (digits.trust, digits.quantize.scheme, digits.labels) == (
        True,
        "dynamic",
        ("canary", "v2.1"),
    )
    assert (iris.framework, iris.trust, iris.quantize.scheme) == (None, False, "none")
    assert (iris.accuracy, iris.labels) == (None, ("stable",))


def test_quantizing_has_a_short_form_and_a_long_one(tmp_path: Path) -> None:
    (short, *_) = load(tmp_path, FULL).select()
    assert short.quantize == QuantizeSpec("dynamic")
    asked = "{scheme: static, exclude: [Gemm, '/head/*'], calibration: data/rows.npz}"
    (long, *_) = load(tmp_path, FULL.replace("dynamic", asked)).select()
    assert long.quantize == QuantizeSpec("static", ("Gemm", "/head/*"), tmp_path / "data/rows.npz")
    assert long.place("quantize.calibration").line == 6


def test_a_wider_tolerance_is_read_and_is_part_of_the_identity(tmp_path: Path) -> None:
    (usual, *_) = load(tmp_path, FULL).select()
    assert "check" not in usual.conversion()
    checked = FULL.replace("trust: true", "check: {tolerance: 0.01}")
    (wider, *_) = load(tmp_path, checked).select()
    assert wider.check.tolerance == 0.01
    assert wider.conversion()["check"] == {"tolerance": 0.01}


def test_each_value_is_placed(tmp_path: Path) -> None:
    digits, iris = load(tmp_path, FULL).select()
    assert str(digits.place("source")) == f"{tmp_path}/models.yaml:3: models.digits.source"
    assert digits.place("accuracy.data").line == 8
    assert iris.place("framework").line == 12


LARGE = """\
models:
  chat:
    source: chat
    target: sagemaker
    engine:
      name: vllm
      image: 1.dkr.ecr.{region}.amazonaws.com/vllm:1
      options: {max_model_len: 4096, enforce_eager: true}
    twin: tiny
  tiny:
    source: tiny.onnx
  any:
    source: any.onnx
    target: auto
"""


def test_a_large_models_target_engine_and_twin_are_read(tmp_path: Path) -> None:
    chat, tiny, any_ = load(tmp_path, LARGE).select()
    image = "1.dkr.ecr.{region}.amazonaws.com/vllm:1"
    options = {"max_model_len": 4096, "enforce_eager": True}
    assert chat.engine == EngineSpec("vllm", image, options)
    assert (chat.target, chat.twin) == ("sagemaker", "tiny")
    assert (tiny.target, tiny.engine, tiny.twin) == ("lambda", None, None)
    assert any_.target == "auto"
    assert chat.place("engine.options.max_model_len").line == 8


@pytest.mark.parametrize(
    ("change", "line", "key", "text"),
    [
        (("target: sagemaker", "target: sagemker"), 4, "models.chat.target", "'sagemaker'?"),
        (("name: vllm", "name: vlm"), 6, "models.chat.engine.name", "did you mean 'vllm'?"),
        (("image:", "imag:"), 7, "models.chat.engine.imag", "did you mean 'image'?"),
        (
            ("4096", "[1]"),
            8,
            "models.chat.engine.options.max_model_len",
            "must be a number, a text",
        ),
        (("twin: tiny", "twin: tin"), 9, "models.chat.twin", "did you mean 'tiny'?"),
        (("twin: tiny", "twin: chat"), 9, "models.chat.twin", "another model"),
        (("twin: tiny", "twin: any"), 9, "models.chat.twin", "with target: lambda"),
        (("target: sagemaker", "target: lambda"), 5, "models.chat.engine", "for SageMaker"),
        (("    target: auto", "    twin: tiny"), 14, "models.any.twin", "for SageMaker"),
        (
            ("name: vllm\n      image", "name: container #"),
            5,
            "models.chat.engine",
            "container needs image",
        ),
    ],
)
def test_what_a_target_cannot_have_is_named_with_its_line(
    tmp_path: Path, change: tuple[str, str], line: int, key: str, text: str
) -> None:
    error = refusal(tmp_path, LARGE.replace(*change))
    assert (error.line, error.key) == (line, key)
    assert text in str(error)


def test_models_are_selected_by_name_once_each_in_the_order_asked(tmp_path: Path) -> None:
    manifest = load(tmp_path, FULL)
    names = [spec.name for spec in manifest.select(["iris", "digits", "iris"])]
    assert names == ["iris", "digits"]
    with pytest.raises(UnknownModel, match=r"models\.yaml:1: .*did you mean 'digits'\?"):
        manifest.select(["digist"])


@pytest.mark.parametrize(
    ("change", "line", "key", "text"),
    [
        (("quantize:", "quantise:"), 6, "models.digits.quantise", "did you mean 'quantize'?"),
        (("metric:", "metrik:"), 9, "models.digits.accuracy.metrik", "did you mean 'metric'?"),
        (("models:", "model:"), 1, "model", "did you mean 'models'?"),
        (("dynamic", "dynamc"), 6, "models.digits.quantize", "did you mean 'dynamic'?"),
        (("dynamic", "static"), 6, "models.digits.quantize", "static needs calibration"),
        (("dynamic", "{scheme: statc}"), 6, "models.digits.quantize.scheme", "mean 'static'?"),
        (("dynamic", "{scheme: int4, exclud: [a]}"), 6, "models.digits.quantize.exclud", "exclude"),
        (("dynamic", "{scheme: none, exclude: [a]}"), 6, "models.digits.quantize", "no effect"),
        (("dynamic", "{scheme: static}"), 6, "models.digits.quantize", "static needs calibration"),
        (
            ("quantize: dynamic", "prune: {method: structured}"),
            6,
            "models.digits.prune.sparsity",
            "",
        ),
        (
            ("quantize: dynamic", "prune: {method: magnitude, sparsity: 1}"),
            *(6, "models.digits.prune.sparsity", "must be"),
        ),
        (
            ("quantize: dynamic", "prune: {method: structured, sparsity: 0.5, scope: global}"),
            *(6, "models.digits.prune", "leave scope out"),
        ),
        (("dynamic", "[dynamic]"), 6, "models.digits.quantize", "must be"),
        (("quantize: dynamic", "signature: [a, a]"), 6, "models.digits.signature", "'a' twice"),
        (("quantize: dynamic", "signature: []"), 6, "models.digits.signature", "must have at"),
        (("quantize: dynamic", "signature: {a: b}"), 6, "models.digits.signature", "must be"),
        (("quantize: dynamic", "iterations: bets"), 6, "models.digits.iterations", "did you mean"),
        (
            ("source: iris.onnx", "source: i\n    quantize: auto"),
            14,
            "models.iris.quantize",
            "auto",
        ),
        (("mae", "map"), 9, "models.digits.accuracy.metric", "did you mean 'mae'?"),
        (("trust: true", 'trust: "yes"'), 5, "models.digits.trust", "must be a valid boolean"),
        (("trust: true", "check: {tolerance: 0.5}"), 5, "models.digits.check.tolerance", "0.1"),
        (("trust: true", "check: {tolerance: 0}"), 5, "models.digits.check.tolerance", "0.001"),
        (("trust: true", "check: {tolerance: .nan}"), 5, "models.digits.check.tolerance", "must"),
        (("trust: true", "check: {skip: 1}"), 5, "models.digits.check.skip", "unknown key"),
        (("max_drop: 1", "max_drop: -1"), 10, "models.digits.accuracy.max_drop", "must be greater"),
        (("max_drop: 1", "max_drop: .nan"), 10, "models.digits.accuracy.max_drop", "must be a"),
        (("source: iris.onnx", "trust: false"), 12, "models.iris.source", "is required"),
        (("  iris:", "  metrics:"), 12, "models.metrics", "start of a route"),
        (("  iris:", "  'a/b':"), 12, "models.a/b", "not 'a/b'"),
        (("  iris:", "  7:"), 12, "models.7", "must be a valid string"),
        (("v2.1", "canary"), 11, "models.digits.labels", "'canary' twice"),
        (("v2.1", "'2'"), 11, "models.digits.labels.1", "read as a version number"),
        (("source: iris.onnx", "source: ''"), 13, "models.iris.source", "must have at least 1"),
        (("source: iris.onnx", "source: iris.onnx\n    source: b"), 14, "source", "stated twice"),
    ],
)
def test_what_is_wrong_is_named_with_its_line_and_the_likely_word(
    tmp_path: Path, change: tuple[str, str], line: int, key: str, text: str
) -> None:
    error = refusal(tmp_path, FULL.replace(*change))
    assert (error.line, error.key) == (line, key)
    assert text in str(error)
    assert str(error).startswith(f"{tmp_path}/models.yaml:{line}: {key}: ")


ORIGINAL = """\
models:
  net:
    source: model.pt
    class: networks.digits:Network
    inputs:
      ids: {shape: [-1, 16], datatype: INT64}
      mask:
        shape: [batch, -1]
    outputs: [scores]
"""


def test_what_a_framework_needs_beside_the_file_is_read(tmp_path: Path) -> None:
    [net] = load(tmp_path, ORIGINAL).select()
    assert net.class_file() == tmp_path / "networks" / "digits.py"
    assert net.inputs == {
        "ids": InputShape(("batch", 16), "INT64"),
        "mask": InputShape(("batch", "mask_1")),
    }
    assert list(net.original()) == ["class", "inputs", "outputs"]
    assert net.place("class").line == 4


@pytest.mark.parametrize(
    ("change", "line", "text"),
    [
        (("shape: [batch", "shpe: [batch"), 8, "did you mean 'shape'?"),
        (("[batch, -1]", "[batch, 0]"), 8, "holds 0; a free axis is a word or -1"),
        (("[batch, -1]", "[batch, 1.5]"), 8, "must be a valid"),
        (("INT64", "int64"), 6, "must be 'BOOL', "),
        (("networks.digits:Network", "Network"), 4, "must be module:Name"),
        (("class:", "clas:"), 4, "did you mean 'class'?"),
    ],
)
def test_what_is_wrong_with_an_input_is_named_with_its_line(
    tmp_path: Path, change: tuple[str, str], line: int, text: str
) -> None:
    error = refusal(tmp_path, ORIGINAL.replace(*change))
    assert error.line == line
    assert text in str(error)


def test_the_trees_of_a_booster_that_answer_are_read(tmp_path: Path) -> None:
    models = load(
        tmp_path, "models: {a: {source: a.json, iterations: all}, b: {source: b.json}}"
    ).models
    assert models["a"].original() == {"iterations": "all"}
    assert models["b"].original() == {}


@pytest.mark.parametrize("text", ["", "models:\n", "[]", "models: [digits]", "models: {a: b}"])
def test_a_document_of_another_shape_is_refused_in_one_line(tmp_path: Path, text: str) -> None:
    assert "\n" not in str(refusal(tmp_path, text))


def test_the_published_schema_is_in_step_and_accepts_our_manifest() -> None:
    published = (ROOT / "models.schema.json").read_text(encoding="utf-8")
    assert published == render_schema()
    text = (ROOT / "models.yaml").read_text(encoding="utf-8")
    assert text.startswith("# yaml-language-server: $schema=./models.schema.json\n")
    jsonschema.validate(yaml.safe_load(text), json.loads(published))
    assert [spec.name for spec in load_manifest(ROOT / "models.yaml").select()] == ["digits"]


def test_the_schema_refuses_an_unknown_key() -> None:
    entry = {"source": "a.onnx", "quantise": "none"}
    with pytest.raises(jsonschema.ValidationError, match="quantise"):
        jsonschema.validate({"models": {"a": entry}}, json.loads(render_schema()))


def test_the_module_prints_the_schema() -> None:
    command = [sys.executable, "-m", "lading.model_packaging.manifest.models"]
    printed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert printed.stdout == render_schema()

"""See `model_packaging/signatures.py`; TensorFlow is imported where it is used."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lading.functions.inference.artifact.reading import read_artifact
from lading.functions.inference.artifact.signatures import whole
from lading.functions.inference.artifact.specification import MODEL, SPECIFICATION, Artifact
from lading.functions.inference.models.predictor import with_signature
from lading.functions.inference.models.session_predictor import open_onnx
from lading.functions.inference.tensors.conversion import Array
from lading.functions.inference.tensors.domain import Domain
from lading.model_packaging.check.samples import make_up
from lading.model_packaging.conversion import Conversion
from lading.model_packaging.errors import ConversionError, ManifestError
from lading.model_packaging.manifest.entries import AccuracySpec
from lading.model_packaging.manifest.models import ModelSpec
from lading.model_packaging.manifest.options import PruneSpec, QuantizeSpec
from lading.model_packaging.pipeline import package
from lading.model_packaging.quiet import quiet
from lading.model_packaging.signatures import choose, finish, share
from lading.model_packaging.specification import Packaged
from lading.model_packaging.store.local import LocalStore
from tests.model_packaging.models import linear_bytes, weights
from tests.model_packaging.saved_models import CLASSES, HIDDEN, WIDTH, two_layers
from tests.support.frameworks import needs

ROWS = np.random.default_rng(0).standard_normal((5, WIDTH)).astype(np.float32)
CLASSIFY = "tensorflow/serving/classify"
TENSORFLOW = needs("tensorflow", "tensorflow", "tf2onnx")


@pytest.fixture(autouse=True)
def _without_its_warnings() -> Iterator[None]:
    with quiet():
        yield


def run(folder: Path, spec: ModelSpec) -> Packaged:
    return package(spec, LocalStore(folder / "store"), folder / "models.lock.json")


def read(packaged: Packaged) -> Artifact:
    return read_artifact(Path(packaged.location), packaged.digest)


def original(spec: ModelSpec, signature: str, **inputs: Any) -> dict[str, Any]:
    import tensorflow as tf

    loaded = tf.saved_model.load(str(spec.source))
    return {key: each.numpy() for key, each in loaded.signatures[signature](**inputs).items()}


def test_weights_that_two_models_share_are_left_out_of_the_second_and_come_back() -> None:
    first, second = linear_bytes(), linear_bytes(operator="Gemm")
    rest, shared = share(second, first)
    assert len(second) - len(rest) == weights().nbytes == shared[0][2]
    assert whole(rest, first, shared) == second


def test_models_that_share_nothing_are_kept_whole() -> None:
    other = linear_bytes(weights(1))
    assert share(other, linear_bytes()) == (other, [])


def test_a_weight_that_stands_twice_is_never_more_than_the_first_model() -> None:
    first = linear_bytes()
    rest, shared = share(first, first)
    assert whole(rest, first, shared) == first
    assert sum(length for _, _, length in shared) <= len(first)


@pytest.mark.parametrize(
    ("names", "reason"),
    [
        (["serving_default", "a\x1b[2J"], "choose at most 32 of the 2 signatures of saved"),
        (["serving_default", "a" * 200], "with names of at most 128 characters"),
        ([f"a{number}" for number in range(33)] + ["serving_default"], "choose at most 32"),
        (["a", "b"], "has several and none is serving_default"),
    ],
)
def test_names_that_cannot_be_kept_must_be_chosen_from(names: list[str], reason: str) -> None:
    with pytest.raises(ManifestError, match=reason):
        choose(ModelSpec("m", Path("saved")), names)
    spec = ModelSpec("m", Path("saved"), signatures=(names[0],))
    assert choose(spec, names) == names[:1]


def test_what_a_signature_refuses_is_stated_beside_it() -> None:
    def original(inputs: dict[str, Array]) -> dict[str, Array]:
        return {"scores": inputs["x"] @ weights()}

    domains = {"x": Domain(missing=False)}
    other = Conversion(linear_bytes(), original, signature="other", domains=domains)
    first = replace(other, signature="first", domains={}, others=(other,))
    samples = make_up("m", first.session(first.onnx).inputs)
    signatures, _ = finish(ModelSpec("m", Path("m")), first, samples, {})
    _, entry = signatures.files(first.onnx)[0]
    assert entry["domains"] == {"x": domains["x"].to_json()}


@TENSORFLOW
def test_a_method_is_kept_and_tells_signatures_of_one_graph_apart(tmp_path: Path) -> None:
    from tensorflow.core.protobuf import saved_model_pb2

    spec = two_layers(tmp_path, "serving_default", "classify", "serve")
    path, saved = spec.source / "saved_model.pb", saved_model_pb2.SavedModel()
    saved.ParseFromString(path.read_bytes())
    saved.meta_graphs[0].signature_def["classify"].method_name = CLASSIFY
    path.write_bytes(saved.SerializeToString())
    artifact = read(run(tmp_path, spec))
    assert artifact.aliases == {"serve": "serving_default"}
    found = open_onnx(artifact, 1).signatures
    assert found["classify"].metadata.method == CLASSIFY
    assert found["serve"].metadata.method == "tensorflow/serving/predict"


@TENSORFLOW
def test_every_signature_is_packaged_and_answers_by_its_name_as_the_original(
    tmp_path: Path,
) -> None:
    spec = two_layers(tmp_path, "serving_default", "embed", "shift", "serve")
    packaged = run(tmp_path, spec)
    assert packaged.signatures == ("serving_default", "embed", "shift", "serve")
    predictor = open_onnx(read(packaged), 1)
    for name, inputs in (
        ("serving_default", {"x": ROWS}),
        ("serve", {"x": ROWS}),
        ("embed", {"x": ROWS}),
        ("shift", {"x": ROWS, "by": ROWS}),
    ):
        answer = with_signature(predictor, name).predict(dict(inputs))
        wanted = original(spec, name, **inputs)
        assert answer.keys() == wanted.keys()
        for key, array in answer.items():
            assert np.allclose(array, wanted[key], 1e-3, 1e-4)


@TENSORFLOW
def test_shared_weights_are_shipped_once_and_aliases_cost_nothing(tmp_path: Path) -> None:
    packaged = run(tmp_path, two_layers(tmp_path, "serving_default", "embed", "serve"))
    folder = Path(packaged.location)
    assert {path.name for path in folder.glob("*.onnx")} == {MODEL, "signature-1.onnx"}
    embed = read(packaged).others["embed"]
    assert len(embed.model) > WIDTH * HIDDEN * 4
    assert (folder / "signature-1.onnx").stat().st_size == len(embed.model) - WIDTH * HIDDEN * 4
    assert embed.outputs[0].shape == (-1, HIDDEN)


@TENSORFLOW
def test_one_signature_of_the_usual_name_is_packaged_as_models_without_any(tmp_path: Path) -> None:
    packaged = run(tmp_path, two_layers(tmp_path, "serving_default"))
    assert "signatures" not in json.loads((Path(packaged.location) / SPECIFICATION).read_bytes())
    assert packaged.signatures == ("serving_default",)


@TENSORFLOW
def test_a_lone_signature_keeps_its_name(tmp_path: Path) -> None:
    packaged = run(tmp_path, two_layers(tmp_path, "predict_images"))
    assert packaged.signatures == ("predict_images",)
    assert not list(Path(packaged.location).glob("signature-*"))
    predictor = open_onnx(read(packaged), 1)
    assert with_signature(predictor, "predict_images") is predictor


@TENSORFLOW
def test_a_list_says_which_are_packaged_and_its_first_answers_unasked(tmp_path: Path) -> None:
    spec = two_layers(tmp_path, "score", "embed", "shift")
    with pytest.raises(
        ManifestError, match=r"layers\.signature: is required, .*embed, score, shift"
    ):
        run(tmp_path, spec)
    packaged = run(tmp_path, replace(spec, signatures=("score", "embed")))
    assert packaged.signatures == ("score", "embed")
    assert read(packaged).outputs[0].shape == (-1, CLASSES)
    alone = run(tmp_path, replace(spec, signatures=("embed",)))
    assert (alone.version, alone.signatures) == (2, ("embed",))


@TENSORFLOW
def test_serving_default_answers_unasked_wherever_the_list_has_it(tmp_path: Path) -> None:
    spec = two_layers(tmp_path, "serving_default", "embed")
    assert run(tmp_path, replace(spec, signatures=("embed", "serving_default"))).signatures == (
        "serving_default",
        "embed",
    )


@TENSORFLOW
def test_the_others_are_pruned_and_quantized_as_the_first_and_say_how_near_they_stay(
    tmp_path: Path,
) -> None:
    spec = two_layers(tmp_path, "serving_default", "embed", "shift")
    plain, small = (
        read(run(tmp_path, each))
        for each in (
            spec,
            replace(spec, prune=PruneSpec("magnitude", 0.2), quantize=QuantizeSpec("dynamic")),
        )
    )
    assert len(small.others["embed"].model) < len(plain.others["embed"].model)
    said = {each["name"]: each for each in small.specification["signatures"]}
    assert 0.9 < said["embed"]["cosine"] < 1
    assert set(said["shift"]["left"]) == {"prune", "quantize"}
    assert not any("models." in why for why in said["shift"]["left"].values())
    answer = open_onnx(small, 1).signatures["embed"].predict({"x": ROWS})["hidden"]
    wanted = original(spec, "embed", x=ROWS)["hidden"]
    assert np.corrcoef(answer.ravel(), wanted.ravel())[0, 1] > 0.9


@TENSORFLOW
def test_the_scheme_that_auto_chose_for_the_first_is_that_of_the_others(tmp_path: Path) -> None:
    spec = two_layers(tmp_path, "serving_default", "embed")
    x = np.random.default_rng(2).standard_normal((400, WIDTH)).astype(np.float32)
    y = original(spec, "serving_default", x=x)["scores"].argmax(axis=1)
    np.savez(tmp_path / "holdout.npz", X=x, y=y)
    gate = AccuracySpec(tmp_path / "holdout.npz", "accuracy", 0.5)
    artifact = read(run(tmp_path, replace(spec, quantize=QuantizeSpec("auto"), accuracy=gate)))
    scheme = artifact.specification["steps"][-1]["scheme"]
    assert scheme != "none"
    embed = artifact.specification["signatures"][1]
    assert "left" not in embed
    assert len(artifact.others["embed"].model) < len(
        read(run(tmp_path, spec)).others["embed"].model
    )


@TENSORFLOW
def test_a_signature_without_an_onnx_form_is_left_out_and_the_outcome_says_so(
    tmp_path: Path,
) -> None:
    spec = two_layers(tmp_path, "serving_default", "odd")
    outcomes: dict[str, str] = {}
    store, lock = LocalStore(tmp_path / "store"), tmp_path / "models.lock.json"
    assert package(spec, store, lock, outcomes.__setitem__).signatures == ("serving_default",)
    assert "left out 'odd': it has no ONNX form: ONNX lacks Lgamma" in outcomes["convert"]


@TENSORFLOW
@pytest.mark.parametrize("first", [("odd", "embed"), ("embed", "odd")])
def test_a_signature_that_the_manifest_names_is_not_left_out(
    tmp_path: Path, first: tuple[str, ...]
) -> None:
    spec = two_layers(tmp_path, "odd", "embed")
    advice = r"'odd' that has no ONNX form: .*Lgamma.*; name the ones .*: \[embed\]"
    with pytest.raises(ConversionError, match=advice):
        run(tmp_path, replace(spec, signatures=first))
    assert not (tmp_path / "models.lock.json").exists()


@TENSORFLOW
def test_a_signature_that_fails_the_check_is_left_out_unless_the_manifest_names_it(
    tmp_path: Path,
) -> None:
    spec = two_layers(tmp_path, "serving_default", "embed", "broken")
    outcomes: dict[str, str] = {}
    store, lock = LocalStore(tmp_path / "store"), tmp_path / "models.lock.json"
    found = package(spec, store, lock, outcomes.__setitem__).signatures
    assert found == ("serving_default", "embed")
    assert "left out 'broken': it holds NaN in" in outcomes["signatures"]
    with pytest.raises(
        ConversionError, match=r"in its signature 'broken': holds NaN .*; remove brok"
    ):
        package(replace(spec, signatures=("embed", "broken")), store, lock)


@TENSORFLOW
def test_an_engine_serves_one_signature_and_its_aliases(tmp_path: Path) -> None:
    spec = replace(two_layers(tmp_path, "serving_default", "embed", "serve"), target="sagemaker")
    with pytest.raises(
        ConversionError, match=r"signatures serving_default, embed, .*set signature"
    ):
        run(tmp_path, spec)
    packaged = run(tmp_path, replace(spec, signatures=("serving_default", "serve")))
    assert packaged.signatures == ("serving_default", "serve")
    assert packaged.target == "sagemaker"


@TENSORFLOW
def test_own_code_is_around_one_signature(tmp_path: Path) -> None:
    from lading.model_packaging.manifest.original import OwnCode

    code = tmp_path / "steps.py"
    code.write_text("def preprocess(arrays):\n    return arrays\n", encoding="utf-8")
    spec = two_layers(tmp_path, "serving_default", "embed")
    wrapped = replace(spec, code=OwnCode(code, {}, {}))
    assert run(tmp_path, wrapped).signatures == ("serving_default",)
    several = replace(wrapped, signatures=("serving_default", "embed"))
    with pytest.raises(
        ManifestError, match=r"signature: must name only one, since code supports one"
    ):
        run(tmp_path, several)

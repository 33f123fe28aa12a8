from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnx.external_data_helper import set_external_data
from onnx.reference import ReferenceEvaluator

from lading.functions.inference.models.session import OnnxSession
from lading.functions.inference.models.session_predictor import SessionPredictor, open_onnx
from lading.functions.inference.tensors.conversion import Array
from lading.model_packaging.check.samples import make_up
from lading.model_packaging.converters.onnx import CONVERTER
from lading.model_packaging.errors import (
    ConversionError,
    DataUnusable,
    ManifestError,
    SourceUnreadable,
)
from lading.model_packaging.manifest.models import ModelSpec
from lading.model_packaging.manifest.original import InputShape
from lading.model_packaging.pipeline import package
from lading.model_packaging.store.local import LocalStore
from tests.model_packaging.comparison import check_conversion
from tests.model_packaging.models import CLASSES, FEATURES, linear, linear_bytes, rows, weights
from tests.support.worlds import BRAIN, brain_doubled, onnx_model


def write(folder: Path, content: bytes) -> Path:
    path = folder / "model.onnx"
    path.write_bytes(content)
    return path


def external(folder: Path, location: str = "weights.bin") -> Path:
    """model.onnx whose weight lies in another file; the file is not made."""
    model = linear()
    tensor = model.graph.initializer[0]
    set_external_data(tensor, location)
    tensor.ClearField("raw_data")
    return write(folder, model.SerializeToString())


def test_a_model_is_taken_as_it_is(tmp_path: Path) -> None:
    conversion = CONVERTER.convert(ModelSpec("linear", write(tmp_path, linear_bytes())))
    assert onnx.load_model_from_string(conversion.onnx) == linear()
    answer = conversion.reference({"x": rows()})
    assert np.allclose(answer["scores"], rows() @ weights(), atol=1e-5)
    with pytest.raises(ValueError, match="x"):
        conversion.reference({"x": rows()[:, :3]})


def test_a_model_of_brain_floats_is_taken_where_onnxruntime_has_its_operators(
    tmp_path: Path,
) -> None:
    spec = ModelSpec("brain", write(tmp_path, brain_doubled()))
    conversion = CONVERTER.convert(spec)
    session = OnnxSession(conversion.onnx)
    samples = make_up("brain", session.inputs)
    assert check_conversion("brain", samples.requests(8), conversion.reference, session.run) > 0
    at = (BRAIN, ["n"])
    sine = onnx_model({"x": at}, {"y": at}, helper.make_node("Sin", ["x"], ["y"]))
    with pytest.raises(ConversionError, match=r"cannot be served: .*Sin"):
        CONVERTER.convert(ModelSpec("brain", write(tmp_path, sine)))


@pytest.mark.parametrize(
    "content",
    [b"", b"not a model", linear_bytes()[:100], linear_bytes()[:-20], b"\x00" * 50, b"PK\x03\x04"],
)
def test_a_truncated_file_or_one_of_another_kind_is_one_clear_error(
    tmp_path: Path, content: bytes
) -> None:
    with pytest.raises(SourceUnreadable, match=r"model 'linear': .*ONNX model") as caught:
        CONVERTER.convert(ModelSpec("linear", write(tmp_path, content)))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", [b"scores", b"MatMul", b"weight"])
def test_names_that_are_no_text_are_one_clear_error(tmp_path: Path, name: bytes) -> None:
    content = linear_bytes().replace(name, b"\xfe" * len(name))
    with pytest.raises(SourceUnreadable, match="it has a name that is not UTF-8"):
        CONVERTER.convert(ModelSpec("linear", write(tmp_path, content)))


def test_an_invalid_graph_is_one_clear_error(tmp_path: Path) -> None:
    model = linear()
    model.graph.node[0].input[1] = "nowhere"
    with pytest.raises(SourceUnreadable, match="is not a valid ONNX model"):
        CONVERTER.convert(ModelSpec("linear", write(tmp_path, model.SerializeToString())))


def test_external_data_is_brought_inside_and_counts_as_part_of_the_source(tmp_path: Path) -> None:
    path = external(tmp_path)
    data = tmp_path / "weights.bin"
    data.write_bytes(weights().tobytes())
    assert CONVERTER.files(ModelSpec("linear", path)) == (path, data)
    conversion = CONVERTER.convert(ModelSpec("linear", path))
    data.unlink()
    scores = OnnxSession(conversion.onnx).run({"x": rows()})["scores"]
    assert np.allclose(scores, rows() @ weights(), atol=1e-5)


@pytest.mark.parametrize("location", ["../weights.bin", "sub/../../weights.bin", "link.bin", "/"])
def test_external_data_outside_the_models_folder_is_refused(tmp_path: Path, location: str) -> None:
    (tmp_path / "weights.bin").write_bytes(weights().tobytes())
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "link.bin").symlink_to(tmp_path / "weights.bin")
    place = str(tmp_path / "weights.bin") if location == "/" else location
    path = external(folder, place)
    with pytest.raises(SourceUnreadable, match="names external data outside its folder"):
        CONVERTER.files(ModelSpec("linear", path))
    with pytest.raises(SourceUnreadable, match="names external data outside its folder"):
        CONVERTER.convert(ModelSpec("linear", path))


def test_external_data_that_is_missing_or_too_short_is_one_clear_error(tmp_path: Path) -> None:
    path = external(tmp_path)
    with pytest.raises(SourceUnreadable, match=r"lacks its external data 'weights\.bin'"):
        CONVERTER.convert(ModelSpec("linear", path))
    (tmp_path / "weights.bin").write_bytes(b"short")
    with pytest.raises(SourceUnreadable, match="model 'linear'"):
        CONVERTER.convert(ModelSpec("linear", path))


def test_an_output_that_is_a_sequence_is_refused(tmp_path: Path) -> None:
    graph = helper.make_graph(
        [helper.make_node("SequenceConstruct", ["x"], ["parts"])],
        "sequence",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 2])],
        [helper.make_tensor_sequence_value_info("parts", TensorProto.FLOAT, None)],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    with pytest.raises(ConversionError, match=r"'parts' is seq.* only plain tensors are supported"):
        CONVERTER.convert(ModelSpec("parts", write(tmp_path, model.SerializeToString())))


def test_an_output_that_may_be_missing_is_refused(tmp_path: Path) -> None:
    tensor = helper.make_tensor_type_proto(TensorProto.FLOAT, ["batch", 2])
    graph = helper.make_graph(
        [helper.make_node("Optional", ["x"], ["perhaps"])],
        "optional",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 2])],
        [helper.make_value_info("perhaps", helper.make_optional_type_proto(tensor))],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    with pytest.raises(ConversionError, match=r"'perhaps' is optional.* only plain tensors are"):
        CONVERTER.convert(ModelSpec("perhaps", write(tmp_path, model.SerializeToString())))


def test_an_input_without_a_shape_is_refused_and_an_outputs_is_inferred(tmp_path: Path) -> None:
    model = linear()
    model.graph.output[0].type.tensor_type.ClearField("shape")
    path = write(tmp_path, model.SerializeToString())
    conversion = CONVERTER.convert(ModelSpec("linear", path))
    assert OnnxSession(conversion.onnx).outputs[0].shape == (-1, 4)
    model.graph.input[0].type.tensor_type.ClearField("shape")
    with pytest.raises(SourceUnreadable, match="Field 'shape' of 'type' is required"):
        CONVERTER.convert(ModelSpec("linear", write(tmp_path, model.SerializeToString())))


def test_a_model_of_an_old_operator_set_is_taken_as_it_is(tmp_path: Path) -> None:
    graph = helper.make_graph(
        [helper.make_node("Upsample", ["x", "scales"], ["y"], mode="nearest")],
        "old",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 1, 2, 2])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 1, 4, 4])],
        [helper.make_tensor("scales", TensorProto.FLOAT, [4], [1, 1, 2, 2])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 9)], ir_version=8)
    conversion = CONVERTER.convert(ModelSpec("old", write(tmp_path, model.SerializeToString())))
    image = np.ones((1, 1, 2, 2), np.float32)
    converted = OnnxSession(conversion.onnx).run
    assert onnx.load_model_from_string(conversion.onnx).opset_import[0].version == 9
    check_conversion("old", [{"x": image}], conversion.reference, converted)


def spec_of(folder: Path, model: onnx.ModelProto, **original: Any) -> ModelSpec:
    path = write(folder, model.SerializeToString())
    return ModelSpec("m", path, manifest=folder / "models.yaml", **original)


def graph_of(
    nodes: Sequence[onnx.NodeProto],
    inputs: Mapping[str, tuple[int, list[Any] | None]],
    outputs: Mapping[str, tuple[int, list[Any] | None]],
    **weights: Array,
) -> onnx.ModelProto:
    """A model of operator set 17: names -> (element type, shape)."""
    graph = helper.make_graph(
        nodes,
        "graph",
        [helper.make_tensor_value_info(name, *it) for name, it in inputs.items()],
        [helper.make_tensor_value_info(name, *it) for name, it in outputs.items()],
        [numpy_helper.from_array(array, name) for name, array in weights.items()],
    )
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8)


def evaluated(model: onnx.ModelProto, **inputs: Array) -> list[Array]:
    """What ONNX's own reference implementation answers."""
    return [np.asarray(each) for each in ReferenceEvaluator(model).run(None, inputs)]


def test_inputs_and_outputs_may_be_renamed(tmp_path: Path) -> None:
    spec = spec_of(
        tmp_path,
        linear(),
        inputs={"input-0": InputShape(("rows", FEATURES))},
        outputs=("weight",),  # the name of something inside
    )
    conversion = CONVERTER.convert(spec)
    session = OnnxSession(conversion.onnx)
    assert [(each.name, each.shape) for each in session.inputs] == [("input-0", (-1, FEATURES))]
    [expected] = evaluated(linear(), x=rows())
    for model in (session.run, conversion.reference):
        assert np.allclose(model({"input-0": rows()})["weight"], expected, atol=1e-5)


def two_inputs() -> onnx.ModelProto:
    """`c = a - b`."""
    at = (TensorProto.FLOAT, ["batch", 2])
    node = helper.make_node("Sub", ["a", "b"], ["c"])
    return graph_of([node], {"a": at, "b": at}, {"c": at})


def test_the_files_own_names_may_stand_in_any_order_and_change_nothing(tmp_path: Path) -> None:
    shape = InputShape(("batch", 2))
    conversion = CONVERTER.convert(spec_of(tmp_path, two_inputs(), inputs={"b": shape, "a": shape}))
    one, two = np.ones((1, 2), np.float32), np.full((1, 2), 3, np.float32)
    answer = OnnxSession(conversion.onnx).run({"a": one, "b": two})
    assert answer["c"].tolist() == [[-2, -2]]


@pytest.mark.parametrize(
    ("original", "text"),
    [
        ({"inputs": {"b": (2,), "x": (2,)}}, "gives the file's 'a' the name of another"),
        ({"inputs": {"x": ("batch", 2)}}, r"names 'x'; model\.onnx has 'a', 'b', in this order"),
        ({"inputs": {"x": ("batch", 3), "y": ("batch", 2)}}, "'x' has size 2 along axis 1, .* 3"),
        ({"inputs": {"x": ("batch", "n"), "y": ("batch", 2)}}, "'x' has size 2 .* states n"),
        ({"inputs": {"x": (2,), "y": ("batch", 2)}}, "'x' has 2 axes"),
        ({"outputs": ("one", "two")}, "names 'one', 'two'"),
    ],
)
def test_names_or_shapes_that_do_not_fit_the_file_are_one_clear_error(
    tmp_path: Path, original: dict[str, Any], text: str
) -> None:
    if "inputs" in original:
        original = {"inputs": {name: InputShape(it) for name, it in original["inputs"].items()}}
    with pytest.raises(ManifestError, match=text) as caught:
        CONVERTER.convert(spec_of(tmp_path, two_inputs(), **original))
    assert "\n" not in str(caught.value)


def test_a_datatype_that_the_file_does_not_have_is_refused(tmp_path: Path) -> None:
    spec = spec_of(tmp_path, linear(), inputs={"x": InputShape(("b", FEATURES), "INT64")})
    with pytest.raises(ManifestError, match="'x' has datatype float32, the manifest states INT64"):
        CONVERTER.convert(spec)


def test_an_axis_that_the_file_leaves_free_may_be_fixed(tmp_path: Path) -> None:
    spec = spec_of(tmp_path, linear(), inputs={"x": InputShape((5, FEATURES))})
    assert OnnxSession(CONVERTER.convert(spec).onnx).inputs[0].shape == (5, FEATURES)


def test_examples_are_taken_by_name_in_the_models_type(tmp_path: Path) -> None:
    np.savez(tmp_path / "rows.npz", x=rows().astype(np.float64))
    conversion = CONVERTER.convert(spec_of(tmp_path, linear(), examples=tmp_path / "rows.npz"))
    assert conversion.examples is not None
    assert np.array_equal(conversion.examples["x"], rows())
    assert conversion.examples["x"].dtype == np.float32


@pytest.mark.parametrize(
    ("arrays", "text"),
    [
        ({"z": rows()}, "has 'z', which is not an input; the inputs are x"),
        ({"x": rows()[:, :3]}, r"unexpected shape for input 'x': \[40, 3\]"),
        ({"x": np.array(["a"])}, "does not fit the model: input 'x'"),
    ],
)
def test_examples_that_do_not_fit_are_one_clear_error(
    tmp_path: Path, arrays: dict[str, Any], text: str
) -> None:
    np.savez(tmp_path / "rows.npz", **arrays)
    with pytest.raises(DataUnusable, match=text):
        CONVERTER.convert(spec_of(tmp_path, linear(), examples=tmp_path / "rows.npz"))


@pytest.mark.parametrize("listed", [True, False])
def test_weights_on_the_list_of_inputs_are_no_inputs(tmp_path: Path, *, listed: bool) -> None:
    model = linear()
    model.ir_version, model.opset_import[0].version = 3, 8
    if listed:
        weight = helper.make_tensor_value_info("weight", TensorProto.FLOAT, [FEATURES, CLASSES])
        model.graph.input.append(weight)
    conversion = CONVERTER.convert(spec_of(tmp_path, model))
    session = OnnxSession(conversion.onnx)
    assert [each.name for each in session.inputs] == ["x"]
    [expected] = evaluated(linear(), x=rows())
    for answers in (session.run, conversion.reference):
        assert np.allclose(answers({"x": rows()})["scores"], expected, atol=1e-5)


def zipmap(labels: list[Any]) -> onnx.ModelProto:
    """Labels and a sequence of maps, as classifiers of scikit-learn are exported by default."""
    numbers = isinstance(labels[0], int)
    kind = TensorProto.INT64 if numbers else TensorProto.STRING
    domain: Any = {"domain": "ai.onnx.ml"}
    terms: Any = {
        "coefficients": [1.0, -1.0, 0.5, 0.25, 0.0, 1.0],
        "intercepts": [0.1, 0.2, 0.3],
        "post_transform": "SOFTMAX",
        "classlabels_ints" if numbers else "classlabels_strings": labels,
    }
    names: Any = {"classlabels_int64s" if numbers else "classlabels_strings": labels}
    model = graph_of(
        [
            helper.make_node("LinearClassifier", ["x"], ["label", "scores"], **terms, **domain),
            helper.make_node("ZipMap", ["scores"], ["probability"], **names, **domain),
        ],
        {"x": (TensorProto.FLOAT, ["batch", 2])},
        {"label": (kind, ["batch"]), "probability": (TensorProto.FLOAT, None)},
    )
    score = helper.make_tensor_type_proto(TensorProto.FLOAT, None)
    maps = helper.make_sequence_type_proto(helper.make_map_type_proto(kind, score))
    model.graph.output[1].type.CopyFrom(maps)
    return model


@pytest.mark.parametrize("labels", [[3, 1, 2], ["c", "a", "b"]])
def test_maps_of_scores_become_a_tensor_with_a_column_for_each_class(
    tmp_path: Path, labels: list[Any]
) -> None:
    import onnxruntime

    model, given = zipmap(labels), np.array([[1, 2], [-3, 0.5]], np.float32)
    session = onnxruntime.InferenceSession(model.SerializeToString())
    maps: Any = session.run(["probability"], {"x": given})[0]
    expected = [[each[label] for label in labels] for each in maps]
    conversion = CONVERTER.convert(spec_of(tmp_path, model))
    served = OnnxSession(conversion.onnx)
    assert [(each.name, each.shape) for each in served.outputs][1] == ("probability", (-1, 3))
    for answers in (served.run, conversion.reference):
        found = answers({"x": given})
        assert np.allclose(found["probability"], expected)
        assert len(found["label"]) == 2


def test_custom_operators_are_named(tmp_path: Path) -> None:
    at = (TensorProto.FLOAT, ["batch", 2])
    nodes = [
        helper.make_node("Whiten", ["x"], ["white"], domain="acme.ops"),
        helper.make_node("Rank", ["white"], ["y"], domain="acme.ops"),
    ]
    model = graph_of(nodes, {"x": at}, {"y": at})
    model.opset_import.append(helper.make_opsetid("acme.ops", 1))
    with pytest.raises(ConversionError, match=r"custom operators .*: acme.ops.Rank, acme.ops.Wh"):
        CONVERTER.convert(spec_of(tmp_path, model))
    foo = graph_of([helper.make_node("Foo", ["x"], ["y"])], {"x": at}, {"y": at})
    with pytest.raises(SourceUnreadable, match="No Op registered for Foo") as caught:
        CONVERTER.convert(spec_of(tmp_path, foo))
    assert "\n" not in str(caught.value)


def test_functions_of_the_model_itself_are_no_custom_operators(tmp_path: Path) -> None:
    at = (TensorProto.FLOAT, ["batch", 2])
    opsets = [helper.make_opsetid("", 17)]
    body = [helper.make_node("Mul", ["a", "a"], ["b"])]
    square = helper.make_function("acme.ops", "Square", ["a"], ["b"], body, opsets)
    model = graph_of(
        [helper.make_node("Square", ["x"], ["y"], domain="acme.ops")], {"x": at}, {"y": at}
    )
    model.opset_import.append(helper.make_opsetid("acme.ops", 1))
    model.functions.append(square)
    spec = spec_of(tmp_path, model, inputs={"b": InputShape(("batch", 2))}, outputs=("a",))
    conversion = CONVERTER.convert(spec)
    given = np.array([[2, 3]], np.float32)
    assert OnnxSession(conversion.onnx).run({"b": given})["a"].tolist() == [[4, 9]]


def test_sparse_weights_are_taken_and_renamed(tmp_path: Path) -> None:
    sparse = helper.make_sparse_tensor(
        numpy_helper.from_array(np.array([2, 3], np.float32), "weight"),
        numpy_helper.from_array(np.array([0, 5], np.int64), "places"),
        [2, 3],
    )
    model = graph_of(
        [helper.make_node("MatMul", ["x", "weight"], ["y"])],
        {"x": (TensorProto.FLOAT, ["batch", 2])},
        {"y": (TensorProto.FLOAT, ["batch", 3])},
    )
    model.graph.sparse_initializer.append(sparse)
    given = np.array([[1, 10]], np.float32)
    conversion = CONVERTER.convert(spec_of(tmp_path, model, outputs=("weight",)))
    assert OnnxSession(conversion.onnx).run({"x": given})["weight"].tolist() == [[2, 0, 30]]


def test_a_model_without_inputs_is_taken(tmp_path: Path) -> None:
    value = numpy_helper.from_array(np.arange(3, dtype=np.float32))
    node = helper.make_node("Constant", [], ["y"], value=value)
    conversion = CONVERTER.convert(
        spec_of(tmp_path, graph_of([node], {}, {"y": (TensorProto.FLOAT, [3])}))
    )
    assert OnnxSession(conversion.onnx).run({})["y"].tolist() == [0, 1, 2]
    assert conversion.reference({})["y"].tolist() == [0, 1, 2]


def detector() -> onnx.ModelProto:
    """Boxes of a score above a half: perhaps none."""
    nodes = [
        helper.make_node("Greater", ["scores", "half"], ["found"]),
        helper.make_node("Compress", ["boxes", "found"], ["kept"], axis=0),
    ]
    return graph_of(
        nodes,
        {"boxes": (TensorProto.FLOAT, ["n", 4]), "scores": (TensorProto.FLOAT, ["n"])},
        {"kept": (TensorProto.FLOAT, ["m", 4])},
        half=np.array(0.5, np.float32),
    )


def test_an_output_with_no_rows_keeps_its_columns(tmp_path: Path) -> None:
    conversion = CONVERTER.convert(spec_of(tmp_path, detector()))
    given = {"boxes": np.ones((3, 4), np.float32), "scores": np.zeros(3, np.float32)}
    [expected] = evaluated(detector(), **given)
    assert expected.shape == (0, 4)
    for model in (OnnxSession(conversion.onnx).run, conversion.reference):
        assert model(given)["kept"].shape == (0, 4)


def test_an_output_that_stands_twice_is_given_once(tmp_path: Path) -> None:
    model = linear()
    model.graph.output.append(model.graph.output[0])
    conversion = CONVERTER.convert(spec_of(tmp_path, model))
    assert [each.name for each in OnnxSession(conversion.onnx).outputs] == ["scores"]
    assert list(conversion.reference({"x": rows()})) == ["scores"]


@pytest.mark.parametrize("output", ["x", "same"])
def test_an_output_that_is_an_input_can_have_another_name(tmp_path: Path, output: str) -> None:
    model = linear()
    model.graph.output.append(model.graph.input[0])
    conversion = CONVERTER.convert(spec_of(tmp_path, model, outputs=("scores", output)))
    for answers in (OnnxSession(conversion.onnx).run, conversion.reference):
        found = answers({"x": rows()})
        assert list(found) == ["scores", output]
        assert np.array_equal(found[output], rows())


@pytest.mark.parametrize("stated", [[1, CLASSES], ["n", 7], ["n"], [2, 3, 4]])
def test_a_wrong_shape_that_the_file_states_for_an_output_is_corrected(
    tmp_path: Path, stated: list[Any]
) -> None:
    model = linear()
    wrong = helper.make_tensor_value_info("scores", TensorProto.FLOAT, stated)
    model.graph.output[0].CopyFrom(wrong)
    session = OnnxSession(CONVERTER.convert(spec_of(tmp_path, model)).onnx)
    assert session.outputs[0].shape == (-1, CLASSES)


def test_the_original_is_the_file_without_onnxruntimes_rewriting(tmp_path: Path) -> None:
    conversion = CONVERTER.convert(spec_of(tmp_path, linear()))
    (tmp_path / "model.onnx").unlink()
    [expected] = evaluated(linear(), x=rows())
    assert np.allclose(conversion.reference({"x": rows()})["scores"], expected, atol=1e-5)


def published(folder: Path, model: onnx.ModelProto, **original: Any) -> SessionPredictor:
    store = LocalStore(folder / "store")
    package(spec_of(folder, model, **original), store, folder / "models.lock.json")
    return open_onnx(store.open("m", 1, None).artifact, 1)


def test_a_model_without_inputs_is_published(tmp_path: Path) -> None:
    value = numpy_helper.from_array(np.arange(3, dtype=np.float32))
    node = helper.make_node("Constant", [], ["y"], value=value)
    predictor = published(tmp_path, graph_of([node], {}, {"y": (TensorProto.FLOAT, [3])}))
    assert predictor.predict({})["y"].tolist() == [0, 1, 2]


def test_a_detector_that_may_find_nothing_is_published(tmp_path: Path) -> None:
    predictor = published(tmp_path, detector())
    given = {"boxes": np.ones((3, 4), np.float32), "scores": np.zeros(3, np.float32)}
    assert predictor.predict(given)["kept"].shape == (0, 4)


def test_a_classifier_of_texts_with_maps_of_scores_is_published(tmp_path: Path) -> None:
    predictor = published(tmp_path, zipmap(["c", "a", "b"]))
    answer = predictor.predict({"x": np.array([[1, 2]], np.float32)})
    assert answer["probability"].shape == (1, 3)
    assert answer["label"][0] in (b"a", b"b", b"c")


def test_a_renamed_model_is_published_with_its_examples(tmp_path: Path) -> None:
    named: dict[str, Any] = {"input-0": rows()}
    np.savez(tmp_path / "rows.npz", **named)
    inputs = {"input-0": InputShape(("batch", FEATURES))}
    predictor = published(
        tmp_path, linear(), inputs=inputs, outputs=("y",), examples=tmp_path / "rows.npz"
    )
    answer = predictor.predict({"input-0": rows()})
    assert np.allclose(answer["y"], rows() @ weights(), atol=1e-5)

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from onnx.external_data_helper import set_external_data

from functions.inference.session import OnnxSession
from model_packaging.conversion import check_conversion
from model_packaging.converters.onnx import CONVERTER
from model_packaging.errors import ConversionError, SourceUnreadable
from model_packaging.manifest import ModelSpec
from model_packaging.samples import make_up
from tests.model_packaging.models import linear, linear_bytes, rows, weights
from tests.worlds import BRAIN, brain_doubled, onnx_model


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
    with pytest.raises(ConversionError, match=r"'parts' is seq.* only plain tensors are served"):
        CONVERTER.convert(ModelSpec("parts", write(tmp_path, model.SerializeToString())))


def test_an_input_without_a_shape_is_refused_and_an_outputs_is_inferred(tmp_path: Path) -> None:
    model = linear()
    model.graph.output[0].type.tensor_type.ClearField("shape")
    path = write(tmp_path, model.SerializeToString())
    conversion = CONVERTER.convert(ModelSpec("linear", path))
    assert OnnxSession(conversion.onnx).outputs[0].shape == (-1, 4)
    model.graph.input[0].type.tensor_type.ClearField("shape")
    with pytest.raises(SourceUnreadable, match="Field 'shape' of 'type' is required"):
        CONVERTER.convert(ModelSpec("linear", write(tmp_path, model.SerializeToString())))


def test_an_old_operator_set_is_brought_to_a_newer_one_and_compared(tmp_path: Path) -> None:
    model = linear()
    model.opset_import[0].version = 9
    conversion = CONVERTER.convert(ModelSpec("old", write(tmp_path, model.SerializeToString())))
    assert onnx.load_model_from_string(conversion.onnx).opset_import[0].version == 17
    converted = OnnxSession(conversion.onnx).run
    assert check_conversion("old", [{"x": rows()}], conversion.reference, converted) == 40


def test_an_old_model_that_cannot_be_brought_to_a_newer_set_stays_as_it_is(tmp_path: Path) -> None:
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
    check_conversion("old", [{"x": image}], conversion.reference, converted)

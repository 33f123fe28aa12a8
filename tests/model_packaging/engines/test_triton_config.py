"""What Triton's own message definition makes of a configuration."""

import importlib.util
from pathlib import Path
from typing import Any

import pytest
import tritonclient
from google.protobuf import text_format

from lading.functions.inference.artifact.specification import TensorSpec
from lading.model_packaging.engines.triton_config import Sample, TritonSettings, render_config

X, Y = TensorSpec("x", "FP32", (-1, 3, 224, 224)), TensorSpec("y", "INT64", (-1, 10))


def definitions() -> Any:
    """`model_config.proto`, compiled; its package would import grpc, which it does not need."""
    path = Path(tritonclient.__path__[0]) / "grpc/model_config_pb2.py"
    spec = importlib.util.spec_from_file_location("model_config_pb2", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


DEFINITIONS = definitions()


def parsed(
    inputs: tuple[TensorSpec, ...] = (X,),
    outputs: tuple[TensorSpec, ...] = (Y,),
    sample: Sample | None = None,
    **settings: Any,
) -> Any:
    content = render_config(inputs, outputs, TritonSettings(**settings), sample)
    return text_format.Parse(content, DEFINITIONS.ModelConfig())


def test_rows_are_put_together_when_every_tensor_counts_them() -> None:
    config = parsed(max_batch_size=16, max_queue_delay_us=500)
    assert (config.name, config.backend, config.max_batch_size) == ("model", "onnxruntime", 16)
    assert list(config.input[0].dims) == [3, 224, 224]
    assert list(config.output[0].dims) == [10]
    assert config.HasField("dynamic_batching")
    assert config.dynamic_batching.max_queue_delay_microseconds == 500


@pytest.mark.parametrize("shape", [(-1,), (4, 2), (2,)])
def test_shapes_stay_whole_when_one_tensor_counts_none(shape: tuple[int, ...]) -> None:
    config = parsed(outputs=(Y, TensorSpec("label", "BYTES", shape)))
    assert config.max_batch_size == 0
    assert not config.HasField("dynamic_batching")
    assert list(config.input[0].dims) == [-1, 3, 224, 224]
    assert list(config.output[1].dims) == list(shape)


def test_a_scalar_is_one_element_to_triton() -> None:
    config = parsed(outputs=(TensorSpec("loss", "FP32", ()),))
    assert list(config.output[0].dims) == [1]
    assert config.output[0].HasField("reshape")
    assert not config.output[0].reshape.shape


@pytest.mark.parametrize(
    "datatype",
    [
        *("BOOL", "UINT8", "UINT16", "UINT32", "UINT64"),
        *("INT8", "INT16", "INT32", "INT64", "FP16", "FP32", "FP64", "BYTES"),
    ],
)
def test_every_datatype_has_tritons_name(datatype: str) -> None:
    found = parsed(inputs=(TensorSpec("x", datatype, (-1, 2)),)).input[0].data_type
    name = DEFINITIONS.DataType.Name(found)
    assert name == f"TYPE_{'STRING' if datatype == 'BYTES' else datatype}"


def test_names_of_any_kind_come_through() -> None:
    names = ('quo"te', "back\\slash", "new\nline", "naïve", "serving_default_x:0", "a b")
    config = parsed(inputs=tuple(TensorSpec(name, "FP32", (-1, 2)) for name in names))
    assert [each.name for each in config.input] == list(names)


def test_a_model_runs_on_gpus_where_there_are_any() -> None:
    config = parsed(instances=2)
    group = config.instance_group[0]
    assert (group.kind, group.count) == (DEFINITIONS.ModelInstanceGroup.KIND_AUTO, 2)
    accelerators = config.optimization.execution_accelerators.gpu_execution_accelerator
    assert [each.name for each in accelerators] == ["cuda"]


def test_tensorrt_has_its_precision_and_keeps_what_it_builds() -> None:
    config = parsed(device="gpu", accelerator="tensorrt", precision="fp16")
    assert config.instance_group[0].kind == DEFINITIONS.ModelInstanceGroup.KIND_GPU
    (found,) = config.optimization.execution_accelerators.gpu_execution_accelerator
    assert found.name == "tensorrt"
    assert found.parameters["precision_mode"] == "FP16"
    assert found.parameters["trt_engine_cache_enable"] == "true"


def test_a_model_for_processors_has_no_accelerator() -> None:
    config = parsed(device="cpu")
    assert config.instance_group[0].kind == DEFINITIONS.ModelInstanceGroup.KIND_CPU
    assert not config.HasField("optimization")


def test_warm_up_runs_one_row_and_a_full_batch() -> None:
    sample = Sample({"x": (1, 3, 224, 224)}, {"x": "golden-0"})
    one, full = parsed(sample=sample, max_batch_size=8).model_warmup
    assert (one.batch_size, full.batch_size) == (1, 8)
    for each in (one, full):
        assert list(each.inputs["x"].dims) == [3, 224, 224]
        assert each.inputs["x"].input_data_file == "golden-0"
        assert each.inputs["x"].data_type == DEFINITIONS.TYPE_FP32


def test_warm_up_of_a_model_that_is_not_batched_has_the_whole_shape() -> None:
    sample = Sample({"x": (4, 2)}, {"x": "golden-0"})
    (one,) = parsed(inputs=(TensorSpec("x", "FP32", (4, 2)),), sample=sample).model_warmup
    assert one.batch_size == 1
    assert list(one.inputs["x"].dims) == [4, 2]

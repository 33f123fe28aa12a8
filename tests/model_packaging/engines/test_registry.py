"""Each engine's files, environment and options."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lading.functions.inference.artifact.specification import TensorSpec
from lading.functions.inference.models.session import OnnxSession
from lading.functions.inference.tensors.bfloat16 import rounded
from lading.functions.inference.tensors.conversion import Array
from lading.model_packaging.engines.registry import ENGINES, engine_of
from lading.model_packaging.engines.serving import OnnxModel, Serving
from lading.model_packaging.engines.triton import model_file
from lading.model_packaging.errors import ManifestError, SourceError, SourceUntrusted
from lading.model_packaging.manifest.engine_options import check_options
from lading.model_packaging.manifest.entries import EngineName
from lading.model_packaging.manifest.models import ModelSpec
from tests.model_packaging.language_models import language_model, spec_of
from tests.model_packaging.models import linear_bytes, rows

NAMES: tuple[EngineName, ...] = ("container", "djl-lmi", "triton", "vllm")


def write(spec: ModelSpec, model: OnnxModel | None = None) -> Serving:
    engine = engine_of(spec)
    return engine.write(spec, check_options(spec, engine.rules), model)


def linear_model(*, request: bool = True) -> OnnxModel:
    session = OnnxSession(linear_bytes())
    known = {"x": rows(1)} if request else None
    return OnnxModel(linear_bytes(), session.inputs, session.outputs, known)


def test_every_engine_of_the_manifest_has_a_module() -> None:
    assert tuple(sorted(each.name for each in ENGINES)) == NAMES


@pytest.mark.parametrize(
    ("config", "engine"),
    [
        (b'{"architectures": ["LlamaForCausalLM"]}', "vllm"),
        (b'{"architectures": ["BertModel"]}', "triton"),
        (b'{"architectures": [1]}', "triton"),
        (b"{}", "triton"),
        (b"[", "triton"),
    ],
)
def test_a_model_without_an_engine_gets_the_one_for_its_source(
    tmp_path: Path, config: bytes, engine: str
) -> None:
    (tmp_path / "config.json").write_bytes(config)
    assert engine_of(ModelSpec("m", tmp_path, target="sagemaker")).name == engine
    assert engine_of(ModelSpec("m", tmp_path / "a.onnx", target="sagemaker")).name == "triton"


def test_triton_gets_a_repository_that_warms_up_with_a_golden_request() -> None:
    model = linear_model()
    serving = write(spec_of(Path("a.onnx"), "triton", max_batch_size=8), model)
    path = model_file(serving.contents)
    assert path is not None
    assert {*serving.contents} == {path, "model/config.pbtxt", "model/warmup/golden-0"}
    assert serving.contents[path] == model.content
    assert serving.contents["model/warmup/golden-0"] == rows(1).tobytes()
    config = serving.contents["model/config.pbtxt"]
    assert isinstance(config, bytes)
    assert b"max_batch_size: 8" in config
    assert b'input_data_file: "golden-0"' in config
    assert serving.environment == {"SAGEMAKER_TRITON_DEFAULT_MODEL_NAME": "model"}


def test_triton_gets_an_archive_if_asked(tmp_path: Path) -> None:
    source, model = tmp_path / "a.onnx", linear_model()
    plain, packed = (
        write(spec_of(source, "triton", archive=archive), model) for archive in (False, True)
    )
    assert (plain.archive, packed.archive) == (False, True)
    assert packed.contents == plain.contents


def test_versions_that_differ_in_a_file_have_another_number_in_tritons_repository() -> None:
    model, other = linear_model(), replace(linear_model(), content=b"another model")
    specs = [spec_of(Path("a.onnx"), "triton", max_batch_size=size) for size in (8, 9)]
    written = [write(specs[0], model), write(specs[1], model), write(specs[0], other)]
    paths = [model_file(serving.contents) for serving in written]
    assert len({*paths}) == len(paths)
    assert paths[0] == model_file(write(specs[0], model).contents)


@pytest.mark.parametrize(("request_known", "options"), [(False, {}), (True, {"warm_up": False})])
def test_triton_starts_cold_without_a_request(request_known: bool, options: Any) -> None:
    model = linear_model(request=request_known)
    serving = write(spec_of(Path("a.onnx"), "triton", **options), model)
    assert len(serving.contents) == 2


@pytest.mark.parametrize(
    ("datatype", "array", "content"),
    [
        ("BYTES", np.array([b"a", "é".encode()], object), b"\1\0\0\0a\2\0\0\0\xc3\xa9"),
        ("BF16", rounded(np.array([1.0, -2.5], np.float32)), b"\x80\x3f\x20\xc0"),
    ],
)
def test_tritons_warm_up_writes_what_is_no_plain_number_as_triton_reads_it(
    datatype: str, array: Array, content: bytes
) -> None:
    spec = (TensorSpec("x", datatype, (-1,)),)
    serving = write(spec_of(Path("a.onnx"), "triton"), OnnxModel(b"", spec, spec, {"x": array}))
    assert serving.contents["model/warmup/golden-0"] == content


def test_vllm_is_told_its_options_as_arguments_in_the_environment(tmp_path: Path) -> None:
    folder = language_model(tmp_path / "chat")
    options = {"max_model_len": 4096, "enforce_eager": True, "enable_prefix_caching": False}
    serving = write(spec_of(folder, "vllm", gpu_memory_utilization=0.85, **options))
    assert serving.environment == {
        "SM_VLLM_MODEL": "/opt/ml/model",
        "SM_VLLM_SERVED_MODEL_NAME": "chat",
        "SM_VLLM_ENFORCE_EAGER": "true",
        "SM_VLLM_GPU_MEMORY_UTILIZATION": "0.85",
        "SM_VLLM_MAX_MODEL_LEN": "4096",
    }
    assert serving.contents["config.json"] == folder / "config.json"


def test_djl_lmi_is_told_its_options_in_a_file_beside_the_model(tmp_path: Path) -> None:
    folder = language_model(tmp_path / "chat")
    serving = write(spec_of(folder, "djl-lmi", max_model_len=4096, enforce_eager=False))
    content = serving.contents["serving.properties"]
    assert isinstance(content, bytes)
    assert content.decode().splitlines() == [
        "engine=Python",
        "option.async_mode=true",
        "option.entryPoint=djl_python.lmi_vllm.vllm_async_service",
        "option.rolling_batch=disable",
        "option.enforce_eager=false",
        "option.max_model_len=4096",
        "option.tensor_parallel_degree=max",
    ]
    assert serving.environment == {}


def test_djl_lmi_does_not_overrule_a_file_of_the_models_own(tmp_path: Path) -> None:
    folder = language_model(tmp_path / "chat", **{"serving.properties": b"option.x=1"})
    with pytest.raises(SourceError, match=r"use models\.chat\.engine\.options"):
        write(spec_of(folder, "djl-lmi"))


def test_a_container_gets_the_trained_files_and_its_environment(tmp_path: Path) -> None:
    source = tmp_path / "trees.json"
    source.write_bytes(b"{}")
    serving = write(spec_of(source, "container", archive=True, LOG_LEVEL="debug"))
    assert serving == Serving({"trees.json": source}, {"LOG_LEVEL": "debug"}, archive=True)


def test_a_container_gets_pickles_only_when_the_manifest_trusts_them(tmp_path: Path) -> None:
    source = tmp_path / "model.pkl"
    source.write_bytes(b"")
    spec = spec_of(source, "container")
    with pytest.raises(SourceUntrusted, match=r"models\.chat\.trust: true"):
        write(spec)
    trusted = ModelSpec("chat", source, trust=True, target="sagemaker", engine=spec.engine)
    assert write(trusted).contents == {"model.pkl": source}


@pytest.mark.parametrize(
    ("engine", "option", "reason"),
    [
        ("triton", {"max_batch_size": 0}, "must be a whole number from 1 to 65536, not 0"),
        ("triton", {"max_batch_size": True}, "must be a whole number"),
        ("triton", {"max_batch_size": 1.5}, "must be a whole number"),
        ("triton", {"device": "gpus"}, "must be 'auto' or 'gpu' or 'cpu', not 'gpus'"),
        ("triton", {"max_batch": 1}, "did you mean 'max_batch_size'?"),
        ("triton", {"LOG_LEVEL": "debug"}, "unknown option"),
        ("vllm", {"gpu_memory_utilization": 1.2}, "must be a number above 0, up to 1"),
        ("vllm", {"gpu_memory_utilization": True}, "must be a number above 0, up to 1"),
        ("vllm", {"enforce_eager": "yes"}, "must be true or false, not 'yes'"),
        ("vllm", {"trust_remote_code": True}, "must be left out: models must not run code"),
        ("vllm", {"max_model_length": 1}, "did you mean 'max_model_len'?"),
        ("vllm", {"quantization": "a b"}, "must be a word"),
        ("djl-lmi", {"tensor_parallel_degree": "most"}, "to 64 or 'max', not 'most'"),
        ("djl-lmi", {"trust_remote_code": True}, "must be left out"),
        ("container", {"LOG_LEVEL": "a\nb"}, "must be one line of text"),
        ("container", {"LOG_LEVEL": 3}, "must be one line of text"),
        ("container", {"archive": "yes"}, "must be true or false"),
    ],
)
def test_an_impossible_option_is_named_with_what_it_may_be(
    engine: EngineName, option: dict[str, Any], reason: str
) -> None:
    spec = spec_of(Path("source"), engine, **option)
    with pytest.raises(ManifestError) as caught:
        check_options(spec, engine_of(spec).rules)
    assert reason in str(caught.value)
    assert f"models.chat.engine.options.{next(iter(option))}" in str(caught.value)


def test_tritons_warm_up_writes_numbers_as_they_lie_in_memory() -> None:
    request = {"x": np.array([[1, -2]])}
    spec = (TensorSpec("x", "INT64", (-1, 2)),)
    serving = write(spec_of(Path("a.onnx"), "triton"), OnnxModel(b"", spec, spec, request))
    content = serving.contents["model/warmup/golden-0"]
    assert content == np.array([1, -2], "<i8").tobytes()

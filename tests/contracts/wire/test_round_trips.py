"""Every datatype and shape that a dialect carries comes back as it went, whatever the values."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import grpc
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from lading.functions.inference.app.application import create_app
from lading.functions.inference.lanes.lanes import Lanes
from lading.functions.inference.lanes.limits import LaneLimits
from lading.functions.inference.loading.catalog import Catalog, CatalogModel, load_catalog
from lading.functions.inference.observability.log import Observability
from lading.functions.inference.rpc import tensorflow_tensors
from lading.functions.inference.rpc.messages import message
from lading.functions.inference.rpc.open_inference_tensors import CONTENTS
from lading.functions.inference.rpc.server import RpcLimits, RpcServing, serving
from lading.functions.inference.tensors import binary as binary_tensors
from lading.functions.inference.tensors.bfloat16 import from_bits
from lading.functions.inference.tensors.conversion import BF16, BYTES, DTYPES, RAW_ONLY, Array
from lading.functions.inference.wire.asgi import App
from tests.support.driver import Answer, ask
from tests.support.predictors import Echo
from tests.support.worlds import ELEMENTS, echo, settings_for

OCTETS = "octets"
"""BYTES that need not be text, for a model with a step that reads them; onnxruntime takes text."""
MOST_RANK = 6
LENGTH = binary_tensors.HEADER_LENGTH
quick = settings(max_examples=25)


@dataclass(frozen=True)
class World:
    """The models over HTTP and over gRPC: for each datatype and rank one that answers its input."""

    app: App
    channel: grpc.Channel

    def post(self, path: str, body: Any, **headers: str) -> Answer:
        answer = ask(self.app, f"POST {path}", body, headers)
        assert answer.status == 200, answer.body
        return answer

    def call(self, method: str, request: Any, answer: str) -> Any:
        sent = request.SerializeToString()
        return message(answer).FromString(self.channel.unary_unary(method)(sent, timeout=60))


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    root = tmp_path_factory.mktemp("models")
    ranks = [[f"d{axis}" for axis in range(rank)] for rank in range(MOST_RANK + 1)]
    models = {
        f"{datatype}-{len(rank)}": {1: echo(element, rank)}
        for datatype, element in ELEMENTS.items()
        for rank in ranks
    }
    stored = settings_for(root, models)
    loaded = load_catalog(stored)
    known = {name: loaded.model(name) for name in loaded.names()}
    for rank in ranks:
        reading = Echo(f"{OCTETS}-{len(rank)}", BYTES, len(rank))
        known[reading.metadata.name] = CatalogModel(reading.metadata.name, {1: reading})
    catalog = Catalog(known)
    with (
        (root / "log").open("w") as log,
        Lanes(LaneLimits(threads=2)) as lanes,
        serving(
            RpcServing(catalog, Observability(stored, output=log), RpcLimits(1 << 24, 0)),
            "127.0.0.1:0",
            lanes,
        ) as port,
        grpc.insecure_channel(f"127.0.0.1:{port}") as channel,
    ):
        yield World(create_app(catalog), channel)


def texts(kind: str) -> st.SearchStrategy[bytes]:
    text = st.text(st.characters(codec="utf-8"), max_size=9).map(str.encode)
    return text if kind == BYTES else st.binary(max_size=9)


def tensors(kind: str) -> st.SearchStrategy[Array]:
    shapes = arrays.array_shapes(min_dims=0, max_dims=MOST_RANK, min_side=0, max_side=3)
    if kind == BF16:
        return arrays.arrays(np.uint16, shapes).map(from_bits)
    if kind in DTYPES and kind != BYTES:
        return arrays.arrays(DTYPES[kind], shapes)
    return arrays.arrays(np.object_, shapes, elements=texts(kind))


def same(left: Array, right: Array) -> bool:
    return left.shape == right.shape and np.array_equal(
        left, right, equal_nan=left.dtype.kind == "f"
    )


def model_of(array: Array, kind: str) -> str:
    return f"{kind}-{array.ndim}"


def datatype_of(kind: str) -> str:
    return BYTES if kind == OCTETS else kind


def head_of(array: Array, kind: str) -> dict[str, Any]:
    return {"name": "x", "datatype": datatype_of(kind), "shape": list(array.shape)}


def open_inference_json(world: World, array: Array, kind: str) -> Array:
    data = [item.decode() if kind == BYTES else item for item in array.ravel().tolist()]
    tensor = {**head_of(array, kind), "data": data}
    answer = world.post(f"/v2/models/{model_of(array, kind)}/infer", {"inputs": [tensor]})
    (output,) = answer.document["outputs"]
    return of_values(
        [item.encode() if kind == BYTES else item for item in output["data"]], kind, output["shape"]
    )


def open_inference_binary(world: World, array: Array, kind: str) -> Array:
    content = bytes(binary_tensors.encode(array))
    tensor = {**head_of(array, kind), "parameters": {"binary_data_size": len(content)}}
    parameters = {"binary_data_output": True}
    header = json.dumps({"inputs": [tensor], "parameters": parameters}).encode()
    path = f"/v2/models/{model_of(array, kind)}/infer"
    answer = world.post(path, header + content, **{LENGTH: str(len(header))})
    length = int(answer.headers[LENGTH])
    (output,) = json.loads(answer.body[:length])["outputs"]
    return binary_tensors.decode(
        memoryview(answer.body)[length:], "y", output["datatype"], output["shape"]
    )


def tensorflow_rest(world: World, array: Array, kind: str) -> Array:
    path = f"/v1/models/{model_of(array, kind)}:predict"
    return of_nested(world.post(path, {"inputs": nested(array)}).document["outputs"], kind)


def plain(world: World, array: Array, kind: str) -> Array:
    answer = world.post(f"/predict/{model_of(array, kind)}", {"inputs": {"x": nested(array)}})
    return of_nested(answer.document["outputs"]["y"], kind)


def grpc_typed(world: World, array: Array, kind: str) -> Array:
    field = CONTENTS[datatype_of(kind)]
    (output,) = triton_grpc(
        world, array, kind, {"contents": {field: array.ravel().tolist()}}
    ).outputs
    return of_values(list(getattr(output.contents, field)), kind, output.shape)


def grpc_raw(world: World, array: Array, kind: str) -> Array:
    content = bytes(binary_tensors.encode(array))
    answer = triton_grpc(world, array, kind, {}, raw_input_contents=[content])
    (raw,), (output,) = answer.raw_output_contents, answer.outputs
    return binary_tensors.decode(memoryview(raw), "y", output.datatype, list(output.shape))


def triton_grpc(
    world: World, array: Array, kind: str, contents: dict[str, Any], **rest: Any
) -> Any:
    tensor = {**head_of(array, kind), **contents}
    request = message("inference.ModelInferRequest")(
        model_name=model_of(array, kind), inputs=[tensor], **rest
    )
    method = "/inference.GRPCInferenceService/ModelInfer"
    return world.call(method, request, "inference.ModelInferResponse")


def tensorflow_grpc(world: World, array: Array, kind: str) -> Array:
    request = message("tensorflow.serving.PredictRequest")(
        model_spec={"name": model_of(array, kind)}
    )
    request.inputs["x"].CopyFrom(tensorflow_tensors.encode(array))
    method = "/tensorflow.serving.PredictionService/Predict"
    answer = world.call(method, request, "tensorflow.serving.PredictResponse")
    return tensorflow_tensors.decode(answer.outputs["y"], "y")


def of_values(values: list[Any], kind: str, shape: Any) -> Array:
    array = np.empty(len(values), DTYPES[datatype_of(kind)])
    array[:] = values
    return array.reshape(list(shape))


def nested(array: Array) -> Any:
    """An array as JSON has it: nested lists, or one value."""
    if array.dtype != np.object_:
        return array.tolist()
    decoded = np.empty(array.shape, np.object_)
    decoded.flat[:] = [item.decode() for item in array.flat]
    return decoded.tolist()


def of_nested(values: Any, kind: str) -> Array:
    if kind != BYTES:
        return np.array(values, DTYPES[kind])
    found = np.array(values, np.object_)
    flat = np.empty(found.shape, np.object_)
    flat.flat[:] = [item.encode() for item in found.ravel().tolist()]
    return flat


Wire = Callable[[World, Array, str], Array]
NO_HALVES = [kind for kind in ELEMENTS if kind not in RAW_ONLY]
EVERYTHING = [*ELEMENTS, OCTETS]
WIRES: dict[Wire, list[str]] = {
    open_inference_json: NO_HALVES,
    open_inference_binary: EVERYTHING,
    tensorflow_rest: NO_HALVES,
    plain: [*ELEMENTS],
    grpc_typed: [*NO_HALVES, OCTETS],
    grpc_raw: EVERYTHING,
    tensorflow_grpc: EVERYTHING,
}
"""What carries tensors -> the datatypes that it carries; many have half floats as bits only."""

NESTED = (tensorflow_rest, plain)
"""A shape is how the lists are nested: what is empty may have lost it."""


@pytest.mark.parametrize(
    ("wire", "kind"), [(wire, kind) for wire, kinds in WIRES.items() for kind in kinds]
)
@quick
@given(data=st.data())
def test_a_tensor_comes_back_as_it_went(
    world: World, wire: Wire, kind: str, data: st.DataObject
) -> None:
    array = data.draw(tensors(kind))
    if wire in NESTED and np.shape(array.tolist()) != array.shape:
        array = array.reshape(-1)
    if wire is plain and array.dtype.kind == "f":  # JSON has no number for the rest
        array = np.where(np.isfinite(array), array, 0).astype(array.dtype)
    assert same(wire(world, array, kind), array)

"""Bodies that are no JSON object: what each type holds, and what it must not."""

import io
import pickle
from contextlib import suppress
from time import thread_time
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from lading.functions.contract.errors import InferenceError, MalformedRequest, UnsupportedMediaType
from lading.functions.inference.artifact.specification import TensorSpec
from lading.functions.inference.models.predictor import ModelMetadata
from lading.functions.inference.tensors.conversion import Array, datatype_of
from lading.functions.inference.wire.media_requests import decode, read_npy

CSV, NPY, LINES = "text/csv", "application/x-npy", "application/jsonlines"


def model(*inputs: TensorSpec) -> ModelMetadata:
    return ModelMetadata("m", 1, "onnxruntime_onnx", inputs, ())


FLOATS = model(TensorSpec("x", "FP32", (-1, 2)))
BRAINS = model(TensorSpec("x", "BF16", (-1, 2)))
INTEGERS = model(TensorSpec("x", "INT64", (-1,)))
INTEGER_PAIRS = model(TensorSpec("x", "INT64", (-1, 2)))
TEXTS = model(TensorSpec("x", "BYTES", (-1,)))
FLAGS = model(TensorSpec("x", "BOOL", (-1, 2)))
SEVERAL = model(TensorSpec("a", "FP32", (-1, 1)), TensorSpec("t", "BYTES", (-1,)))


FORM = "{'descr': '<f4', 'fortran_order': False, 'shape': %s}"


def headed(header: str) -> bytes:
    """A .npy file of eight bytes of data with this header."""
    return b"\x93NUMPY\1\0" + len(header).to_bytes(2, "little") + header.encode() + bytes(8)


def npy(array: Any, **options: Any) -> bytes:
    stream = io.BytesIO()
    np.lib.format.write_array(stream, np.asarray(array), **options)
    return stream.getvalue()


@pytest.mark.parametrize(
    ("content_type", "body", "metadata", "values"),
    [
        (CSV, b"1,2\n3.5,-4e2\n", FLOATS, [[1, 2], [3.5, -400]]),
        (CSV, b"1,2", FLOATS, [[1, 2]]),
        ("application/csv", b"1,2", FLOATS, [[1, 2]]),
        ("application/csv; header=present", b"p,q\n1,2\n", FLOATS, [[1, 2]]),
        (CSV, b'"1","2"\r\n3,4\r\n', FLOATS, [[1, 2], [3, 4]]),
        ("Text/CSV; charset=utf-8", b"1,2\n", FLOATS, [[1, 2]]),
        (f"{CSV}; header=present", b"p,q\n1,2\n", FLOATS, [[1, 2]]),
        (CSV, b"9223372036854775807\n-1\n", INTEGERS, [2**63 - 1, -1]),
        (CSV, 'a,"b,\u00e9"\n'.encode(), model(TensorSpec("x", "BYTES", (-1, 2))), None),
        (CSV, b"true,FALSE\n0,1\n", FLAGS, [[True, False], [False, True]]),
        (NPY, npy(np.array([[1, 2]], np.float32)), FLOATS, [[1, 2]]),
        (NPY, npy(np.array([[1, 2]], ">f8")), FLOATS, [[1, 2]]),
        (NPY, npy(np.array([[1.004, 2]], np.float32)), BRAINS, [[1.0078125, 2]]),
        (CSV, b"1.004,2\n", BRAINS, [[1.0078125, 2]]),
        ("application/octet-stream", b"\x80\x3f\0\x40", BRAINS, [[1, 2]]),
        (NPY, npy(np.array([[1, 2]], np.int16)), FLOATS, [[1, 2]]),
        (NPY, npy(np.array([[1, 2], [3, 4]], np.float64, order="F")), FLOATS, [[1, 2], [3, 4]]),
        (NPY, npy(np.array([1, 2], np.uint8)), INTEGERS, [1, 2]),
        (NPY, npy(np.array(["a", "\u00e9"])), TEXTS, [b"a", "\u00e9".encode()]),
        (NPY, npy(np.array([b"a", b"\xff"])), TEXTS, [b"a", b"\xff"]),
        (NPY, npy(np.array([[True, False]])), FLAGS, [[True, False]]),
        (NPY, npy(np.empty((0, 2), np.float64)), FLOATS, []),
        (LINES, b"[1,2]\n\n[3,4]\n", FLOATS, [[1, 2], [3, 4]]),
        ("application/x-ndjson", b'{"x":[1,2]}\n{"x":[3,4]}', FLOATS, [[1, 2], [3, 4]]),
        ("text/plain", "caf\u00e9".encode(), TEXTS, ["caf\u00e9".encode()]),
        ("image/png", b"\x89PNG", TEXTS, [b"\x89PNG"]),
        ("application/octet-stream", b"\0\0\x80\x3f\0\0\0\x40", FLOATS, [[1, 2]]),
    ],
)
def test_a_body_is_read_as_its_type_says(
    content_type: str, body: bytes, metadata: ModelMetadata, values: Any
) -> None:
    array = decode(content_type, body, metadata)["x"]
    assert datatype_of(array) == metadata.inputs[0].datatype
    assert array.tolist() == (values if values is not None else [[b"a", "b,\u00e9".encode()]])


NAN = np.nan


@pytest.mark.parametrize(
    ("content_type", "body", "rows"),
    [
        (CSV, b"1,\n,2\n", [[1, NAN], [NAN, 2]]),
        (CSV, b"1,\r\n,2\r\n\r\n3,4", [[1, NAN], [NAN, 2], [3, 4]]),
        (CSV, b"1, \n\t,2\n", [[1, NAN], [NAN, 2]]),
        (CSV, b'"1",""\n"","2"\n', [[1, NAN], [NAN, 2]]),
        (CSV, b"NaN,2\n1,nan\n", [[NAN, 2], [1, NAN]]),
        (CSV, b",\n", [[NAN, NAN]]),
        (f"{CSV};header=present", b"p,q\n,2\n", [[NAN, 2]]),
        (LINES, b"[1,null]\n[NaN,2]\n", [[1, NAN], [NAN, 2]]),
        (LINES, b'{"x":[1,null]}\n{"x":[null,2]}\n', [[1, NAN], [NAN, 2]]),
    ],
)
def test_a_missing_value_is_nan_among_floats(content_type: str, body: bytes, rows: Any) -> None:
    np.testing.assert_array_equal(decode(content_type, body, FLOATS)["x"], np.array(rows))


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        (f"{CSV};header=present", b't,a\n"no,,"" ,"",x",\n,1\n'),
        (LINES, b'{"t":"no,,\\" ,\\",x","a":[null]}\n{"t":null,"a":[1]}'),
    ],
)
def test_a_missing_text_is_empty_beside_a_missing_number(content_type: str, body: bytes) -> None:
    inputs = decode(content_type, body, SEVERAL)
    assert inputs["t"].tolist() == [b'no,," ,",x', b""]
    np.testing.assert_array_equal(inputs["a"], [[NAN], [1]])


def test_a_long_row_of_blanks_costs_no_more_than_its_length() -> None:
    started = thread_time()
    with pytest.raises(MalformedRequest):
        decode(CSV, b"1," + b" \t" * 500_000 + b"x\n", FLOATS)
    assert thread_time() - started < 2


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        (f"{CSV};header=present", b"t,a\nyes,1\nno,2\n"),
        (LINES, b'{"t":"yes","a":[1]}\n{"a":[2],"t":"no"}'),
    ],
)
def test_several_inputs_go_by_name(content_type: str, body: bytes) -> None:
    inputs = decode(content_type, body, SEVERAL)
    assert inputs["a"].tolist() == [[1], [2]]
    assert inputs["t"].tolist() == [b"yes", b"no"]


@pytest.mark.parametrize(
    ("content_type", "body", "metadata", "text"),
    [
        (CSV, b"", FLOATS, "the CSV has no rows"),
        (CSV, b"1,2\n3\n", FLOATS, "the CSV does not hold FP32"),
        (CSV, b"1,a\n", FLOATS, "could not convert string 'a'"),
        (CSV, b"1,\n", INTEGER_PAIRS, "the CSV does not hold INT64"),
        (CSV, b"1,\n2,3,4\n", FLOATS, "the CSV does not hold FP32"),
        (CSV, b"1,-\n,2\n", FLOATS, "could not convert string '-'"),
        (CSV, b"1.5\n", INTEGERS, "the CSV does not hold INT64"),
        (CSV, b"9223372036854775808\n", INTEGERS, "the CSV does not hold INT64"),
        (CSV, b"1e39,2\n", FLOATS, "holds 1e+39, which FP32 cannot"),
        (CSV, b"\xff,2\n", FLOATS, "the body is not UTF-8"),
        (CSV, b"yes,no\n", FLAGS, "holds 'yes', which is neither true nor false"),
        (CSV, b'"a\n', TEXTS, "the body is not CSV"),
        (CSV, b"a\n1\n", SEVERAL, "CSV without header=present holds one input"),
        (f"{CSV};header=present", b"a,z\n1,2\n", SEVERAL, "unexpected inference input 'z'"),
        (f"{CSV};header=present", b"a\n1\n", SEVERAL, "input 't' is missing"),
        (f"{CSV};header=present", b"a,t,a\n1,x,2\n", SEVERAL, "has a column twice"),
        (f"{CSV};header=present", b"a,t\n1\n", SEVERAL, "fewer columns than its header"),
        (NPY, b"", FLOATS, "the body is not a .npy file"),
        (NPY, b"\x93NUMPY\x01\x00", FLOATS, "the body is not a .npy file"),
        (NPY, b"\x93NUMPY\x09\x00" + b"\0" * 99, FLOATS, "the body is not a .npy file"),
        (NPY, headed("{'descr': '<f4', 'shape': (1, 2"), FLOATS, "the body is not a .npy file"),
        (NPY, headed("(" * 200), FLOATS, "the body is not a .npy file"),
        (NPY, headed("{1: 2, 'descr': 3}"), FLOATS, "the body is not a .npy file"),
        (NPY, headed("{[]: 1}"), FLOATS, "the body is not a .npy file"),
        (NPY, headed("nan"), FLOATS, "the body is not a .npy file: malformed node"),
        (NPY, headed(FORM % "(True, 2)"), FLOATS, "has an unsupported shape"),
        (NPY, headed(FORM % "(1 << 2, 2)"), FLOATS, "the body is not a .npy file"),
        (NPY, npy([[1.0, 2.0]])[:-1], FLOATS, "has 15 bytes of data, its header requires 16"),
        (NPY, npy([[1.0, 2.0]]) + b"\0", FLOATS, "has 17 bytes of data"),
        (NPY, npy(np.array([{}], object), allow_pickle=True), FLOATS, "holds object"),
        (NPY, npy(np.array([1j])), FLOATS, "holds complex128"),
        (
            NPY,
            npy([[1.0, 2.0]]),
            SEVERAL,
            "a .npy file holds one input, but the model requires a, t",
        ),
        (NPY, npy([1.5]), INTEGERS, "must be whole numbers for INT64, not floats"),
        (NPY, npy(np.array(["\ud800"])), TEXTS, "holds a string that is not valid Unicode"),
        (NPY, pickle.dumps([1]), FLOATS, "the body is not a .npy file"),
        (LINES, b"", FLOATS, "the body has no lines"),
        (LINES, b"[1,2]\n{", FLOATS, "line 2 cannot be read: it is not JSON"),
        (LINES, b"\xff", FLOATS, "line 1 cannot be read: it is not UTF-8"),
        (LINES, b"[" * 100_000, FLOATS, "line 1 cannot be read: it is nested too deeply"),
        (LINES, b"[1e999,2]", FLOATS, "line 1 cannot be read: it holds 1e999"),
        (LINES, b"[1,2]\n[3]", FLOATS, "ragged"),
        (LINES, b'{"x":[1,2]}\n[3,4]', FLOATS, "some lines are objects and some are not"),
        (LINES, b'{"z":[1,2]}', FLOATS, "unexpected inference input 'z'"),
        ("text/plain", b"hello", FLOATS, "send numbers for input 'x' as JSON or text/csv"),
        ("image/png", b"\x89PNG", FLOATS, "unsupported content type"),
        ("application/octet-stream", b"123", FLOATS, "needs"),
        ("application/xml", b"<x/>", FLOATS, "unsupported content type 'application/xml'"),
    ],
)
def test_what_is_not_what_its_type_says_is_refused(
    content_type: str, body: bytes, metadata: ModelMetadata, text: str
) -> None:
    with pytest.raises(InferenceError) as caught:
        decode(content_type, body, metadata)
    assert text in str(caught.value)
    assert len(str(caught.value)) < 400
    assert " 0x" not in str(caught.value)  # no address of memory


@pytest.mark.parametrize("shape", ["(1000000000000,)", "(2, 99999999999)", "(-1, -2)", "(1,) * 9"])
def test_a_header_that_announces_more_than_there_is_costs_nothing(shape: str) -> None:
    header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}".encode().ljust(117)
    body = b"\x93NUMPY\x01\x00" + (len(header) + 1).to_bytes(2, "little") + header + b"\n" + b"abcd"
    with pytest.raises(MalformedRequest):
        read_npy(body)


@given(
    arrays.arrays(
        st.one_of(
            arrays.integer_dtypes(endianness="?"),
            arrays.unsigned_integer_dtypes(endianness="?"),
            arrays.floating_dtypes(endianness="?", sizes=(16, 32, 64)),
        ),
        arrays.array_shapes(min_dims=0, min_side=0),
    ),
    st.booleans(),
)
def test_every_array_that_numpy_saves_is_read(array: Array, column_major: bool) -> None:
    saved = npy(np.asfortranarray(array) if column_major and array.ndim else array)
    read = read_npy(saved)
    assert (read.shape, read.dtype) == (array.shape, array.dtype.newbyteorder("="))
    assert np.array_equal(read, array, equal_nan=array.dtype.kind == "f")


@given(st.binary(max_size=300))
def test_no_body_at_all_is_a_fault_of_ours(body: bytes) -> None:
    for content_type in (CSV, NPY, LINES, "text/plain", "application/octet-stream"):
        for metadata in (FLOATS, INTEGERS, TEXTS, FLAGS, SEVERAL):
            for prefix in (b"", b"\x93NUMPY\x01\x00v\x00{'descr': "):
                with suppress(InferenceError):
                    decode(content_type, prefix + body, metadata)


@pytest.mark.parametrize("content_type", ["image/png", "text/plain", "application/x-image"])
def test_a_file_is_the_value_of_a_model_of_bytes_alone(content_type: str) -> None:
    assert decode(content_type, b"\x89PNG", TEXTS)["x"].tolist() == [b"\x89PNG"]
    with pytest.raises(
        UnsupportedMediaType, match=f"unsupported content type '{content_type}'; send numbers"
    ):
        decode(content_type, b"\x89PNG", FLOATS)

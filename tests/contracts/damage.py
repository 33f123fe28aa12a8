"""Every dialect over HTTP, beside what may be wrong with a request of it.

A kind of damage that a dialect has no place for is left out: CSV has no base64, for example.
"""

import gzip
import json
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from lading.functions.inference.tensors.binary import HEADER_LENGTH
from tests.contracts.sent import (
    Sent,
    binary,
    form,
    in_binary,
    npy,
    npy_of,
    part,
    tensor,
    tensors,
    text,
    typed,
)

LENGTHS = "wrong lengths"
TWO, NONE = "two sources of data", "no source of data"
DATATYPE = "an unknown datatype"
OVERFLOW = "sizes that overflow"
NESTING = "deep nesting"
TWICE = "a key twice"
UTF8 = "invalid UTF-8"
FRAMING = "broken framing"
BASE64 = "base64 that is none"
REPEATS = "a little, repeated"
BOMB = "a bomb"

LONGEST = 1 << 20
"""Bytes of a body that the tests' servers take."""

DEEP = "[" * 100_000
"""Deeper than any parser goes; nothing closes it, for nothing gets there."""

HUGE = 1 << 62


@dataclass(frozen=True)
class Dialect:
    """Where a dialect answers, what it looks like when all is well, and when it is not."""

    path: str
    good: Sent
    damage: Mapping[str, Sent]
    error: str = "error"
    """The keys of its error documents: `error`, TorchServe's `triple`, or OpenAI's `object`."""
    server: str = "models"
    """`models`, `language` for one with a language model, or `management`."""


def rows(key: str) -> dict[str, Sent]:
    """What may be wrong with rows of numbers in JSON under a key, or bare."""
    form = f'{{"{key}":%s}}' if key else "%s"
    found = {
        LENGTHS: text(form % "[[1,2],[3]]"),
        DATATYPE: text(form % '[["a","b"]]'),
        OVERFLOW: text(form % "[[1,1e999]]"),
        NESTING: text(form.rstrip("}") % DEEP),
        UTF8: Sent(form.encode() % b'"\xff"'),
        FRAMING: text(form % "[[1,2"),
    }
    return found | ({TWICE: text(f'{{"{key}":[[1,2]],"{key}":7}}')} if key else {})


BOMBED = Sent(gzip.compress(bytes(64 * LONGEST), mtime=0), {"content-encoding": "gzip"}, "", 413)
CSV, NAMED_CSV = "text/csv", "text/csv; header=present"
LINES = "application/jsonlines"
OCTETS = "application/octet-stream"
SAGEMAKER_BINARY = "application/vnd.sagemaker-triton.binary+json;json-header-size="
CHAT = '{"model":"m","messages":[{"role":"user","content":"hi"}]'

DIALECTS: dict[str, Dialect] = {
    "TensorFlow Serving, rows": Dialect(
        "/v1/models/floats:predict",
        text('{"instances":[[1,2]]}'),
        rows("instances")
        | {
            TWO: text('{"instances":[[1,2]],"inputs":[[1,2]]}'),
            NONE: text('{"rows":[[1,2]]}'),
            BASE64: text('{"instances":[{"b64":"!!"}]}', path="/v1/models/text:predict"),
        },
    ),
    "TensorFlow Serving, columns": Dialect(
        "/v1/models/floats:predict",
        text('{"inputs":{"x":[[1,2]]}}'),
        rows("inputs")
        | {
            NONE: text('{"inputs":{}}'),
            BASE64: text('{"inputs":[{"b64":7}]}', path="/v1/models/text:predict"),
        },
    ),
    "TensorFlow Serving, examples": Dialect(
        "/v1/models/floats:classify",
        text('{"examples":[{"x":[1,2]}]}'),
        {
            LENGTHS: text('{"examples":[{"x":[1,2]},{"x":[1]}]}'),
            NONE: text('{"examples":[{}]}'),
            DATATYPE: text('{"examples":[{"x":["a","b"]}]}'),
            OVERFLOW: text(f'{{"examples":[{{"x":[1,{10**400}]}}]}}'),
            NESTING: text(f'{{"examples":[{{"x":{DEEP}'),
            TWICE: text('{"examples":[{"x":[1,2],"x":[1]}]}'),
            UTF8: Sent(b'{"examples":[{"x":"\xff"}]}'),
            FRAMING: text('{"examples":[{"x":[1,2]}'),
            BASE64: text('{"examples":[{"x":{"b64":"!!"}}]}'),
            REPEATS: text(json.dumps({"context": {"x": [1] * 9999}, "examples": [{}] * 9999})),
        },
    ),
    "Open Inference, JSON": Dialect(
        "/v2/models/floats/infer",
        tensors(tensor()),
        {
            LENGTHS: tensors(tensor(shape=[1, 3])),
            TWO: tensors(tensor(parameters={"binary_data_size": 8})),
            NONE: tensors(tensor(data=None)),
            DATATYPE: tensors(tensor(datatype="FP31")),
            OVERFLOW: tensors(tensor(shape=[HUGE, HUGE])),
            NESTING: text(f'{{"inputs":{DEEP}'),
            TWICE: tensors(tensor(), tensor()),
            UTF8: Sent(b'{"inputs":[{"name":"\xff"}]}'),
            FRAMING: text('{"inputs":[{"name":"x"'),
        },
    ),
    "Open Inference, binary": Dialect(
        "/v2/models/floats/infer",
        binary(in_binary()),
        {
            LENGTHS: binary(in_binary(), content=bytes(9)),
            TWO: binary(in_binary() | {"data": [1, 2]}),
            NONE: binary(in_binary(), content=b""),
            DATATYPE: binary(in_binary(datatype="FP31")),
            OVERFLOW: binary(in_binary(HUGE, shape=[HUGE, 0])),
            NESTING: Sent(DEEP.encode(), {HEADER_LENGTH: "99999"}),
            TWICE: binary(in_binary(4, shape=[1, 1]), in_binary(4, shape=[1, 1])),
            UTF8: Sent(b'{"inputs":"\xff"}', {HEADER_LENGTH: "14"}),
            FRAMING: binary(in_binary(), said=99999),
        },
    ),
    "generate": Dialect(
        "/v2/models/m/generate",
        text('{"text_input":"hi"}'),
        {
            NONE: text("{}"),
            DATATYPE: text('{"text_input":7}'),
            OVERFLOW: text(f'{{"text_input":"hi","max_tokens":{1 << 70}}}'),
            NESTING: text(f'{{"text_input":{DEEP}'),
            TWICE: text('{"text_input":"hi","text_input":7}'),
            UTF8: Sent(b'{"text_input":"\xff"}'),
            FRAMING: text('{"text_input":"hi'),
        },
        server="language",
    ),
    "TorchServe": Dialect(
        "/predictions/floats",
        text("[[1,2]]"),
        rows("") | {NONE: text("{}"), TWICE: text('{"data":[[1,2]],"data":7}')},
        error="triple",
    ),
    "TorchServe, forms": Dialect(
        "/predictions/floats",
        form(part("[[1,2]]")),
        {
            LENGTHS: form(part("[[1,2],[3]]")),
            TWO: form(part("[[1,2]]"), part("[[1,2]]", "other")),
            NONE: form(),
            NESTING: form(part(DEEP)),
            TWICE: form(part("[[1,2]]"), part("[[1,2]]")),
            FRAMING: form(part("[[1,2]]"), end=""),
            DATATYPE: form(part("[[1,2]]"), boundary=""),
            OVERFLOW: form(*[part("1", str(number)) for number in range(99)]),
        },
        error="triple",
    ),
    "TorchServe's management": Dialect(
        "/models?url=spare&model_name=",
        Sent(path="GET /models"),
        {
            NONE: Sent(path="POST /models"),
            DATATYPE: Sent(path="PUT /models/floats?min_worker=many"),
            OVERFLOW: Sent(path=f"PUT /models/floats?min_worker={10**30}"),
            LENGTHS: Sent(path="POST /models?url=" + "a" * 2000),
            UTF8: Sent(path="POST /models?url=%ff"),
            FRAMING: Sent(path="POST /models?url=../../etc"),
        },
        error="triple",
        server="management",
    ),
    "SageMaker": Dialect(
        "/floats/invocations",
        text("[[1,2]]"),
        rows("")
        | {
            TWO: text('{"instances":[[1,2]],"inputs":[[1,2]]}'),
            NONE: text("{}"),
            TWICE: text('{"instances":[[1,2]],"instances":7}'),
        },
    ),
    "SageMaker, binary": Dialect(
        "/floats/invocations",
        tensors(tensor()),
        {
            LENGTHS: typed(f"{SAGEMAKER_BINARY}2", b"{}" + bytes(8)),
            OVERFLOW: typed(f"{SAGEMAKER_BINARY}{10**11}", "{}"),
            FRAMING: typed(f"{SAGEMAKER_BINARY}two", "{}"),
            NESTING: typed(f"{SAGEMAKER_BINARY}99999", DEEP),
            UTF8: typed(f"{SAGEMAKER_BINARY}3", b'"\xff"'),
            DATATYPE: typed("application/xml", "{}", status=415),
        },
    ),
    "OpenAI, embeddings": Dialect(
        "/v1/embeddings",
        text('{"model":"tokens","input":[1,2]}'),
        {
            LENGTHS: text(json.dumps({"model": "tokens", "input": [[1]] * 3000})),
            NONE: text('{"model":"tokens"}'),
            DATATYPE: text('{"model":"tokens","input":[1.5]}'),
            OVERFLOW: text(f'{{"model":"tokens","input":[{1 << 40}]}}'),
            NESTING: text(f'{{"model":"tokens","input":{DEEP}'),
            TWICE: text('{"model":"tokens","input":[1],"input":{}}'),
            UTF8: Sent(b'{"model":"tokens","input":"\xff"}'),
            FRAMING: text('{"model":"tokens","input":[1'),
            REPEATS: text(json.dumps({"model": "tokens", "input": [[1] * 8000] + [[1]] * 2000})),
        },
        error="object",
    ),
    "OpenAI, chat": Dialect(
        "/v1/chat/completions",
        text(CHAT + "}"),
        {
            NONE: text('{"model":"m"}'),
            DATATYPE: text('{"model":"m","messages":7}'),
            OVERFLOW: text(CHAT + f',"max_tokens":{1 << 70}}}'),
            NESTING: text(CHAT + f',"tools":{DEEP}'),
            TWICE: text(CHAT + ',"messages":[]}'),
            UTF8: Sent(CHAT.encode() + b',"user":"\xff"}'),
            FRAMING: text(CHAT),
        },
        error="object",
        server="language",
    ),
    "plain": Dialect(
        "/predict/floats",
        text('{"inputs":[[1,2]]}'),
        rows("inputs") | {TWO: text('{"inputs":[[1,2]],"x":1}'), NONE: text("{}")},
    ),
    "CSV": Dialect(
        "/predict/floats",
        typed(CSV, "1,2\n"),
        {
            LENGTHS: typed(CSV, "1,2\n3\n"),
            NONE: typed(CSV, "\n\n"),
            DATATYPE: typed(CSV, "a,b\n"),
            OVERFLOW: typed(CSV, "1e39,2\n"),
            TWICE: Sent(
                b"a,b,a\n1,2,3\n", {"content-type": f"{CSV};header=present"}, "/predict/simple"
            ),
            UTF8: typed(CSV, b"\xff,1\n"),
            FRAMING: typed(CSV, '"1,2\n'),
        },
    ),
    "npy": Dialect(
        "/predict/floats",
        npy_of((1, 2)),
        {
            LENGTHS: npy_of((1, 3)),
            NONE: npy_of((0, 2)),
            DATATYPE: npy_of((1,), "|O"),
            OVERFLOW: npy_of((HUGE, HUGE)),
            NESTING: npy("[" * 9000),
            UTF8: npy("{'descr': '\xff'}"),
            FRAMING: npy("{'descr': '<f4', 'shape': (1, 2"),
        },
    ),
    "JSON Lines": Dialect(
        "/predict/floats",
        typed(LINES, "[1,2]\n"),
        {
            LENGTHS: typed(LINES, "[1,2]\n[3]\n"),
            NONE: typed(LINES, "\n"),
            DATATYPE: typed(LINES, '["a","b"]\n'),
            OVERFLOW: typed(LINES, f"[1,{10**400}]\n"),
            NESTING: typed(LINES, DEEP),
            TWICE: typed(LINES, '{"x":[1,2],"x":7}\n'),
            UTF8: typed(LINES, b'"\xff"\n'),
            FRAMING: typed(LINES, "[1,2]\n["),
        },
    ),
    "octets": Dialect(
        "/predict/floats",
        typed(OCTETS, np.array([[1, 2]], "<f4").tobytes()),
        {
            LENGTHS: typed(OCTETS, bytes(7)),
            DATATYPE: Sent(b"\x89PNG", {"content-type": "image/png"}, "", 415),
        },
    ),
}

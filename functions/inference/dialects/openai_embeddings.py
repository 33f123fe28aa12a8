"""OpenAI's embeddings, computed by a model that Lading has packaged.

The model accepts text (one BYTES input) or tokens (INT64 or INT32 `[-1, -1]`, with an attention
mask if it requires one) and returns one float tensor of [batch, size]. For a model of text, its
tokenizer turns tokens back into text; tokens of another tokenizer are refused where that can be
detected. `usage` counts the tokens that the model read; it is 0 where a model accepts text without
a tokenizing step.

OpenAI's Python client requests base64 by default: float32, little-endian.
https://platform.openai.com/docs/api-reference/embeddings
"""

from base64 import b64encode
from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from lading.functions.contract.errors import InvalidInput, Unsupported
from lading.functions.inference.artifact.specification import TensorSpec
from lading.functions.inference.models.call import Predicting
from lading.functions.inference.models.prediction import Prediction
from lading.functions.inference.models.predictor import TEXT_LENGTHS, ModelMetadata, Predictor
from lading.functions.inference.tensors import json_values as json_codec
from lading.functions.inference.tensors.conversion import BYTES, DTYPES, Array
from lading.functions.inference.wire.messages import Response

MOST_INPUTS: Final = 2048
"""As many as OpenAI accepts in one request."""

_MOST_TOKENS = 8192
_MATRIX = 2
_KNOWN = frozenset({"model", "input", "encoding_format", "dimensions", "user"})
_MASK, _KINDS = "attention_mask", "token_type_ids"


def embed(predictor: Predictor, document: Mapping[str, Any]) -> Predicting:
    """Answer one request with an embedding for each of its inputs, in their order.

    Raises:
        InvalidInput: a parameter is wrong; the error names it.
        Unsupported: the model does not return embeddings.
    """
    for name in document.keys() - _KNOWN:
        raise InvalidInput(name, "", f"'{name[:40]}' is not a parameter of embeddings; remove it")
    encoding = document.get("encoding_format") or "float"
    if encoding not in ("float", "base64"):
        raise InvalidInput("encoding_format", "", "'encoding_format' must be 'float' or 'base64'")
    output = _embedding_output(predictor.metadata)
    inputs, tokens = _decode(document.get("input"), predictor)
    counts = [name for name in predictor.metadata.extras if name == TEXT_LENGTHS]
    results = yield Prediction(predictor, inputs, [output.name, *counts])
    read = int(results[TEXT_LENGTHS].sum()) if counts else tokens
    vectors = results[output.name].astype("<f4", copy=False)
    _check_dimensions(document.get("dimensions"), vectors.shape[-1])
    data = [
        {"object": "embedding", "index": index, "embedding": _value(vector, encoding)}
        for index, vector in enumerate(vectors)
    ]
    usage = {"prompt_tokens": read, "total_tokens": read}
    answer = {"object": "list", "data": data, "model": predictor.metadata.name, "usage": usage}
    return Response(200, json_codec.dumps(answer, bare_tokens=False))


def _value(vector: Array, encoding: str) -> Any:
    return vector if encoding == "float" else b64encode(vector.tobytes()).decode()


def _embedding_output(metadata: ModelMetadata) -> TensorSpec:
    found = [
        spec
        for spec in metadata.outputs
        if DTYPES[spec.datatype].kind == "f" and len(spec.shape) == _MATRIX
    ]
    if len(found) != 1:
        raise Unsupported(
            f"model '{metadata.name}' has {len(found)} float outputs of [batch, size], and "
            "embeddings need exactly one; use /predict or /v2/models/.../infer"
        )
    return found[0]


def _check_dimensions(wanted: Any, size: int) -> None:
    """Refuse another size: a truncated vector is not an embedding, unless trained as one."""
    if wanted is not None and (type(wanted) is not int or wanted != size):
        raise InvalidInput(
            "dimensions", "", f"'dimensions' must be {size}: this model supports no other size"
        )


def _decode(given: Any, predictor: Predictor) -> tuple[dict[str, Array], int]:
    """Decode the model's inputs, and count the tokens that were given."""
    items = given if isinstance(given, list) else [given]
    if items and all(type(item) is int for item in items):
        items = [items]
    if not items or len(items) > MOST_INPUTS:
        raise _wrong(f"a list of 1 to {MOST_INPUTS}")
    if all(isinstance(item, str) and item for item in items):
        return _texts(items, predictor.metadata), 0
    if all(isinstance(item, list) and _are_tokens(item) for item in items):
        return _of_tokens(items, predictor)
    raise _wrong("non-empty strings, or lists of tokens")


def _of_tokens(items: list[list[int]], predictor: Predictor) -> tuple[dict[str, Array], int]:
    """Make the inputs of a model of tokens, or of a model whose tokenizer can decode them."""
    count, metadata = sum(map(len, items)), predictor.metadata
    if not _reads_text(metadata):
        return _tokens(items, metadata), count
    try:
        texts = [text for text in map(predictor.text_of, items) if text is not None]
    except InvalidInput as error:
        raise _wrong(f"text here: it {error.reason}") from error
    if not texts:
        raise _wrong(f"strings: model '{metadata.name}' accepts no tokens")
    return _texts(texts, metadata), count


def _reads_text(metadata: ModelMetadata) -> bool:
    return len(metadata.inputs) == 1 and metadata.inputs[0].datatype == BYTES


def _are_tokens(item: list[Any]) -> bool:
    whole = all(type(token) is int and 0 <= token < 1 << 31 for token in item)
    return whole and 0 < len(item) <= _MOST_TOKENS


def _texts(items: list[str], metadata: ModelMetadata) -> dict[str, Array]:
    if not _reads_text(metadata):
        raise _wrong(f"lists of tokens: model '{metadata.name}' has no tokenizer")
    texts = np.empty(len(items), np.object_)
    try:
        texts[:] = [item.encode() for item in items]
    except UnicodeEncodeError as error:
        raise _wrong("valid Unicode") from error
    spec = metadata.inputs[0]
    return {spec.name: texts.reshape(-1, *[1] * (len(spec.shape) - 1))}


def _tokens(items: list[list[int]], metadata: ModelMetadata) -> dict[str, Array]:
    """Pad tokens to the longest list, with the mask of the real ones."""
    wanted = [spec for spec in metadata.inputs if spec.name not in (_MASK, _KINDS)]
    if len(wanted) != 1 or DTYPES[wanted[0].datatype].kind != "i":
        raise _wrong(f"strings: model '{metadata.name}' accepts no tokens")
    longest = max(map(len, items))
    if longest * len(items) > MOST_INPUTS * _MOST_TOKENS // 16:
        raise _wrong("fewer, or of similar length: padded to the longest they exceed the limit")
    mask = np.arange(longest) < np.array([len(item) for item in items])[:, None]
    tokens = np.zeros(mask.shape, np.int64)
    tokens[mask] = [token for item in items for token in item]
    values = {_MASK: mask, _KINDS: np.zeros_like(tokens)}
    return {
        spec.name: values.get(spec.name, tokens).astype(DTYPES[spec.datatype])
        for spec in metadata.inputs
    }


def _wrong(wanted: str) -> InvalidInput:
    return InvalidInput("input", "", f"'input' must be {wanted}")

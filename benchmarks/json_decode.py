"""JSON tensors to float32: the service's reader beside simdjson alone.

    python -m benchmarks.json_decode [--rounds 31]

simdjson alone parses the body, copies its numbers out and makes them float32 in the expected shape,
believing all it sees. The service's reader also finds the shape out, verifies that the nesting is
regular and that no number lost anything, and hands whatever it cannot verify to the exact parser.
Bodies are `{"inputs": <tensor>}` of finite doubles; each round times both, one after the other.
"""

import argparse
import json
import statistics
from collections.abc import Callable
from math import prod
from time import perf_counter

import csimdjson
import numpy as np

from functions.inference import json_codec
from functions.inference.tensors import Array, from_json

SHAPES = ((1, 3, 224, 224), (2352, 64), (37632, 4), (150528,))
TARGET = 1.3


def main() -> None:
    """Print a line for each shape."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=31)
    rounds = parser.parse_args().rounds
    print(f"{'shape':>16}{'body':>10}{'simdjson':>12}{'Lading':>12}{'ratio':>8}")
    for shape in SHAPES:
        body = _body(shape)
        alone, ours = _medians(body, shape, rounds)
        text = "x".join(map(str, shape))
        times = f"{alone * 1000:>9.2f} ms{ours * 1000:>9.2f} ms{ours / alone:>7.2f}x"
        print(f"{text:>16}{len(body) / 1e6:>7.2f} MB{times}  {_verdict(ours / alone)}")


def read_with_simdjson(body: bytes, shape: tuple[int, ...]) -> Array:
    """The fastest way to float32 that pysimdjson offers, without a check."""
    tensor = csimdjson.Parser().parse(body)["inputs"]
    return np.frombuffer(tensor.as_buffer(of_type="d")).astype(np.float32).reshape(shape)


def read_with_service(body: bytes, shape: tuple[int, ...]) -> Array:
    """What the inference service does with the same body; it finds `shape` by itself."""
    array = from_json(json_codec.loads(body)["inputs"], "x", "FP32")
    if array.shape != shape:
        raise RuntimeError(f"read {array.shape}, not {shape}")
    return array


def _body(shape: tuple[int, ...]) -> bytes:
    numbers = np.random.default_rng(0).standard_normal(prod(shape)).reshape(shape)
    return json.dumps({"inputs": numbers.tolist()}).encode()


def _medians(body: bytes, shape: tuple[int, ...], rounds: int) -> tuple[float, float]:
    if not np.array_equal(read_with_simdjson(body, shape), read_with_service(body, shape)):
        raise RuntimeError(f"the two read different numbers for {shape}")
    alone, ours = [], []
    for _ in range(rounds):
        alone.append(_time(read_with_simdjson, body, shape))
        ours.append(_time(read_with_service, body, shape))
    return statistics.median(alone), statistics.median(ours)


def _time(
    read: Callable[[bytes, tuple[int, ...]], Array], body: bytes, shape: tuple[int, ...]
) -> float:
    started = perf_counter()
    read(body, shape)
    return perf_counter() - started


def _verdict(ratio: float) -> str:
    return f"target {TARGET}x: {'met' if ratio <= TARGET else 'MISSED'}"


if __name__ == "__main__":
    main()

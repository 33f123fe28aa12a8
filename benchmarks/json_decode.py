"""JSON tensors to float32: the service's reader beside simdjson alone.

    python -m benchmarks.json_decode [--rounds 31]

simdjson alone parses the body, copies its numbers out and makes them float32 in the expected shape,
believing all it sees; `checked` is that with a look at the length of every array, without which a
ragged body is read as another tensor. The service's reader also finds the shape out, verifies that
the nesting is regular and that no number lost anything, and hands whatever it cannot verify to the
exact parser. The target is set on the time with the check.
Bodies are `{"inputs": <tensor>}` of finite doubles; each round times both, one after the other.
"""

import argparse
import json
import statistics
from collections.abc import Callable, Iterable
from itertools import chain
from math import prod
from time import perf_counter
from typing import Any

import csimdjson
import numpy as np

from lading.functions.inference.tensors import json_values as json_codec
from lading.functions.inference.tensors.conversion import Array, from_json

SHAPES = ((1, 3, 224, 224), (2352, 64), (37632, 4), (150528,))
TARGET = 1.3


def main() -> None:
    """Print a line for each shape."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=31)
    rounds = parser.parse_args().rounds
    print(f"{'shape':>14}{'body':>10}{'simdjson':>11}{'checked':>11}{'Lading':>11}{'ratios':>15}")
    for shape in SHAPES:
        body = _body(shape)
        alone, checked, ours = _medians(body, shape, rounds)
        text = "x".join(map(str, shape))
        times = "".join(f"{each * 1000:>8.2f} ms" for each in (alone, checked, ours))
        ratios = f"{ours / alone:>7.2f}x{ours / checked:>6.2f}x"
        print(f"{text:>14}{len(body) / 1e6:>7.2f} MB{times}{ratios}  {_verdict(ours / checked)}")


def read_with_simdjson(body: bytes, shape: tuple[int, ...]) -> Array:
    """Read with the fastest way to float32 in pysimdjson, without a check."""
    tensor = csimdjson.Parser().parse(body)["inputs"]
    return np.frombuffer(tensor.as_buffer(of_type="d")).astype(np.float32).reshape(shape)


def read_with_simdjson_checked(body: bytes, shape: tuple[int, ...]) -> Array:
    """Read with the check that users must write: every array has the right length."""
    tensor = csimdjson.Parser().parse(body)["inputs"]
    level: Iterable[Any] = [tensor]
    for depth, size in enumerate(shape, 1):
        if depth < len(shape):
            level = list(level)
        if set(map(len, level)) != {size}:
            raise RuntimeError(f"ragged, not {shape}")
        level = chain.from_iterable(level)
    return np.frombuffer(tensor.as_buffer(of_type="d")).astype(np.float32).reshape(shape)


def read_with_service(body: bytes, shape: tuple[int, ...]) -> Array:
    """Read as the inference service does; it finds `shape` by itself."""
    array = from_json(json_codec.loads(body)["inputs"], "x", "FP32")
    if array.shape != shape:
        raise RuntimeError(f"read {array.shape}, not {shape}")
    return array


READERS = (read_with_simdjson, read_with_simdjson_checked, read_with_service)


def _body(shape: tuple[int, ...]) -> bytes:
    numbers = np.random.default_rng(0).standard_normal(prod(shape)).reshape(shape)
    return json.dumps({"inputs": numbers.tolist()}).encode()


def _medians(body: bytes, shape: tuple[int, ...], rounds: int) -> tuple[float, ...]:
    """Return the median seconds of each reader, in the order of `READERS`."""
    results = [read(body, shape) for read in READERS]
    if not all(np.array_equal(results[0], other) for other in results[1:]):
        raise RuntimeError(f"the readers read different numbers for {shape}")
    times = [[_time(read, body, shape) for read in READERS] for _ in range(rounds)]
    return tuple(map(statistics.median, zip(*times, strict=True)))


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

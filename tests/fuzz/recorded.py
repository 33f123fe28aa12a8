"""What packaging records of rows: baseline.json for drift, background.json for explanations."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from lading.functions.inference.drift.baseline import read_baseline
from lading.functions.inference.explaining.recorded import Recorded, read, write_rows
from tests.fuzz.target import Attempt, Target

_SECTION = Recorded("shapley", "y", 1000).to_json()


@contextmanager
def _reading_baselines() -> Iterator[Attempt]:
    """What is accepted counts rows, in as many slots as it expects counts."""

    def attempt(data: bytes) -> None:
        try:
            baseline = read_baseline(data)
        except ValueError:
            return
        for feature in baseline.features:
            for dtype in (np.float64, np.float32):
                rows = np.zeros((2, len(feature.expected)), dtype)
                feature.bins.count(rows if feature.bins.kind == "numbers" else rows[:, 0])
            taken = feature.bins.take()
            assert [*map(len, taken)] == [*map(len, feature.expected)]
            assert len(feature.names()) == len(taken)

    yield attempt


def _baselines() -> Iterator[bytes]:
    numbers = b'{"tensor":"x","side":"inputs","view":"columns","edges":[[0.0,1.5],[-1,0,2]],'
    numbers += b'"expected":[[0,9,1,0],[0,4,6,0,0]]}'
    values = (
        b'{"tensor":"y","side":"outputs","view":"values","values":["a",7],"expected":[[5,4,1,0]]}'
    )
    yield b'{"version":1,"rows":10,"features":[' + numbers + b"," + values + b"]}"
    yield b'{"version":1,"rows":0,"features":[]}'


@contextmanager
def _reading_backgrounds() -> Iterator[Attempt]:
    """Rows that are accepted are the same when they have been written and read again."""

    def attempt(data: bytes) -> None:
        try:
            rows = read(_SECTION, data).background
        except ValueError:
            return
        again = read(_SECTION, write_rows(rows)).background
        assert rows.keys() == again.keys()
        for name, array in rows.items():
            assert (array.shape, array.dtype) == (again[name].shape, again[name].dtype)
            numbers = array.dtype.kind in "fiub"
            assert not numbers or np.array_equal(array, again[name], equal_nan=True)
            assert numbers or array.tolist() == again[name].tolist()

    yield attempt


def _backgrounds() -> Iterator[bytes]:
    rows = np.array([[1.5, np.nan], [-np.inf, 0.1]], np.float32)
    yield write_rows({"x": rows, "n": np.array([3, -4])})
    yield write_rows({"text": np.array([b"a", b"\xff", b"\xc3\xa9"], np.object_)})
    yield write_rows({"half": rows[:, :1].astype(np.float16), "yes": np.array([True, False])})


BASELINES = Target("baselines", _reading_baselines, _baselines)
BACKGROUNDS = Target("backgrounds", _reading_backgrounds, _backgrounds)

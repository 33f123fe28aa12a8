"""Write many rows for the example's classifier: held-out digits with a little noise.

python examples/batch/rows.py 1000000 rows.npz

The rows are written piece by piece, so a file of any size needs no more memory than a small one. It
ends in .npz, .csv, .jsonl or .parquet (which needs pyarrow).
"""

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from zipfile import ZipFile

import numpy as np
from numpy.typing import NDArray

PIECE = 4096
HOLDOUT = Path(__file__).parents[1] / "digits" / "holdout.npz"

Rows = NDArray[np.float32]


def pieces(count: int) -> Iterator[Rows]:
    """Yield `count` rows of 64 pixels; the same ones each time."""
    with np.load(HOLDOUT) as archive:
        digits = archive["X"]
    random = np.random.default_rng(0)
    for start in range(0, count, PIECE):
        size = min(PIECE, count - start)
        chosen = digits[random.integers(0, len(digits), size)]
        yield np.clip(chosen + random.integers(-1, 2, chosen.shape), 0, 16).astype(np.float32)


def write(path: Path, count: int) -> None:
    """Write the rows in the format that the file's name says."""
    {".npz": _npz, ".csv": _csv, ".jsonl": _jsonl, ".parquet": _parquet}[path.suffix](path, count)


def _npz(path: Path, count: int) -> None:
    header = {"descr": "<f4", "fortran_order": False, "shape": (count, 64)}
    with ZipFile(path, "w") as archive, archive.open("X.npy", "w", force_zip64=True) as member:
        np.lib.format.write_array_header_1_0(member, header)
        for rows in pieces(count):
            member.write(rows.tobytes())


def _csv(path: Path, count: int) -> None:
    with path.open("w") as file:
        file.write(",".join(f"pixel{place}" for place in range(64)) + "\n")
        for rows in pieces(count):
            np.savetxt(file, rows, fmt="%d", delimiter=",")


def _jsonl(path: Path, count: int) -> None:
    with path.open("w") as file:
        for rows in pieces(count):
            file.writelines(json.dumps({"X": row}) + "\n" for row in rows.tolist())


def _parquet(path: Path, count: int) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    names = [f"pixel{place}" for place in range(64)]
    schema = pa.schema([(name, pa.float32()) for name in names])
    with parquet.ParquetWriter(path, schema) as writer:
        for rows in pieces(count):
            writer.write_table(pa.table(dict(zip(names, rows.T, strict=True)), schema))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("count", type=int)
    parser.add_argument("path", type=Path)
    options = parser.parse_args()
    write(options.path, options.count)
    print(f"{options.count:,} rows in {options.path}")

"""Batches beside a loop around onnxruntime, and their memory as the input grows.

`python -m benchmarks.batch` prints one table. Figures are rows for each second of processor time,
of all processes together, so that they tolerate other work on the machine; each is measured beside
its loop, in turns. A model that is quantized dynamically has a run for each row by default; with
`--group`, rows share one. `--most 10000000` also measures memory for ten million rows.
"""

import argparse
import resource
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event, Thread

import numpy as np

from benchmarks.suite import worlds
from benchmarks.suite.worlds import World
from lading.functions.inference.artifact.reading import sha256
from lading.functions.inference.artifact.specification import SPECIFICATION

DIGITS, TEXTS = 1_000_000, 2_000
GROUPS = {"digits": 256, "minilm": 32}
FIRST_SIZE, PIECE, WIDTH = 10_000, 4096, 64
EVERY_SECONDS = 0.05

OURS = """
import sys
from pathlib import Path
from lading.batch.run import Batch, run_batch
if __name__ == "__main__":
    source, output, root, model, digest, workers, group = sys.argv[1:]
    batch = Batch(source, output, Path(root), model, 1, digest, int(workers), int(group) or None)
    run_batch(batch, lambda _: None)
"""

LOOP = """
import json, sys
import numpy as np
import onnxruntime as ort

source, output, model, tokenizer, rows = sys.argv[1:]
options = ort.SessionOptions()
options.intra_op_num_threads = options.inter_op_num_threads = 1
session = ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
names = [each.name for each in session.get_inputs()]
step, answers = int(rows), []
if tokenizer:
    from tokenizers import Tokenizer
    encode = Tokenizer.from_file(tokenizer)
    encode.enable_truncation(128)
    encode.enable_padding()
    texts = [json.loads(line) for line in open(source)]
    for start in range(0, len(texts), step):
        found = encode.encode_batch(texts[start:start + step])
        ids = np.array([each.ids for each in found])
        mask = np.array([each.attention_mask for each in found])
        arrays = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
        answers.append(session.run(None, {name: arrays[name] for name in names}))
else:
    values = np.load(source)["X"]
    for start in range(0, len(values), step):
        answers.append(session.run(None, {names[0]: values[start:start + step]}))
np.savez(output, *[np.concatenate(each) for each in zip(*answers)])
"""


def processor_seconds(code: str, *arguments: object) -> float:
    """Return the processor time of a program and all processes that it starts."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", code, *map(str, arguments)], check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime - before.ru_utime) + (after.ru_stime - before.ru_stime)


def write_digits(path: Path, count: int) -> None:
    """Write rows of numbers, piece by piece."""
    from zipfile import ZipFile

    random = np.random.default_rng(0)
    header = {"descr": "<f4", "fortran_order": False, "shape": (count, WIDTH)}
    with ZipFile(path, "w") as archive, archive.open("X.npy", "w", force_zip64=True) as member:
        np.lib.format.write_array_header_1_0(member, header)
        for start in range(0, count, PIECE):
            size = min(PIECE, count - start)
            member.write(random.integers(0, 17, (size, WIDTH)).astype(np.float32).tobytes())


def write_texts(path: Path, count: int) -> None:
    """Write real sentences as JSON Lines."""
    import json

    from tests.support.minilm import sentences

    known = sentences()
    path.write_text("".join(json.dumps(known[n % len(known)]) + "\n" for n in range(count)))


def _ours(world: World, source: Path, output: Path, workers: int, group: int) -> list[object]:
    digest = sha256((world.folder / SPECIFICATION).read_bytes())
    return [source, output, world.root, world.name, digest, workers, group]


def rates(world: World, source: Path, count: int, rounds: int) -> Iterator[str]:
    """Yield the rows of the table for one model: ours and the loop, by one row and by groups.

    Each figure is the median of all rounds; each factor that of ours and the loop of one round.
    """
    most, folder = GROUPS[world.name], source.parent
    tokenizer = next(iter(world.folder.glob("tokenizer*")), "")
    kinds = [(who, group) for who in ("batch", "loop") for group in (1, most)]
    found: dict[tuple[str, int], list[float]] = {kind: [] for kind in kinds}
    for number in range(rounds):
        for who, group in kinds:
            output = folder / f"{who}-{group}-{number}.npz"
            if who == "batch":
                seconds = processor_seconds(OURS, *_ours(world, source, output, 1, group))
            else:
                arguments = (source, output, world.model, tokenizer, group)
                seconds = processor_seconds(LOOP, *arguments)
            found[who, group].append(seconds)
            output.unlink()
    for who, group in kinds:
        pace = count / statistics.median(found[who, group])
        factors = [
            statistics.median(
                loop / ours
                for loop, ours in zip(found["loop", step], found[who, group], strict=True)
            )
            for step in (1, most)
        ]
        told = " | ".join(f"{each:.2f}" for each in factors)
        yield f"| {world.name}, {count:,} rows | {who}, {group} in a run | {pace:,.0f} | {told} |"


def peak_memory(code: str, arguments: Sequence[object]) -> float:
    """Return the highest memory in MiB of a program and its processes, without shared pages."""
    with subprocess.Popen([sys.executable, "-c", code, *map(str, arguments)]) as program:
        ended, peaks = Event(), [0.0]

        def watch() -> None:
            while not ended.wait(EVERY_SECONDS):
                peaks.append(sum(map(_private_mib, _family(program.pid))))

        thread = Thread(target=watch)
        thread.start()
        program.wait()
        ended.set()
        thread.join()
    if program.returncode:
        raise SystemExit(f"the batch ended with {program.returncode}")
    return max(peaks)


def _family(process: int) -> Iterator[int]:
    yield process
    try:
        tasks = list(Path(f"/proc/{process}/task").iterdir())
        children = [child for task in tasks for child in (task / "children").read_text().split()]
    except OSError:  # it has ended
        return
    for child in children:
        yield from _family(int(child))


def _private_mib(process: int) -> float:
    try:
        lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0.0
    kib = sum(int(line.split()[1]) for line in lines if line.startswith("Private_"))
    return kib / 1024


def memory(most: int, folder: Path) -> Iterator[str]:
    """Yield the peak memory for inputs of more and more rows."""
    world, count = worlds.digits(worlds.BATCHED), FIRST_SIZE
    while count <= most:
        source, output = folder / "rows.npz", folder / f"answers-{count}.npz"
        write_digits(source, count)
        peak = peak_memory(OURS, _ours(world, source, output, 2, GROUPS["digits"]))
        yield f"| {count:,} rows, 2 workers | {peak:,.0f} MiB |"
        output.unlink()
        count *= 10


def _print(heading: str, columns: str, lines: Callable[[], Iterator[str]]) -> None:
    print(f"\n{heading}\n\n{columns}", flush=True)
    print("|" + "---|" * (columns.count("|") - 1), flush=True)
    for line in lines():
        print(line, flush=True)


def main(rounds: int, most: int, texts: int, numbers: int) -> None:
    """Print both tables."""
    with TemporaryDirectory() as scratch:
        folder = Path(scratch)

        def paces() -> Iterator[str]:
            write_digits(folder / "digits.npz", numbers)
            yield from rates(worlds.digits(worlds.BATCHED), folder / "digits.npz", numbers, rounds)
            model = worlds.minilm()
            if model is not None:
                write_texts(folder / "texts.jsonl", texts)
                yield from rates(model, folder / "texts.jsonl", texts, rounds)

        columns = (
            "| rows | what | rows a second of processor time | x loop of 1 | x loop of groups |"
        )
        _print("Pace, with one worker", columns, paces)
        _print("Memory", "| input | highest, all processes |", lambda: memory(most, folder))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--most", type=int, default=1_000_000, help="rows for memory")
    parser.add_argument("--texts", type=int, default=TEXTS)
    parser.add_argument("--digits", type=int, default=DIGITS)
    options = parser.parse_args()
    main(options.rounds, options.most, options.texts, options.digits)

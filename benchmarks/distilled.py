"""Distil a network for handwritten digits, and compare teacher, student and quantized student.

`python -m benchmarks.distilled`; needs PyTorch and scikit-learn, which ships the digits. The same
student also learns the teacher's labels of the few training images alone, without its scores. Times
are medians of packaging's own measurement, one row at a time.

Then teacher and student answer on Lambda: AWS's runtime client runs the service's handler with
each, and gets the same events in turns. The figure is the processor time of the handler's process
for an answer, which other load of the machine hardly changes.
"""

import json
import os
import statistics
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import yaml

from benchmarks.cold_start import SCRATCH, WARM_UP, Contender, code_of, outputs_of, spawn
from benchmarks.installed import ROOT, Packages, install_code, install_packages
from benchmarks.runtime_api import RuntimeApi
from lading.emulator.gateway.event import HttpRequest, RequestIds, build_event
from lading.functions.contract.settings import ServedModel, ServingSettings
from lading.functions.inference.artifact.specification import REPORT
from lading.functions.inference.tensors.conversion import Array
from lading.model_packaging.building import build_here
from lading.model_packaging.lock.file import read_lock
from lading.model_packaging.manifest.models import ModelSpec, load_manifest
from lading.model_packaging.pipeline import package
from lading.model_packaging.report.distilled import figures_of
from lading.model_packaging.store.local import LocalStore
from lading.training.distillation.comparison import held_against
from lading.training.distillation.distilling import distill, distilled
from lading.training.distillation.teachers import find_teacher

SEEDS = (0, 1, 2)
ROWS = {
    "teacher": (),
    "student": ("teacher", "student", "student, int8"),
    "plain": ("teacher", "student without a teacher", "student without a teacher, int8"),
}
"""Model of the manifest -> names of its figures: its teacher's, its own, and after quantizing."""
NETWORKS = """
from torch import nn

def teacher():
    return nn.Sequential(
        nn.Unflatten(1, (1, 8, 8)),
        nn.Conv2d(1, 64, 3, padding=1), nn.ReLU(),
        nn.Conv2d(64, 128, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(128, 128, 3, padding=1), nn.ReLU(),
        nn.Flatten(), nn.Linear(2048, 128), nn.ReLU(), nn.Linear(128, 10),
    )

def student():
    return nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
"""
EPOCHS = 30
"""Of the teacher."""
BATCHES = (1, 64)
"""Rows of the events for Lambda."""
TURNS, ANSWERS = 5, 200


def split() -> tuple[Array, Array, Array, Array]:
    """Return 898 images to learn from and 899 to judge with, with their digits."""
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    images, digits = load_digits(return_X_y=True)
    pixels = (images / 16).astype(np.float32)
    found = train_test_split(pixels, digits, test_size=0.5, random_state=0, stratify=digits)
    learned, held, truth, held_truth = found
    return learned, truth, held, held_truth


def varied(images: Array) -> Array:
    """Return the images, and each one shifted by a pixel and with noise: rows without labels."""
    generator = np.random.default_rng(0)
    grids = images.reshape(-1, 8, 8)
    shifted = [np.roll(grids, step, axis) for step in (-1, 1) for axis in (1, 2)]
    noisy = [grids + generator.normal(0, 0.1, grids.shape) for _ in range(4)]
    every = np.concatenate([grids, *shifted, *noisy]).clip(0, 1)
    return np.asarray(every.reshape(-1, 64).astype(np.float32))


def train_teacher(folder: Path, images: Array, digits: Array) -> None:
    """Train the teacher on labeled images, with noise against overfitting."""
    import torch

    torch.manual_seed(0)
    names: dict[str, Any] = {}
    exec(compile(NETWORKS, "networks.py", "exec"), names)  # noqa: S102 - the text above
    module, rows, truth = names["teacher"](), torch.from_numpy(images), torch.from_numpy(digits)
    optimizer = torch.optim.AdamW(module.parameters(), lr=1e-3, weight_decay=0.05)
    for _ in range(EPOCHS):
        for places in torch.randperm(len(rows)).split(64):
            optimizer.zero_grad()
            noisy = rows[places] + 0.1 * torch.randn(len(places), 64)
            torch.nn.functional.cross_entropy(module(noisy), truth[places]).backward()
            optimizer.step()
    torch.save(module.state_dict(), folder / "teacher.pt")


def write_manifest(folder: Path, seed: int) -> dict[str, ModelSpec]:
    """Return the models: the teacher, a student of its scores, and one of its labels."""
    gate = {"data": "held.npz", "metric": "accuracy", "max_drop": 0.03}
    shared = {"inputs": {"x": {"shape": ["batch", 64]}}, "accuracy": gate}
    student = {**shared, "class": "networks:student", "quantize": "dynamic"}
    learns = {"teacher": "teacher", "epochs": 40, "learning_rate": 0.003, "seed": seed}
    scores = {**learns, "data": "rows.npz", "temperature": 3.0, "alpha": 0.9}
    labels = {**learns, "data": "few.npz", "alpha": 0.0}
    models = {
        "teacher": {**shared, "source": "teacher.pt", "class": "networks:teacher"},
        "student": {**student, "distill": scores},
        "plain": {**student, "accuracy": {**gate, "max_drop": 0.2}, "distill": labels},
    }
    path = folder / "models.yaml"
    path.write_text(yaml.safe_dump({"models": models}, sort_keys=False))
    return dict(load_manifest(path).models)


def publish(spec: ModelSpec, folder: Path) -> list[dict[str, Any]]:
    """Package a model as the command does; return its figures and its teacher's."""
    lock, store = folder / "models.lock.json", LocalStore(folder)
    if spec.distill is None:
        package(spec, store, lock)
        return []
    teacher = find_teacher(spec, lock)
    made = distilled(spec, distill(spec, teacher, lambda *_: None))
    packaged = package(made, store, lock, builder=held_against(teacher, build_here))
    return figures_of(json.loads((Path(packaged.location) / REPORT).read_bytes()))


def parameters() -> dict[str, int]:
    """Return how many numbers teacher and student learn."""
    names: dict[str, Any] = {}
    exec(compile(NETWORKS, "networks.py", "exec"), names)  # noqa: S102 - the text above
    return {
        kind: sum(each.numel() for each in names[kind]().parameters())
        for kind in ("teacher", "student")
    }


def on_lambda(folder: Path) -> dict[tuple[str, int], list[float]]:
    """Return milliseconds of processor time for an answer, by model and rows, of each turn."""
    packages = install_packages(SCRATCH)
    contenders = [contender(folder, name) for name in ("teacher", "student")]
    for each in contenders:
        install_code(packages, each.source, code_of(each))
    times: dict[tuple[str, int], list[float]] = {}
    core = max(os.sched_getaffinity(0))
    for rows in BATCHES:
        for _ in range(TURNS):
            for each in contenders:
                event = event_of(each.name, np.load(folder / "held.npz")["x"][:rows])
                taken = processor_ms(each, packages, event, core)
                times.setdefault((each.name, rows), []).append(taken)
    return times


def contender(folder: Path, name: str) -> Contender:
    """Return the service's handler with the newest version of one model."""
    entry = read_lock(folder / "models.lock.json").model(name)
    number = max(entry.versions)
    served = ServedModel(name, {number: entry.versions[number].digest}, {"stable": number})
    settings = ServingSettings((served,), str(folder), threads=1)
    handler = "lading.functions.inference.entry.lambda_handler.handler"
    return Contender(name, handler, ROOT / "functions", settings.to_environment())


def event_of(name: str, rows: Array) -> bytes:
    """Return API Gateway's event for a prediction of some rows."""
    body = json.dumps({"inputs": rows.tolist()}).encode()
    headers = (("content-type", "application/json"), ("host", "api.example.com"))
    request = HttpRequest("POST", f"/{name}/predict", "", headers, body)
    return json.dumps(build_event(request, RequestIds())).encode()


def processor_ms(each: Contender, packages: Packages, event: bytes, core: int) -> float:
    """Start a handler, warm it up, and return its processor time for one of many answers."""
    api = RuntimeApi()
    process = spawn(each, packages, api.address, core)
    try:
        for turn in range(WARM_UP + ANSWERS):
            api.expect("next")
            if turn == WARM_UP:
                before = processor_seconds(process.pid)
            api.send(event)
            outputs_of(api.expect("response").body)
        api.expect("next")
        return (processor_seconds(process.pid) - before) / ANSWERS * 1000
    finally:
        process.kill()
        process.wait()
        api.close()


def processor_seconds(process: int) -> float:
    """Return the processor time of all threads of a process, from Linux's own accounts."""
    threads = Path(f"/proc/{process}/task").glob("*/schedstat")
    return sum(int(each.read_text().split()[0]) for each in threads) / 1e9


def show_lambda(times: dict[tuple[str, int], list[float]]) -> None:
    """Print the medians of the turns, and the student's share of the teacher's time."""
    print("\n| rows | teacher | student | |")
    print("|---|---|---|---|")
    for rows in BATCHES:
        teacher, student = (statistics.median(times[name, rows]) for name in ("teacher", "student"))
        print(f"| {rows} | {teacher:.2f} ms | {student:.2f} ms | {teacher / student:.1f}x faster |")


def main() -> None:
    """Print a line for each model, the means over the seeds, and the times on Lambda."""
    import torch

    torch.set_num_threads(1)
    figures: dict[str, list[dict[str, Any]]] = {}
    with TemporaryDirectory() as name:
        folder = Path(name)
        learned, truth, held, held_truth = split()
        np.savez(folder / "held.npz", x=held, y=held_truth)
        np.savez(folder / "rows.npz", x=varied(learned))
        np.savez(folder / "few.npz", x=learned)
        (folder / "networks.py").write_text(NETWORKS)
        train_teacher(folder, learned, truth)
        for seed in SEEDS:
            for model, spec in write_manifest(folder, seed).items():
                for row, each in zip(ROWS[model], publish(spec, folder), strict=True):
                    figures.setdefault(row, []).append(each)
        answered = on_lambda(folder)
    best = mean(figures["teacher"], "accuracy")
    counts = parameters()
    print("| model | parameters | bytes | one row | accuracy | of the teacher |")
    print("|---|---|---|---|---|---|")
    for row, found in sorted(figures.items(), key=lambda each: -mean(each[1], "bytes")):
        count = counts["teacher" if row == "teacher" else "student"]
        times, size = mean(found, "p50_ms"), mean(found, "bytes")
        right = mean(found, "accuracy")
        print(
            f"| {row} | {count:,} | {size:,.0f} | {times * 1e3:.1f} us | {right:.4f} | "
            f"{right / best:.1%} |"
        )
    show_lambda(answered)


def mean(found: list[dict[str, Any]], key: str) -> float:
    """Return the mean of a figure over the seeds."""
    return statistics.mean(float(each[key]) for each in found)


if __name__ == "__main__":
    main()

"""Distil a network for handwritten digits, and compare teacher, student and quantized student.

`python -m benchmarks.distilled`; needs PyTorch and scikit-learn, which ships the digits. The same
student also learns the teacher's labels of the few training images alone, without its scores. Times
are medians of packaging's own measurement, one row at a time.
"""

import json
import statistics
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import yaml

from lading.functions.inference.artifact.specification import REPORT
from lading.functions.inference.tensors.conversion import Array
from lading.model_packaging.manifest.models import ModelSpec, load_manifest
from lading.model_packaging.pipeline import build_here, package
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

def network(*widths):
    layers = [nn.Linear(64, widths[0]), nn.ReLU()]
    for before, after in zip(widths, widths[1:]):
        layers += [nn.Linear(before, after), nn.ReLU()]
    return nn.Sequential(*layers, nn.Linear(widths[-1], 10))

def teacher():
    return network(512, 512)

def student():
    return network(64)
"""


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
    for _ in range(60):
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
    learns = {"teacher": "teacher", "epochs": 60, "learning_rate": 0.003, "seed": seed}
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


def main() -> None:
    """Print a line for each model: the means over the seeds."""
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


def mean(found: list[dict[str, Any]], key: str) -> float:
    """Return the mean of a figure over the seeds."""
    return statistics.mean(float(each[key]) for each in found)


if __name__ == "__main__":
    main()

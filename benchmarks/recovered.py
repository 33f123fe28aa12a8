"""Prune the network of examples/digits_pytorch, and train it again: accuracy against sparsity.

`python -m benchmarks.recovered`; needs PyTorch and scikit-learn, which ships the digits. It prints
a table and writes the plot to benchmarks/recovered.svg. The accuracy is of the held-out rows.
"""

import runpy
import shutil
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

import numpy as np

from lading.model_packaging.converters.pytorch.checkpoint import read_module
from lading.model_packaging.manifest.models import ModelSpec, load_manifest
from lading.training.output import ignore_lines
from lading.training.recovery.networks import WEIGHTS, write_pruned
from lading.training.recovery.recovering import recover
from lading.training.s3 import S3Objects

Method = Literal["structured", "magnitude"]

EXAMPLE = Path(__file__).parents[1] / "examples" / "digits_pytorch"
PLOT = Path(__file__).with_suffix(".svg")
SPARSITIES: dict[Method, tuple[float, ...]] = {
    "structured": (0.25, 0.5, 0.75, 0.9),
    "magnitude": (0.5, 0.75, 0.9, 0.95),
}

WIDTH, HEIGHT, LEFT, TOP = 300, 200, 46, 34
COLORS = {"pruned": "#c2410c", "trained again": "#1d4ed8"}

Points = dict[str, list[tuple[float, float]]]


def accuracy(spec: ModelSpec, weights: Path) -> float:
    """Return the share of held-out digits that the network of these weights finds."""
    import torch

    assert spec.accuracy is not None
    held = np.load(spec.accuracy.data)
    network: Any = read_module(replace(spec, source=weights)).eval()
    with torch.no_grad():
        found = network(torch.from_numpy(held["pixels"])).argmax(dim=1).numpy()
    return float((found == held["y"]).mean())


def measure(spec: ModelSpec, method: Method, sparsity: float, folder: Path) -> tuple[float, float]:
    """Return the accuracy of the pruned network, and after its script has trained it again."""
    assert spec.prune is not None
    asked = replace(spec.prune, method=method, sparsity=sparsity)
    pruned = replace(spec, prune=asked)
    files = write_pruned(pruned, folder)
    run = recover(pruned, S3Objects(spec.place("prune.recover")), ignore_lines)
    (left,) = run.model.iterdir()
    return accuracy(spec, files[WEIGHTS]), accuracy(spec, left)


def draw(whole: float, figures: dict[str, Points]) -> str:
    """Return an SVG: a plot for each method, and a line for each kind."""
    parts = [
        _plot(at, method, whole, points) for at, (method, points) in enumerate(figures.items())
    ]
    width, height = (WIDTH + 2 * LEFT) * len(figures), HEIGHT + 2 * TOP + 10
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}"'
    style = 'font-family="sans-serif" font-size="12" fill="#6b7280"'
    return f"{head} {style}>{''.join(parts)}</svg>\n"


def _plot(number: int, method: str, whole: float, points: Points) -> str:
    """Draw accuracy from 0 to 1 upwards, and sparsity from 0 to 1 to the right."""

    def at(sparsity: float, share: float) -> str:
        return f"{LEFT + WIDTH * sparsity:.1f},{TOP + HEIGHT * (1 - share):.1f}"

    drawn = [f'<text x="{LEFT}" y="{TOP - 14}">{method}: accuracy against sparsity</text>']
    for tick in (0.0, 0.25, 0.5, 0.75, 1.0):
        across, up = at(tick, 0).split(",")[0], at(0, tick).split(",")[1]
        drawn += [
            f'<text x="{across}" y="{TOP + HEIGHT + 16}" text-anchor="middle">{tick:g}</text>',
            f'<text x="{LEFT - 6}" y="{up}" text-anchor="end">{tick:g}</text>',
            f'<path d="M{at(0, tick)} L{at(1, tick)}" stroke="#d1d5db" stroke-width="0.5"/>',
        ]
    for line, (kind, found) in enumerate(points.items()):
        every, color = [(0.0, whole), *found], COLORS[kind]
        path = " ".join(at(*each) for each in every)
        drawn.append(f'<polyline points="{path}" fill="none" stroke="{color}" stroke-width="2"/>')
        x, y = LEFT + 8, TOP + HEIGHT - 26 + 16 * line
        drawn.append(f'<text x="{x}" y="{y}" fill="{color}">{kind}</text>')
    return f'<g transform="translate({number * (WIDTH + 2 * LEFT)} 0)">{"".join(drawn)}</g>'


def main() -> None:
    """Print a line for each method and sparsity, and write the plot."""
    with TemporaryDirectory() as name:
        folder = Path(name) / "example"
        shutil.copytree(EXAMPLE, folder, ignore=shutil.ignore_patterns(".lading", "__pycache__"))
        runpy.run_path(str(folder / "train.py"), run_name="__main__")
        spec = load_manifest(folder / "models.yaml").models["digits-pruned"]
        whole = accuracy(spec, spec.source)
        print(f"the whole network: {whole:.4f}\n")
        print("| method | sparsity | pruned | trained again |\n|---|---|---|---|")
        figures: dict[str, Points] = {}
        for method, sparsities in SPARSITIES.items():
            figures[method] = {kind: [] for kind in COLORS}
            for sparsity in sparsities:
                found = measure(spec, method, sparsity, Path(name))
                print(f"| {method} | {sparsity:g} | {found[0]:.4f} | {found[1]:.4f} |", flush=True)
                for kind, value in zip(COLORS, found, strict=True):
                    figures[method][kind].append((sparsity, value))
    PLOT.write_text(draw(whole, figures))


if __name__ == "__main__":
    main()

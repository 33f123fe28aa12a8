"""Train two networks on images of the handwritten digits that ship with scikit-learn.

Writes, beside this file, the images as PNG files in `images/`, with `calibration.csv` and
`holdout.csv`, which name images that training saw, and images that it never saw; `resnet/`, a small
Hugging Face ResNet with its image processor; and `model.pt`, the weights of the convolutional
network in convolutional.py.
"""

import csv
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from convolutional import Network
from PIL import Image
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from transformers import (
    AutoImageProcessor,
    ResNetConfig,
    ResNetForImageClassification,
    ViTImageProcessor,
)
from transformers.utils.logging import disable_progress_bar

SEED = 0
EPOCHS = 12
SIDE = 16
CALIBRATION = 100

Example = tuple[Path, int]
"""An image file, and the digit in it."""


def main(folder: Path) -> tuple[float, float]:
    """Train, save all in `folder`, and return both networks' accuracy on the held-out images."""
    examples = draw(folder)
    trained, held = train_test_split(examples, test_size=0.25, random_state=SEED)
    write(folder / "calibration.csv", trained[:CALIBRATION])
    write(folder / "holdout.csv", held)
    return train_resnet(folder, trained, held), train_convolutional(folder, trained, held)


def draw(folder: Path) -> list[Example]:
    """Write the digits, 8 x 8 pixels of 0 to 16, as gray PNG files of 32 x 32 pixels."""
    (folder / "images").mkdir(parents=True, exist_ok=True)
    pixels, digits = load_digits(return_X_y=True)
    examples = []
    for number, (each, digit) in enumerate(zip(pixels, digits, strict=True)):
        path = folder / "images" / f"{number:04}.png"
        gray = (each.reshape(8, 8) * 15).astype(np.uint8)
        Image.fromarray(gray).resize((32, 32), Image.Resampling.BICUBIC).save(path)
        examples.append((path, int(digit)))
    return examples


def write(table: Path, examples: Sequence[Example]) -> None:
    """Write rows of `image`, a path relative to the table's folder, and `y`."""
    with table.open("w", encoding="utf-8", newline="") as file:
        rows = ([path.relative_to(table.parent).as_posix(), digit] for path, digit in examples)
        csv.writer(file).writerows([["image", "y"], *rows])


def train_resnet(folder: Path, trained: Sequence[Example], held: Sequence[Example]) -> float:
    """Write a Hugging Face folder: weights, configuration, and how images are prepared."""
    torch.manual_seed(SEED)
    config = ResNetConfig(
        embedding_size=16,
        hidden_sizes=[16, 32],
        depths=[1, 1],
        layer_type="basic",
        id2label={digit: str(digit) for digit in range(10)},
    )
    disable_progress_bar()
    network = ResNetForImageClassification(config)
    ViTImageProcessor(size={"height": SIDE * 2, "width": SIDE * 2}).save_pretrained(
        folder / "resnet"
    )
    processor = AutoImageProcessor.from_pretrained(folder / "resnet", backend="pil")

    def pixels(examples: Sequence[Example]) -> torch.Tensor:
        images = [Image.open(path).convert("RGB") for path, _ in examples]
        return torch.from_numpy(np.stack(processor(images)["pixel_values"]))

    fit(network, lambda each: network(each).logits, pixels(trained), trained)
    network.save_pretrained(folder / "resnet")
    with torch.no_grad():
        return accuracy(network(pixels(held)).logits, held)


def train_convolutional(folder: Path, trained: Sequence[Example], held: Sequence[Example]) -> float:
    """Train a PyTorch network on gray pixels; models.yaml says how images become pixels."""

    def pixels(examples: Sequence[Example]) -> torch.Tensor:
        images = [Image.open(path).convert("L").resize((SIDE, SIDE), 2) for path, _ in examples]
        return torch.from_numpy(np.stack(images)[:, np.newaxis] / np.float32(255))

    torch.manual_seed(SEED)
    network = Network()
    fit(network, network, pixels(trained), trained)
    torch.save(network.state_dict(), folder / "model.pt")
    with torch.no_grad():
        return accuracy(network(pixels(held)), held)


def fit(
    network: torch.nn.Module,
    scores: Callable[[torch.Tensor], torch.Tensor],
    pixels: torch.Tensor,
    examples: Sequence[Example],
) -> None:
    """Train `network` on all examples in small batches; `scores` returns its logits."""
    digits = torch.tensor([digit for _, digit in examples])
    optimizer = torch.optim.AdamW(network.parameters(), lr=0.003)
    for _ in range(EPOCHS):
        for batch in torch.randperm(len(digits)).split(64):
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(scores(pixels[batch]), digits[batch]).backward()
            optimizer.step()
    network.eval()


def accuracy(scores: torch.Tensor, examples: Sequence[Example]) -> float:
    """Return the share of examples whose digit has the greatest score."""
    digits = torch.tensor([digit for _, digit in examples])
    return float((scores.argmax(dim=1) == digits).float().mean())


if __name__ == "__main__":
    here = Path(__file__).parent
    print("held-out accuracy {:.4f} (resnet/), {:.4f} (model.pt)".format(*main(here)))
    print(f"wrote both networks and the images in {here}")

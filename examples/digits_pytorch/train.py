"""Train a PyTorch network on the handwritten digits that ship with scikit-learn.

Writes, beside this file, the network in each form that PyTorch has: `model.pt` (its weights; the
class is in network.py), `model.pt2` (an exported program) and `scripted.pt` (TorchScript), and
`holdout.npz`: the rows that training never saw. `train.npz` has the others, for recover.py.
"""

import warnings
from pathlib import Path

import numpy as np
import torch
from network import Network
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

SEED = 0
EPOCHS = 200


def main(folder: Path) -> float:
    """Train, save all files in `folder`, and return the accuracy on the held-out rows."""
    pixels, digits = load_digits(return_X_y=True)
    train_x, held_x, train_y, held_y = train_test_split(
        pixels.astype(np.float32), digits, test_size=0.25, random_state=SEED, stratify=digits
    )
    torch.manual_seed(SEED)
    network = Network()
    fit(network, torch.from_numpy(train_x), torch.from_numpy(train_y))
    save(network, folder, torch.from_numpy(held_x))
    np.savez_compressed(folder / "holdout.npz", pixels=held_x, y=held_y)
    np.savez_compressed(folder / "train.npz", pixels=train_x, y=train_y)
    answers = network(torch.from_numpy(held_x)).argmax(dim=1)
    return float((answers == torch.from_numpy(held_y)).float().mean())


def fit(network: Network, pixels: torch.Tensor, digits: torch.Tensor) -> None:
    """Train on all rows at once; the data is small."""
    optimizer = torch.optim.AdamW(network.parameters(), lr=0.02)
    for _ in range(EPOCHS):
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(network(pixels), digits).backward()
        optimizer.step()
    network.eval()


def save(network: Network, folder: Path, rows: torch.Tensor) -> None:
    """The trained network in PyTorch's three forms."""
    torch.save(network.state_dict(), folder / "model.pt")
    free = {0: torch.export.Dim("batch")}
    program = torch.export.export(network, (rows,), dynamic_shapes=(free,))
    torch.export.save(program, folder / "model.pt2")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # TorchScript is deprecated, and still what many have
        torch.jit.script(network).save(folder / "scripted.pt")


if __name__ == "__main__":
    here = Path(__file__).parent
    print(f"held-out accuracy {main(here):.4f}; wrote the network's files in {here}")

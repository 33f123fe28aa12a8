"""Train the pruned network again: the script of `prune.recover` in models.yaml.

It runs under the contract of SageMaker's training containers. The channel `pruned` has the network
with zeros, and masks that are true where a weight stays. After each step the masks restore the
zeros. The class in network.py belongs to model.pt.
"""

import argparse
import os
from pathlib import Path

import numpy as np
import torch
from network import Network


def main(epochs: int, rate: float) -> None:
    """Train on the rows of the channel `train`, and write the network."""
    pruned, rows = (Path(os.environ[f"SM_CHANNEL_{name}"]) for name in ("PRUNED", "TRAIN"))
    network = Network()
    network.load_state_dict(torch.load(pruned / "model.pt"))
    masks = torch.load(pruned / "masks.pt")
    data = np.load(rows / "train.npz")
    pixels, digits = torch.from_numpy(data["pixels"]), torch.from_numpy(data["y"])
    weights = dict(network.named_parameters())
    optimizer = torch.optim.AdamW(network.parameters(), lr=rate)
    for epoch in range(1, epochs + 1):
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(network(pixels), digits)
        loss.backward()
        optimizer.step()
        with torch.no_grad():
            for name, mask in masks.items():
                weights[name].mul_(mask)
        if epoch % 50 == 0:
            print(f"epoch {epoch} of {epochs}: loss={loss.item():.6f}")
    torch.save(network.state_dict(), Path(os.environ["SM_MODEL_DIR"]) / "model.pt")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=int, default=200)
    parser.add_argument("--rate", type=float, default=0.01)
    given = parser.parse_args()
    main(given.epochs, given.rate)

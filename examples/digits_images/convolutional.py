"""The convolutional network that train.py trains; models.yaml names it as the class of model.pt."""

import torch
from torch.nn import functional


class Network(torch.nn.Module):
    """A network from gray images [batch, 1, 16, 16], 0 to 1, to scores of digits [batch, 10]."""

    def __init__(self) -> None:
        super().__init__()
        self.first = torch.nn.Conv2d(1, 16, 3, padding=1)
        self.second = torch.nn.Conv2d(16, 32, 3, padding=1)
        self.scores = torch.nn.Linear(32 * 4 * 4, 10)

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """Return the logits of the ten digits."""
        edges = functional.max_pool2d(torch.relu(self.first(pixels)), 2)
        shapes = functional.max_pool2d(torch.relu(self.second(edges)), 2)
        return self.scores(shapes.flatten(1))

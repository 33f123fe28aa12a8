"""The network that train.py trains; models.yaml names it as the class of model.pt."""

import torch


class Network(torch.nn.Module):
    """A dense network, 64-50-10: pixels [batch, 64] in, a score for each digit [batch, 10] out."""

    def __init__(self) -> None:
        super().__init__()
        self.hidden = torch.nn.Linear(64, 50)
        self.scores = torch.nn.Linear(50, 10)

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """Return the scores of images whose pixels are 0 to 16."""
        return self.scores(torch.relu(self.hidden(pixels / 16)))

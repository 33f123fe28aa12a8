"""The rooms of the source: every folder below `lading`, which are links to those at the top."""

from typing import Final

ROOMS: Final = (
    "api",
    "batch",
    "cli",
    "emulator",
    "functions",
    "model_packaging",
    "stacks",
    "training",
    "watching",
)

"""The versions that answer side by side in a stage, for the command that serves them here."""

from pathlib import Path

from lading.api.locked import SplitOf
from lading.stacks.plan.split import plan_split
from lading.stacks.stages.settings import load_deployment


def splits_of_stage(stages: Path, stage: str) -> SplitOf:
    """Return which versions of each model answer side by side in a stage."""
    settings = load_deployment(stages, stage).settings
    return lambda name, locked: plan_split(settings.model(name).split, locked)

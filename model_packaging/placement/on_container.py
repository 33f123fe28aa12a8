"""A model that only a container can serve: a class of the user's own, with its requirements."""

from lading.functions.inference.artifact.specification import PYTHON
from lading.model_packaging.placement.needs import Needs
from lading.model_packaging.placement.options import Option

RUNS_YOUR_CODE = "runs your code, whose requirements.txt a function has no layer for"


def refuses_others(needs: Needs) -> str:
    """Return why only a container can serve the model; empty if that is not so."""
    return f"it {RUNS_YOUR_CODE}" if needs.runtime == PYTHON else ""


def option(needs: Needs, requests: int) -> Option:
    """Return a container of the user's own, whose price and speed are not known here."""
    return Option("container", f"{needs.memory_mb:,} MB", 1, None, 0.0, 0.0, requests)

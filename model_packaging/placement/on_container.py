"""A model that is code in a container: the only instances that can serve one."""

from lading.functions.inference.artifact.specification import TORCHSCRIPT
from lading.model_packaging.placement.needs import Needs
from lading.model_packaging.placement.options import Option


def refuses_instances(needs: Needs) -> str:
    """Return why no instance of AWS can serve the model; empty if that is not so."""
    if runs_code(needs):
        return "it runs your code, and has no image there"
    return "engine: native goes to Lambda, or to a container of yours" if needs.runtime else ""


def runs_code(needs: Needs) -> bool:
    """Return whether the model is code, a class or a program."""
    return needs.runs_code or needs.runtime == TORCHSCRIPT


def option(needs: Needs, requests: int) -> Option:
    """Return a container of the user's own, whose price and speed are not known here."""
    return Option("container", f"{needs.memory_mb:,} MB", 1, None, 0.0, 0.0, requests)

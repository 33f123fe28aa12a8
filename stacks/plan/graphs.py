"""The models of a graph that engines serve: each endpoint must have the version that was tested.

The small models of a graph are inside its artifact. Others are asked at their endpoints, each of
which serves the stable version of its model, so a graph and its models must be deployed together.
"""

from collections.abc import Iterable, Mapping
from typing import Protocol

from lading.model_packaging.lock.file import Lock
from lading.stacks.errors import PlanError
from lading.stacks.stages.settings import ModelSettings


class PlannedNode(Protocol):
    """A planned model, as far as graphs need it."""

    @property
    def name(self) -> str:
        """Its name."""

    @property
    def version(self) -> int:
        """The version to deploy."""

    @property
    def settings(self) -> ModelSettings:
        """Its settings."""


def remote_nodes(locked: Lock, nodes: Mapping[str, int]) -> tuple[str, ...]:
    """Return the models of a graph that engines serve, by its entry in the lock."""
    return tuple(
        name
        for name, version in nodes.items()
        if version in locked.model(name).versions
        and locked.model(name).versions[version].engine is not None
    )


def require_nodes(
    graph: PlannedNode,
    nodes: Mapping[str, int],
    remote: Iterable[str],
    models: Iterable[PlannedNode],
) -> None:
    """Refuse a graph whose models at endpoints are not those that it was tested with.

    Args:
        graph: the graph.
        nodes: its models and their versions.
        remote: those of them that engines serve.
        models: the models to deploy.

    Raises:
        PlanError: an endpoint is missing, has another version, or is asynchronous.
    """
    planned = {model.name: model for model in models}
    for name in remote:
        tested, model = nodes[name], planned.get(name)
        reason = ""
        if model is None:
            reason = f"its model '{name}' is not deployed, and an endpoint must answer for it"
        elif model.version != tested:
            reason = (
                f"it was tested with version {tested} of '{name}', and version {model.version} "
                f"would answer; run `lading package {graph.name}`, or label version {tested} stable"
            )
        elif model.settings.sagemaker.mode == "async":
            reason = f"the endpoint of its model '{name}' is asynchronous; set its mode to steady"
        if reason:
            raise PlanError(graph.name, graph.version, reason)

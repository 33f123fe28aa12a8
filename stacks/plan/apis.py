"""The distribution of models over REST APIs.

One API is enough for 80 models. API Gateway allows 300 resources in an API, and a model needs two.
CloudFormation allows 500 resources in a stack, and a model needs five: two API resources, two
methods and a permission. With pages of other origins it needs two more methods, and 55 models fit.
The front function reads its models from its environment, which is limited to 4 KB. Models keep the
order of models.yaml, so a model that is added at its end moves no other to another address.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from lading.stacks.monitoring.signals import WatchedModel
from lading.stacks.stages.settings import Names

MOST_MODELS = 80
MOST_MODELS_WITH_PAGES = 55
MOST_NAME_BYTES = 3000


@dataclass(slots=True)
class PlannedApi:
    """One REST API.

    Args:
        number: its number, from 1.
        models: the models that it serves.
    """

    number: int
    models: list[WatchedModel] = field(default_factory=list)

    @property
    def suffix(self) -> str:
        """End of its names: nothing for the first."""
        return "" if self.number == 1 else f"-{self.number}"


def plan_apis(
    models: Iterable[WatchedModel], names: Names, *, pages: bool = False
) -> list[PlannedApi]:
    """Return as few APIs as the limits allow, filled in order; one if there is no model.

    Args:
        models: the models to serve.
        names: physical names of the stage.
        pages: whether pages of other origins may call the API.
    """
    most = MOST_MODELS_WITH_PAGES if pages else MOST_MODELS
    apis = [PlannedApi(1)]
    for model in models:
        if not _has_room(apis[-1], model, names, most):
            apis.append(PlannedApi(len(apis) + 1))
        apis[-1].models.append(model)
    return apis


def list_models(models: Iterable[WatchedModel], names: Names) -> str:
    """Return the models in the format of `contract.FRONT.models`."""
    prefix = names.function("")
    entries = ((model.name, model.function.removeprefix(prefix)) for model in models)
    return ",".join(name if name == rest else f"{name}={rest}" for name, rest in entries)


def describe(apis: Sequence[PlannedApi]) -> str:
    """Return the plan as text: which API serves which models."""
    lines = [f"{sum(len(api.models) for api in apis)} models need {len(apis)} REST APIs:"]
    lines += (
        f"  api{api.suffix}: {len(api.models)} models, {api.models[0].name} to "
        f"{api.models[-1].name}; its /models and /v2 list only these"
        for api in apis
    )
    return "\n".join(lines)


def _has_room(api: PlannedApi, model: WatchedModel, names: Names, most: int) -> bool:
    listed = list_models([*api.models, model], names)
    return len(api.models) < most and len(listed) <= MOST_NAME_BYTES

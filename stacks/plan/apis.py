"""Which REST API serves which model.

One is enough up to 80 models. API Gateway takes 300 resources an API, two for a model, and
CloudFormation takes 500 a stack, five for a model: two API resources, two methods, one permission;
two methods more where pages of other origins may ask, and then 55 models are the most.
The front function is told its models in its environment, which has 4 KB. Models come in the order
of models.yaml, so that one that is added at its end moves no other to another address.
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
        models: what it serves.
    """

    number: int
    models: list[WatchedModel] = field(default_factory=list)

    @property
    def suffix(self) -> str:
        """End of its names: nothing for the first."""
        return "" if self.number == 1 else f"-{self.number}"


def plan_apis(
    models: Iterable[WatchedModel], names: Names, *, pages: bool = False
) -> Sequence[PlannedApi]:
    """As few APIs as the limits allow, filled in order; one without any model.

    Args:
        models: what is served.
        names: physical names of the stage.
        pages: pages of other origins may ask.
    """
    most = MOST_MODELS_WITH_PAGES if pages else MOST_MODELS
    apis = [PlannedApi(1)]
    for model in models:
        if not _has_room(apis[-1], model, names, most):
            apis.append(PlannedApi(len(apis) + 1))
        apis[-1].models.append(model)
    return apis


def told_models(models: Iterable[WatchedModel], names: Names) -> str:
    """The models as `contract.FRONT.models` lists them."""
    prefix = names.function("")
    entries = ((model.name, model.function.removeprefix(prefix)) for model in models)
    return ",".join(name if name == rest else f"{name}={rest}" for name, rest in entries)


def describe(apis: Sequence[PlannedApi]) -> str:
    """The plan for people: which base URL serves which models."""
    lines = [f"{sum(len(api.models) for api in apis)} models need {len(apis)} REST APIs:"]
    lines += (
        f"  api{api.suffix}: {len(api.models)} models, {api.models[0].name} to "
        f"{api.models[-1].name}; its /models and /v2 speak for these alone"
        for api in apis
    )
    return "\n".join(lines)


def _has_room(api: PlannedApi, model: WatchedModel, names: Names, most: int) -> bool:
    told = told_models([*api.models, model], names)
    return len(api.models) < most and len(told) <= MOST_NAME_BYTES

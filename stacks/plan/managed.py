"""The function of a model on Lambda Managed Instances, by the stage."""

from lading.stacks.plan.endpoints import Repository
from lading.stacks.stages.managed import ManagedSettings, missing, too_few_vcpus
from lading.stacks.stages.settings import Deployment


def plan_managed(name: str, deployment: Deployment, region: str | None) -> ManagedSettings | None:
    """Return the settings of the function; None in an emulated account, which has no such hosts.

    Args:
        name: the model.
        deployment: the stage.
        region: the region; None: the AWS profile's.

    Raises:
        ValueError: the function cannot be created; the text says what to do.
    """
    if deployment.local:
        return None
    settings = deployment.settings.model(name).managed
    key = f"stages.{deployment.stage}.models.{name}.managed"
    lacking = missing(settings)
    if lacking:
        raise ValueError(
            f"its target is Lambda Managed Instances; write {key}.{lacking} in stages.yaml"
        )
    few = too_few_vcpus(settings)
    if few:
        raise ValueError(f"{key}: {few}")
    if settings.gpu_memory_gb is not None and deployment.settings.architecture != "x86_64":
        raise ValueError(
            f"a function with a GPU must be x86_64; set stages.{deployment.stage}.architecture"
        )
    if settings.image and Repository.of(settings.image).region != (region or ""):
        raise ValueError(
            f"Lambda pulls images from its own region, {region or 'which the stage must state'}; "
            f"copy {settings.image} there, and write it to {key}.image"
        )
    return settings

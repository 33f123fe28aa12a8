"""Endpoints alone in a stack, as the endpoint's tests need them."""

from pathlib import Path
from typing import Any

from aws_cdk import App, Stack
from aws_cdk import aws_kms as kms
from aws_cdk.assertions import Template

from lading.stacks.endpoint.job_store import JobStoreResources
from lading.stacks.endpoint.resources import SageMakerModel
from lading.stacks.plan.endpoints import EngineData, PlannedEndpoint
from lading.stacks.stages.sagemaker import SageMakerSettings
from lading.stacks.stages.settings import ArtifactKeys
from tests.stacks.projects import (
    IMAGE,
    local_artifact,
    locked,
    s3_copy,
    served_by_engine,
    write_project,
)
from tests.stacks.synthesis import synthesise

PLANNED = PlannedEndpoint(
    engine="triton",
    image=IMAGE,
    files=EngineData("artifacts-of-dev", f"models/chat/sha256/{'e' * 64}/"),
    environment={"SAGEMAKER_TRITON_DEFAULT_MODEL_NAME": "model"},
)


def endpoint_template(
    planned: PlannedEndpoint = PLANNED, alarms: tuple[str, ...] = (), **settings: Any
) -> Template:
    """The template of an endpoint; on a ml.g5.xlarge, unless its settings say otherwise."""
    return Template.from_stack(endpoint_stack(planned, alarms, **settings))


def endpoint_stack(
    planned: PlannedEndpoint = PLANNED, alarms: tuple[str, ...] = (), **settings: Any
) -> Stack:
    """The stack of that template."""
    stated = SageMakerSettings.model_validate({"instances": ["ml.g5.xlarge"], **settings})
    stack = Stack(App(), "chat")
    key = kms.Key(stack, "Key")
    queued = stated.mode == "async"
    SageMakerModel(
        stack,
        "Endpoint",
        endpoint=planned,
        version=3,
        settings=stated,
        prefix="lading-dev-model-chat",
        component_name="lading-dev-chat",
        artifact_keys=ArtifactKeys("alias/lading-dev-artifacts"),
        key=key,
        jobs=JobStoreResources(stack, "Jobs", days=7, key=key) if queued else None,
        alarms=alarms,
    )
    return stack


STAGES = """
stages:
  dev:
    regions: [eu-central-1]
    {judge}
    models: {{chat: {{sagemaker: {{instances: [ml.g5.xlarge], {settings}}}}}}}
"""


def stacks(
    folder: Path, settings: str, *, judge: str = "", **asked: Any
) -> tuple[Template, Template]:
    """The templates of the model's stack and of the API's."""
    entry = served_by_engine("chat")
    if asked.get("local"):
        entry["versions"]["3"].update(local_artifact(folder, "chat")["versions"]["3"])
        entry["versions"]["3"].update(target="sagemaker")
    lock = {"chat": entry, "small": locked(s3_copy("small"))}
    target = {"target": "sagemaker", "twin": "small"}
    write_project(folder, lock, STAGES.format(settings=settings, judge=judge), chat=target)
    (region,) = synthesise(folder, **asked)
    return Template.from_stack(region.models[0]), Template.from_stack(region.apis[0])

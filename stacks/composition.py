"""The stacks of an app: artifacts, models and APIs, in each region of the stage."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypedDict

from aws_cdk import Annotations, App, Stack, Tags
from aws_cdk import aws_iam as iam
from aws_cdk.region_info import RegionInfo

import lading
from lading.model_packaging.errors import likely
from lading.stacks.api_stack import ApiStack
from lading.stacks.artifact_stack import ArtifactStack
from lading.stacks.build.lambda_code import LambdaCode
from lading.stacks.delivery_stack import DeliveryStack, delivery_name
from lading.stacks.errors import SettingsError
from lading.stacks.function.code_assets import CodeAssets
from lading.stacks.function.logged_function import StageFunctions
from lading.stacks.model_stack import ModelStack
from lading.stacks.plan.apis import PlannedApi, describe, plan_apis
from lading.stacks.plan.models import RegionPlan, plan_models
from lading.stacks.retraining.plan import PlannedRetraining, plan_retraining
from lading.stacks.retraining_stack import RetrainingStack
from lading.stacks.stages.settings import Deployment, load_deployment
from lading.stacks.stages.target import Target, architecture_here, lambda_target, local_target

_LINT = {"cfn-lint": {"config": {"ignore_checks": ["W3005"]}}}
"""Metadata of every template for cfn-lint: the CDK writes each dependency that it knows twice."""


@dataclass(frozen=True, slots=True)
class RegionStacks:
    """The stacks of one region."""

    artifacts: ArtifactStack
    models: tuple[ModelStack, ...]
    apis: tuple[ApiStack, ...]
    retraining: tuple[RetrainingStack, ...] = ()


class _Common(TypedDict):
    """Arguments of every stack of models and APIs."""

    deployment: Deployment
    region: str | None
    shared: StageFunctions


def add_stacks(app: App, project: Path) -> tuple[RegionStacks, ...]:
    """Add every stack of the stage that the context names, in each of its regions.

    Context: `stage` (dev); `local` for an emulated account, with `sagemaker_runtime`, the URL of
    its SageMaker, and `lambda_layers` if it runs Lambda's Python; `manifest`, `lock` and `stages`
    for files outside the project's root.

    Raises:
        StackError: something cannot be deployed; no stack has been created.
    """
    deployment = _deployment(app, project)
    settings = deployment.settings
    for region in settings.regions:
        _require_known(region, deployment)
    manifest, lock = (
        project / (app.node.try_get_context(key) or default)
        for key, default in (("manifest", "models.yaml"), ("lock", "models.lock.json"))
    )
    regions: tuple[str | None, ...] = settings.regions or (None,)
    plans = [(region, plan_models(manifest, lock, deployment, region)) for region in regions]
    again = plan_retraining(manifest, lock, deployment, regions[0])
    code = LambdaCode(code_folder(project), _target(app, deployment), project)
    shared = StageFunctions(
        CodeAssets(code), settings.architecture, settings.log_retention_days, settings.log_key
    )
    for key, value in deployment.tags.items():
        Tags.of(app).add(key, value)
    added = [_add_region(app, deployment, region, plan, shared) for region, plan in plans]
    first = _add_retraining(app, deployment, regions[0], again, added[0].artifacts, project)
    _add_delivery(app, deployment, regions[0], added[0].artifacts)
    return replace(added[0], retraining=first), *added[1:]


def code_folder(project: Path) -> Path:
    """Return the folder of the functions' code: a checkout of Lading, or the installed package."""
    package = Path(lading.__path__[0])
    checkout = package.resolve().parent
    return checkout if checkout == project.resolve() else package


def _deployment(app: App, project: Path) -> Deployment:
    context = app.node.try_get_context
    local = str(context("local") or "false").lower() == "true"
    path = project / (context("stages") or "stages.yaml")
    deployment = load_deployment(path, context("stage") or "dev", local=local)
    return replace(deployment, runtime=context("sagemaker_runtime") or "")


def _target(app: App, deployment: Deployment) -> Target:
    """Return what the code is built for: Lambda, or the interpreter of an emulated account."""
    if not deployment.local:
        return lambda_target(deployment.settings.architecture)
    here = architecture_here()
    own = here is None or app.node.try_get_context("lambda_layers") is None
    return local_target() if own or here is None else lambda_target(here)


def _require_known(region: str, deployment: Deployment) -> None:
    known = [info.name for info in RegionInfo.regions]
    if region not in known:
        guess = likely(region, known)
        advice = f"; did you mean '{guess}'?" if guess else ""
        raise SettingsError(f"stage '{deployment.stage}': there is no region '{region}'{advice}")


def _add_region(
    app: App, deployment: Deployment, region: str | None, plan: RegionPlan, shared: StageFunctions
) -> RegionStacks:
    names, settings = deployment.names, deployment.settings
    suffix = deployment.region_suffix(region)
    artifacts = ArtifactStack(
        app, f"{names.artifact_stack}{suffix}", deployment=deployment, region=region
    )
    for name, reason in plan.waiting.items():
        Annotations.of(artifacts).add_info(f"model '{name}' is not deployed: {reason}")
    _note_signatures(artifacts, deployment, plan)
    common: _Common = {"deployment": deployment, "region": region, "shared": shared}
    made: dict[str, ModelStack] = {}
    for model in sorted(plan.models, key=lambda model: bool(model.remote)):
        nodes = {name: it for name in model.remote if (it := made[name].endpoint)}
        id_ = f"{names.model_stack(model.name)}{suffix}"
        made[model.name] = ModelStack(app, id_, model=model, nodes=nodes, **common)
    models = tuple(made[model.name] for model in plan.models)
    planned = plan_apis([stack.watched for stack in models], names, pages=bool(settings.cors))
    if len(planned) > 1:
        Annotations.of(artifacts).add_info(describe(planned))
    apis = tuple(
        ApiStack(app, f"{names.api_stack}{api.suffix}{suffix}", apis=planned, api=api, **common)
        for api in planned
    )
    stacks = RegionStacks(artifacts, models, apis)
    _order(planned, stacks)
    for each in (artifacts, *models, *apis):
        _limit_roles(each, settings.permissions_boundary)
        each.template_options.metadata = _LINT
    return stacks


def _note_signatures(stack: Stack, deployment: Deployment, plan: RegionPlan) -> None:
    """Warn of models without a valid signature, and say where no signature is verified."""
    notes, settings = Annotations.of(stack), deployment.settings.signatures
    for name, reason in plan.unsigned.items():
        notes.add_warning_v2(f"lading:signature-{name}", reason)
    if plan.models and not settings.key and settings.policy != "off":
        key = f"stages.{deployment.stage}.signatures.key"
        notes.add_info(f"signatures of models are not verified: {key} names no key")


def _add_retraining(  # noqa: PLR0917 - what a stack is made from
    app: App,
    deployment: Deployment,
    region: str | None,
    plans: tuple[PlannedRetraining, ...],
    artifacts: ArtifactStack,
    checkout: Path,
) -> tuple[RetrainingStack, ...]:
    """Add a stack for each model that the cloud trains again, in the stage's first region."""
    stacks = []
    for plan in plans:
        name = deployment.names.retraining_stack(plan.spec.name)
        stack = RetrainingStack(
            app,
            f"{name}{deployment.region_suffix(region)}",
            deployment=deployment,
            region=region,
            plan=plan,
            checkout=checkout,
        )
        stack.add_stack_dependency(artifacts)
        _limit_roles(stack, deployment.settings.permissions_boundary)
        stack.template_options.metadata = _LINT
        stacks.append(stack)
    return tuple(stacks)


def _add_delivery(
    app: App, deployment: Deployment, region: str | None, artifacts: ArtifactStack
) -> None:
    """Add the stack of who delivers to the stage; an emulated account has nobody who does."""
    if deployment.local or not deployment.settings.delivery.wanted:
        return
    pipeline = deployment.settings.delivery.pipeline
    if pipeline is not None and deployment.stage in pipeline.before:
        key = f"stages.{deployment.stage}.delivery.pipeline.before"
        raise SettingsError(f"{key}: names the stage itself, which is always the last; remove it")
    name = f"{delivery_name(deployment)}{deployment.region_suffix(region)}"
    stack = DeliveryStack(app, name, deployment=deployment, region=region)
    stack.add_stack_dependency(artifacts)
    _limit_roles(stack, deployment.settings.permissions_boundary)
    stack.template_options.metadata = _LINT


def _order(planned: list[PlannedApi], stacks: RegionStacks) -> None:
    """Deploy each API after its tokens and its models, and after the API with the log role."""
    first = stacks.apis[0]
    for api, stack in zip(planned, stacks.apis, strict=True):
        served = {model.name for model in api.models}
        stack.add_stack_dependency(stacks.artifacts)
        for model in stacks.models:
            if model.watched.name in served:
                stack.add_stack_dependency(model)
        if stack is not first:
            stack.add_stack_dependency(first)


def _limit_roles(stack: Stack, boundary: str | None) -> None:
    """Set the permissions boundary of every role of a stack, if there is one."""
    if boundary is None:
        return
    find = (
        iam.ManagedPolicy.from_managed_policy_arn
        if boundary.startswith("arn:")
        else iam.ManagedPolicy.from_managed_policy_name
    )
    iam.PermissionsBoundary.of(stack).apply(find(stack, "Boundary", boundary))

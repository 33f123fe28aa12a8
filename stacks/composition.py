"""The stacks of an app: for each region of the stage, artifacts, models and the API."""

from dataclasses import dataclass, replace
from pathlib import Path

from aws_cdk import Annotations, App, Stack, Tags
from aws_cdk import aws_iam as iam
from aws_cdk.region_info import RegionInfo

from lading.model_packaging.errors import likely
from lading.stacks.api_stack import ApiStack
from lading.stacks.artifact_stack import ArtifactStack
from lading.stacks.build.lambda_code import LambdaCode
from lading.stacks.errors import SettingsError
from lading.stacks.function.code_assets import CodeAssets
from lading.stacks.model_stack import ModelStack
from lading.stacks.plan.apis import PlannedApi, describe, plan_apis
from lading.stacks.plan.models import RegionPlan, plan_models
from lading.stacks.stages.settings import Deployment, load_deployment
from lading.stacks.stages.target import lambda_target, local_target

_LINT = {"cfn-lint": {"config": {"ignore_checks": ["W3005"]}}}
"""In every template, for whoever lints it: the CDK states each dependency that it knows twice."""


@dataclass(frozen=True, slots=True)
class RegionStacks:
    """The stacks of one region."""

    artifacts: ArtifactStack
    models: tuple[ModelStack, ...]
    apis: tuple[ApiStack, ...]


def add_stacks(app: App, project: Path) -> tuple[RegionStacks, ...]:
    """Every stack of the stage that the context names, in each of its regions.

    Context: `stage` (dev); `local`, for an emulated cloud, and `sagemaker_runtime`, the URL of an
    emulated SageMaker beside it; `manifest`, `lock` and `stages`, for
    files elsewhere than in the project's root.

    Raises:
        StackError: something cannot be deployed; nothing has been made of it.
    """
    deployment = _deployment(app, project)
    regions: tuple[str | None, ...] = deployment.settings.regions or (None,)
    for region in deployment.settings.regions:
        _require_known(region, deployment)
    manifest, lock = (
        project / (app.node.try_get_context(key) or default)
        for key, default in (("manifest", "models.yaml"), ("lock", "models.lock.json"))
    )
    plans = [(region, plan_models(manifest, lock, deployment, region)) for region in regions]
    target = lambda_target(deployment.settings.architecture)
    assets = CodeAssets(LambdaCode(project, local_target() if deployment.local else target))
    for key, value in deployment.tags.items():
        Tags.of(app).add(key, value)
    return tuple(_add_region(app, deployment, region, plan, assets) for region, plan in plans)


def _deployment(app: App, project: Path) -> Deployment:
    context = app.node.try_get_context
    local = str(context("local") or "false").lower() == "true"
    path = project / (context("stages") or "stages.yaml")
    deployment = load_deployment(path, context("stage") or "dev", local=local)
    return replace(deployment, runtime=context("sagemaker_runtime") or "")


def _require_known(region: str, deployment: Deployment) -> None:
    known = [info.name for info in RegionInfo.regions]
    if region not in known:
        guess = likely(region, known)
        advice = f"; did you mean '{guess}'?" if guess else ""
        raise SettingsError(f"stage '{deployment.stage}': there is no region '{region}'{advice}")


def _bound(stack: Stack, boundary: str | None) -> None:
    """Bound every role of a stack by a policy, if there is one."""
    if boundary is None:
        return
    find = (
        iam.ManagedPolicy.from_managed_policy_arn
        if boundary.startswith("arn:")
        else iam.ManagedPolicy.from_managed_policy_name
    )
    iam.PermissionsBoundary.of(stack).apply(find(stack, "Boundary", boundary))


def _add_region(
    app: App, deployment: Deployment, region: str | None, plan: RegionPlan, assets: CodeAssets
) -> RegionStacks:
    several = len(deployment.settings.regions) > 1

    def id_(stack: str) -> str:
        return f"{stack}-{region}" if several else stack

    names = deployment.names
    artifacts = ArtifactStack(app, id_(names.artifact_stack), deployment=deployment, region=region)
    for name, reason in plan.waiting.items():
        Annotations.of(artifacts).add_info(f"model '{name}' is not deployed: {reason}")
    models = tuple(
        ModelStack(
            app,
            id_(names.model_stack(model.name)),
            deployment=deployment,
            region=region,
            model=model,
            assets=assets,
        )
        for model in plan.models
    )
    planned = plan_apis(
        [stack.watched for stack in models], names, pages=bool(deployment.settings.cors)
    )
    if len(planned) > 1:
        Annotations.of(artifacts).add_info(describe(planned))
    apis = tuple(
        ApiStack(
            app,
            id_(f"{names.api_stack}{api.suffix}"),
            deployment=deployment,
            region=region,
            apis=planned,
            api=api,
            assets=assets,
        )
        for api in planned
    )
    for api, stack in zip(planned, apis, strict=True):
        _order(api, stack, apis[0], artifacts, models)
    for each in (artifacts, *models, *apis):
        _bound(each, deployment.settings.permissions_boundary)
        each.template_options.metadata = _LINT
    return RegionStacks(artifacts, models, apis)


def _order(
    api: PlannedApi,
    stack: ApiStack,
    first: ApiStack,
    artifacts: ArtifactStack,
    models: tuple[ModelStack, ...],
) -> None:
    """An API comes after what it names: its table, its models; and after the account's log role."""
    served = {model.name for model in api.models}
    stack.add_stack_dependency(artifacts)
    for model in models:
        if model.watched.name in served:
            stack.add_stack_dependency(model)
    if stack is not first:
        stack.add_stack_dependency(first)

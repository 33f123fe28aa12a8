"""The pipeline of CodePipeline: package, deploy and check stage after stage, promote.

Its builds run the very commands of the workflows for GitHub Actions.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aws_cdk import Fn
from aws_cdk import aws_codebuild as codebuild
from aws_cdk import aws_codepipeline as codepipeline
from aws_cdk import aws_iam as iam
from constructs import Construct

from lading.stacks.delivery.steps import commands
from lading.stacks.retraining.builds import BUILD_IMAGE, BUILD_SIZES, PYTHON, QUEUED_MINUTES
from lading.stacks.stages.delivery import PipelineSettings

_NODE = "22"
_LINUX = "LINUX_CONTAINER"
_SOURCE, _CANDIDATES, _PROMOTED = "Source", "Candidates", "Promoted"
"""The pipeline's artifacts: a checkout, one whose lock has the candidates, and the new lock."""


@dataclass(frozen=True, slots=True)
class PipelineBuild:
    """One CodeBuild project of the pipeline.

    Args:
        key: end of its name, and the id of its construct.
        commands: what it runs, one shell text for each step.
        files: the files that it hands on; none: no artifact.
        node: whether it needs Node.js.
    """

    key: str
    commands: Sequence[str]
    files: Sequence[str] = ()
    node: bool = False


def builds() -> tuple[PipelineBuild, PipelineBuild, PipelineBuild]:
    """Return the builds: package, deploy, promote."""
    return (
        PipelineBuild(
            "package", commands("lading-deploy", "package", "Package and gate"), ["**/*"]
        ),
        PipelineBuild("deploy", commands("lading-stage", "deploy", "Deploy", "Smoke"), node=True),
        PipelineBuild("promote", ["lading promote"], ["models.lock.json"]),
    )


def build_spec(build: PipelineBuild) -> dict[str, Any]:
    """Return the buildspec of a build; each step is one command, and the first failure ends it."""
    job = ("lading-stage", "deploy") if build.node else ("lading-deploy", "package")
    versions = {"python": PYTHON, **({"nodejs": _NODE} if build.node else {})}
    handed = {"artifacts": {"files": [*build.files]}} if build.files else {}
    return {
        "version": "0.2",
        "env": {"shell": "bash"},
        "phases": {
            "install": {
                "on-failure": "ABORT",
                "runtime-versions": versions,
                "commands": commands(*job, "Install"),
            },
            "build": {
                "on-failure": "ABORT",
                "commands": [f"set -euo pipefail\n{each}" for each in build.commands],
            },
        },
        **handed,
    }


def build_project(  # noqa: PLR0917 - what a build is made from
    scope: Construct,
    build: PipelineBuild,
    name: str,
    role: iam.IRole,
    log: str,
    settings: PipelineSettings,
    variables: Mapping[str, str],
) -> codebuild.CfnProject:
    """Create the project of a build.

    Args:
        scope: the stack.
        build: what it runs.
        name: the project's name.
        role: the role of its runs.
        log: name of the log group that receives their output.
        settings: size and longest time.
        variables: environment variables of every run.
    """
    kind = codebuild.CfnProject
    project = kind(
        scope,
        build.key.title(),
        name=name,
        service_role=role.role_arn,
        artifacts=kind.ArtifactsProperty(type="CODEPIPELINE"),
        source=kind.SourceProperty(
            type="CODEPIPELINE", build_spec=json.dumps(build_spec(build), indent=2)
        ),
        environment=kind.EnvironmentProperty(
            type=_LINUX,
            image=BUILD_IMAGE,
            compute_type=BUILD_SIZES[settings.build_size],
            privileged_mode=False,
            environment_variables=[
                kind.EnvironmentVariableProperty(name=key, value=value, type="PLAINTEXT")
                for key, value in variables.items()
            ],
        ),
        logs_config=kind.LogsConfigProperty(
            cloud_watch_logs=kind.CloudWatchLogsConfigProperty(status="ENABLED", group_name=log)
        ),
        encryption_key=Fn.sub(
            "arn:${AWS::Partition}:kms:${AWS::Region}:${AWS::AccountId}:alias/aws/s3"
        ),
        timeout_in_minutes=settings.build_minutes,
        queued_timeout_in_minutes=QUEUED_MINUTES,
        visibility="PRIVATE",
    )
    project.node.add_dependency(role)
    return project


def pipeline_stages(
    settings: PipelineSettings, projects: Mapping[str, str], stage: str
) -> list[codepipeline.CfnPipeline.StageDeclarationProperty]:
    """Return the pipeline's stages, in order.

    Args:
        settings: the repository, and the stages before this one.
        projects: key of a build -> name of its project.
        stage: the stage that is delivered to.
    """
    source = {
        "ConnectionArn": settings.connection,
        "FullRepositoryId": settings.repository,
        "BranchName": settings.branch,
        "OutputArtifactFormat": "CODE_ZIP",
        "DetectChanges": "true",
    }
    kind = ("Source", "AWS", "CodeStarSourceConnection")
    stages = [_stage("Source", _action("Source", kind, source, gives=_SOURCE))]
    package = _build("Package", projects["package"], _SOURCE, gives=_CANDIDATES)
    stages.append(_stage("Package", package))
    stages += [
        _stage(each.title(), _deploy(projects["deploy"], each, 1)) for each in settings.before
    ]
    approval = [_action("Approve", ("Approval", "AWS", "Manual"), {})] if settings.approval else []
    last = _deploy(projects["deploy"], stage, 1 + len(approval))
    stages.append(_stage(stage.title(), *approval, last))
    promote = _build("Promote", projects["promote"], _CANDIDATES, gives=_PROMOTED)
    return [*stages, _stage("Promote", promote)]


def _stage(
    name: str, *actions: codepipeline.CfnPipeline.ActionDeclarationProperty
) -> codepipeline.CfnPipeline.StageDeclarationProperty:
    return codepipeline.CfnPipeline.StageDeclarationProperty(name=name, actions=[*actions])


def _deploy(
    project: str, stage: str, order: int
) -> codepipeline.CfnPipeline.ActionDeclarationProperty:
    variables = [{"name": "STAGE", "value": stage, "type": "PLAINTEXT"}]
    more = {"EnvironmentVariables": json.dumps(variables)}
    return _build("Deploy", project, _CANDIDATES, more=more, order=order)


def _build(
    name: str,
    project: str,
    takes: str,
    *,
    gives: str = "",
    more: Mapping[str, str] | None = None,
    order: int = 1,
) -> codepipeline.CfnPipeline.ActionDeclarationProperty:
    configuration = {"ProjectName": project, **(more or {})}
    kind = ("Build", "AWS", "CodeBuild")
    return _action(name, kind, configuration, takes=takes, gives=gives, order=order)


def _action(
    name: str,
    kind: tuple[str, str, str],
    configuration: Mapping[str, str],
    *,
    takes: str = "",
    gives: str = "",
    order: int = 1,
) -> codepipeline.CfnPipeline.ActionDeclarationProperty:
    pipeline = codepipeline.CfnPipeline
    category, owner, provider = kind
    return pipeline.ActionDeclarationProperty(
        name=name,
        action_type_id=pipeline.ActionTypeIdProperty(
            category=category, owner=owner, provider=provider, version="1"
        ),
        configuration=dict(configuration),
        input_artifacts=[pipeline.InputArtifactProperty(name=takes)] if takes else None,
        output_artifacts=[pipeline.OutputArtifactProperty(name=gives)] if gives else None,
        run_order=order,
    )

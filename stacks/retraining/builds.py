"""The CodeBuild project of a retraining, and the commands of its builds.

One project does both builds: `prepare` before the training job, `package` after it. What a build
found is the exported variable RESULT, one JSON document. A model that the gate rejects is such a
finding too; a build fails only if it could not do its work.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from aws_cdk import Aws, Fn
from aws_cdk import aws_codebuild as codebuild
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3_assets as assets
from constructs import Construct

from lading.stacks.stages.retraining import BuildSize, Retraining

RESULT, STEP, KEY, JOB = "RESULT", "STEP", "RECIPE_KEY", "TRAINING_JOB"
"""The exported variable, and the variables that the state machine sets for each build."""

PYTHON = "3.13"
QUEUED_MINUTES = 60
"""The longest wait for a machine."""

BUILD_IMAGE = "aws/codebuild/amazonlinux-x86_64-standard:5.0"
BUILD_SIZES: Mapping[BuildSize, str] = {
    "small": "BUILD_GENERAL1_SMALL",
    "medium": "BUILD_GENERAL1_MEDIUM",
    "large": "BUILD_GENERAL1_LARGE",
}
_STEPS = "python -m lading.training.retraining.steps"
_PREPARE = f'export {RESULT}="$({_STEPS} prepare "$MODEL" --work "$WORK" --store "$STORE")"'
_COLLECT = f'{_STEPS} collect "$MODEL" --key "${KEY}" --job "${JOB}"'
_PACKAGE = (
    'lading package "$MODEL" --store "$STORE" --lock retrained.models.lock.json --json > '
    "package.json"
)
_CONCLUDE = f'export {RESULT}="$({_STEPS} conclude "$MODEL")"'


def build_spec(requirements: Sequence[str]) -> dict[str, Any]:
    """Return the commands of both builds.

    `lading package` tells in package.json what it rejected, and `conclude` reads that.

    Args:
        requirements: files of the libraries that packaging needs.
    """
    return {
        "version": "0.2",
        "env": {"exported-variables": [RESULT]},
        "phases": {
            "install": {
                "runtime-versions": {"python": PYTHON},
                "commands": [
                    'cd "$CODEBUILD_SRC_DIR_lading"',
                    *(f"python -m pip install --quiet -r {file}" for file in requirements),
                    "python -m pip install --quiet --no-deps .",
                ],
            },
            "build": {
                "commands": [
                    'cd "$CODEBUILD_SRC_DIR"',
                    f'if [ "${STEP}" = prepare ]; then {_PREPARE}; fi',
                    f'if [ "${STEP}" = package ]; then {_COLLECT} && {_PACKAGE} || true; fi',
                    f'if [ "${STEP}" = package ]; then {_CONCLUDE}; fi',
                    f'test -n "${RESULT}"',
                ]
            },
        },
    }


def build_project(
    scope: Construct,
    name: str,
    *,
    role: iam.IRole,
    log: logs.ILogGroup,
    settings: Retraining,
    project: assets.Asset,
    lading: assets.Asset,
    variables: Mapping[str, str],
) -> codebuild.CfnProject:
    """Create the project.

    Args:
        scope: the stack.
        name: the project's name.
        role: the role of its builds.
        log: receives their output.
        settings: size and longest time.
        project: the model's files.
        lading: Lading itself.
        variables: environment variables of every build.
    """
    kind = codebuild.CfnProject
    commands = json.dumps(build_spec(settings.installed), indent=2)
    return kind(
        scope,
        "Builds",
        name=name,
        description="Packages a trained model, and compares it with the version that serves",
        service_role=role.role_arn,
        artifacts=kind.ArtifactsProperty(type="NO_ARTIFACTS"),
        source=kind.SourceProperty(type="S3", location=_location(project), build_spec=commands),
        secondary_sources=[
            kind.SourceProperty(type="S3", location=_location(lading), source_identifier="lading")
        ],
        environment=kind.EnvironmentProperty(
            type="LINUX_CONTAINER",
            image=BUILD_IMAGE,
            compute_type=BUILD_SIZES[settings.build_size],
            privileged_mode=False,
            environment_variables=[
                kind.EnvironmentVariableProperty(name=key, value=value, type="PLAINTEXT")
                for key, value in variables.items()
            ],
        ),
        logs_config=kind.LogsConfigProperty(
            cloud_watch_logs=kind.CloudWatchLogsConfigProperty(
                status="ENABLED", group_name=log.log_group_name
            )
        ),
        encryption_key=Fn.sub(
            "arn:${AWS::Partition}:kms:${AWS::Region}:${AWS::AccountId}:alias/aws/s3"
        ),
        timeout_in_minutes=settings.build_minutes,
        queued_timeout_in_minutes=QUEUED_MINUTES,
        concurrent_build_limit=1,
        visibility="PRIVATE",
    )


def project_arn(name: str) -> str:
    """Return the ARN of a project."""
    return f"arn:{Aws.PARTITION}:codebuild:{Aws.REGION}:{Aws.ACCOUNT_ID}:project/{name}"


def _location(asset: assets.Asset) -> str:
    return f"{asset.s3_bucket_name}/{asset.s3_object_key}"

"""A Lambda function with an explicit log group, role and tracing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, cast

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from lading.functions.contract.names import function_log
from lading.stacks.function.code_assets import CodeAssets
from lading.stacks.permissions import acknowledge, acknowledge_resource, own_service
from lading.stacks.stages.target import LAMBDA_PYTHON, Architecture

RUNTIME = lambda_.Runtime(
    f"python{LAMBDA_PYTHON}", lambda_.RuntimeFamily.PYTHON, supports_snap_start=True
)

_KEEP_VERSIONS = lambda_.VersionOptions(removal_policy=RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE)
"""The template forgets old versions and keeps them; the traffic hook deletes them."""

_ARCHITECTURES = {"x86_64": lambda_.Architecture.X86_64, "arm64": lambda_.Architecture.ARM_64}


@dataclass(frozen=True, slots=True)
class StageFunctions:
    """Settings that all functions of a stage share.

    Args:
        assets: the Lambda code.
        architecture: the processors that they run on.
        log_retention_days: how long CloudWatch keeps their logs.
        log_key: ARN of the key that encrypts them; None: CloudWatch's own.
    """

    assets: CodeAssets
    architecture: Architecture
    log_retention_days: int
    log_key: str | None = None


class LoggedFunction(Construct):
    """A function whose role may write its own log and its traces, and nothing else.

    Args:
        scope: the stack.
        id_: the construct's id.
        shared: what it shares with the other functions of the stage.
        name: the function's name; the log group is named after it.
        handler: module and name of its entry.
        layers: layers, which Lambda unpacks to `/opt`.
        memory_mb: memory; processors come in proportion.
        timeout_s: time limit of one invocation.
        environment: environment variables.
        snap_start: whether published versions start from a snapshot.
        reserved_concurrency: the highest number of invocations at the same time.
        failures: who notices a failed invocation, so that no dead-letter queue is needed.
        image: a container image in place of code, handler and layers.
        code: code of its own in place of that of all functions.
        environments: fewest and most execution environments of a version on managed instances.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        shared: StageFunctions,
        name: str,
        handler: str,
        layers: Sequence[lambda_.ILayerVersion] = (),
        memory_mb: int = 256,
        timeout_s: int = 30,
        environment: Mapping[str, str] | None = None,
        snap_start: bool = False,
        reserved_concurrency: int | None = None,
        failures: str = "its caller waits for the answer and sees a failure",
        image: lambda_.Code | None = None,
        code: lambda_.Code | None = None,
        environments: tuple[int, int | None] | None = None,
    ) -> None:
        super().__init__(scope, id_)
        log_group = stage_log(self, "Log", function_log(name), shared)
        self.role = iam.Role(self, "Role", assumed_by=own_service("lambda"))
        log_group.grant_write(self.role)
        self.function = lambda_.Function(
            self,
            "Function",
            function_name=name,
            runtime=lambda_.Runtime.FROM_IMAGE if image else RUNTIME,
            architecture=_ARCHITECTURES[shared.architecture],
            handler=lambda_.Handler.FROM_IMAGE if image else handler,
            code=image or code or shared.assets.functions(self),
            layers=None if image else list(layers),
            memory_size=memory_mb,
            timeout=Duration.seconds(timeout_s),
            environment=dict(environment or {}),
            role=self.role,
            log_group=log_group,
            tracing=lambda_.Tracing.ACTIVE,
            snap_start=lambda_.SnapStartConf.ON_PUBLISHED_VERSIONS if snap_start else None,
            reserved_concurrent_executions=reserved_concurrency,
            current_version_options=_KEEP_VERSIONS if environments is None else _kept(environments),
        )
        self._acknowledge(failures)

    def _acknowledge(self, failures: str) -> None:
        """Acknowledge findings of AWS Solutions and Serverless, each with its reason."""
        newest = f"the code is built for Python {LAMBDA_PYTHON}, which one constant names"
        aliased = "callers use the alias, which points to published versions only"
        for rule, reason in (
            ("AwsSolutions-L1", newest),
            ("Serverless-LambdaLatestVersion", newest),
            ("Serverless-LambdaDLQ", failures),
            ("Annotation::@aws-cdk/aws-lambda:snapStartRequirePublish", aliased),
        ):
            acknowledge(self.function, rule, reason)
        traces = "X-Ray's PutTraceSegments and PutTelemetryRecords accept no resource"
        acknowledge_resource(self.role, "*", traces)


def _kept(environments: tuple[int, int | None]) -> lambda_.VersionOptions:
    """Return the options of versions with these environments, which are kept too."""
    fewest, most = environments
    return lambda_.VersionOptions(
        removal_policy=RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
        min_execution_environments=fewest,
        max_execution_environments=most,
    )


class LogKeeping(Protocol):
    """How a stage keeps its logs."""

    @property
    def log_retention_days(self) -> int:
        """How long CloudWatch keeps them."""

    @property
    def log_key(self) -> str | None:
        """ARN of the key that encrypts them; None: CloudWatch's own."""


def stage_log(scope: Construct, id_: str, name: str, kept: LogKeeping) -> logs.LogGroup:
    """Create a log group, kept as its stage wants.

    It is deleted with its stack: otherwise the next stack could not create it under the same name.
    """
    log = logs.LogGroup(
        scope, id_, log_group_name=name, removal_policy=RemovalPolicy.DESTROY, retention=None
    )
    plain = cast("logs.CfnLogGroup", log.node.default_child)
    plain.retention_in_days, plain.kms_key_id = kept.log_retention_days, kept.log_key
    return log

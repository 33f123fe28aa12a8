"""A Lambda function with everything explicit: its log group, its role, its tracing."""

from collections.abc import Mapping, Sequence

from aws_cdk import Acknowledgment, Duration, RemovalPolicy, Validations
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from lading.stacks.stages.settings import Deployment
from lading.stacks.stages.target import LAMBDA_PYTHON

RUNTIME = lambda_.Runtime(
    f"python{LAMBDA_PYTHON}", lambda_.RuntimeFamily.PYTHON, supports_snap_start=True
)


class LoggedFunction(Construct):
    """A function whose role may write its own log and its traces, and nothing else.

    Args:
        scope: the stack.
        id_: the construct's id.
        deployment: the stage.
        name: the function's name; its log group is named after it.
        handler: module and name of its entry.
        code: of all functions.
        layers: below `/opt`.
        memory_mb: and with it processors.
        timeout_s: seconds that one invocation may take.
        environment: variables.
        snap_start: published versions start from a snapshot.
        reserved_concurrency: at most so many at once.
        failures: who learns of an invocation that failed: why it needs no queue for dead letters.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        deployment: Deployment,
        name: str,
        handler: str,
        code: lambda_.Code,
        layers: Sequence[lambda_.ILayerVersion] = (),
        memory_mb: int = 256,
        timeout_s: int = 30,
        environment: Mapping[str, str] | None = None,
        snap_start: bool = False,
        reserved_concurrency: int | None = None,
        failures: str = "its caller waits for the answer",
    ) -> None:
        super().__init__(scope, id_)
        self.log_group = logs.LogGroup(
            self,
            "Log",
            log_group_name=deployment.names.log_group(name),
            retention=_retention(deployment.settings.log_retention_days),
            # A log that outlived its stack would be in the way of the next one, by its name.
            removal_policy=RemovalPolicy.DESTROY,
        )
        self.role = iam.Role(self, "Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
        self.log_group.grant_write(self.role)
        self.function = lambda_.Function(
            self,
            "Function",
            function_name=name,
            runtime=RUNTIME,
            architecture=_ARCHITECTURES[deployment.settings.architecture],
            handler=handler,
            code=code,
            layers=list(layers),
            memory_size=memory_mb,
            timeout=Duration.seconds(timeout_s),
            environment=dict(environment or {}),
            role=self.role,
            log_group=self.log_group,
            tracing=lambda_.Tracing.ACTIVE,
            snap_start=lambda_.SnapStartConf.ON_PUBLISHED_VERSIONS if snap_start else None,
            reserved_concurrent_executions=reserved_concurrency,
            # Gone with the template, kept by it: who deletes versions is the traffic hook.
            current_version_options=lambda_.VersionOptions(
                removal_policy=RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE
            ),
        )
        self._acknowledge(failures)

    def _acknowledge(self, failures: str) -> None:
        """What the rules of AWS Solutions and Serverless find, and why it is right here."""
        newest = f"the code is built for Python {LAMBDA_PYTHON}, which one constant names"
        Validations.of(self.function).acknowledge(
            Acknowledgment(id="AwsSolutions-L1", reason=newest),
            Acknowledgment(id="Serverless-LambdaLatestVersion", reason=newest),
            Acknowledgment(id="Serverless-LambdaDLQ", reason=failures),
            Acknowledgment(
                id="Annotation::@aws-cdk/aws-lambda:snapStartRequirePublish",
                reason="callers have the alias, which points at published versions alone",
            ),
        )
        Validations.of(self.role).acknowledge(
            Acknowledgment(
                id="AwsSolutions-IAM5[Resource::*]",
                reason="X-Ray's PutTraceSegments and PutTelemetryRecords take no resource",
            )
        )


_ARCHITECTURES = {"x86_64": lambda_.Architecture.X86_64, "arm64": lambda_.Architecture.ARM_64}


def _retention(days: int) -> logs.RetentionDays:
    return _RETENTION[days]


_RETENTION = {
    1: logs.RetentionDays.ONE_DAY,
    3: logs.RetentionDays.THREE_DAYS,
    5: logs.RetentionDays.FIVE_DAYS,
    7: logs.RetentionDays.ONE_WEEK,
    14: logs.RetentionDays.TWO_WEEKS,
    30: logs.RetentionDays.ONE_MONTH,
    60: logs.RetentionDays.TWO_MONTHS,
    90: logs.RetentionDays.THREE_MONTHS,
    120: logs.RetentionDays.FOUR_MONTHS,
    150: logs.RetentionDays.FIVE_MONTHS,
    180: logs.RetentionDays.SIX_MONTHS,
    365: logs.RetentionDays.ONE_YEAR,
    400: logs.RetentionDays.THIRTEEN_MONTHS,
    545: logs.RetentionDays.EIGHTEEN_MONTHS,
    731: logs.RetentionDays.TWO_YEARS,
    1827: logs.RetentionDays.FIVE_YEARS,
    3653: logs.RetentionDays.TEN_YEARS,
}

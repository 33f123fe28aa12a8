"""The bucket and the state machine of a model's batches, in the stack of the model."""

import json

from aws_cdk import ArnFormat, Aws, CfnOutput, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from lading.stacks.batches.bucket import batch_bucket
from lading.stacks.batches.definition import BatchWork, batch_definition
from lading.stacks.permissions import acknowledge, allow, allow_below, bucket_arn
from lading.stacks.stages.batch import BUCKET_OUTPUT, MACHINE_OUTPUT, VERSIONS_OUTPUT, BatchSettings

_OWN = "inputs and results of one model's batches"


class BatchMachine(Construct):
    """Batches of one model.

    Args:
        scope: the model's stack.
        id_: the construct's id.
        name: name of the state machine.
        settings: of the batches.
        work: what a batch does.
        role: the role of the function.
        alias: the alias of the function.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        name: str,
        settings: BatchSettings,
        work: BatchWork,
        role: iam.Role,
        alias: lambda_.Alias,
    ) -> None:
        super().__init__(scope, id_)
        self._name, self._settings = name, settings
        bucket = batch_bucket(self, settings.keep_days)
        machine_role = iam.Role(
            self,
            "Role",
            assumed_by=iam.ServicePrincipal(
                "states.amazonaws.com",
                conditions={"StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID}},
            ),
        )
        self._grant(role, machine_role, bucket, alias)
        machine = sfn.CfnStateMachine(
            self,
            "Machine",
            state_machine_name=name,
            role_arn=machine_role.role_arn,
            definition_string=Stack.of(self).to_json_string(batch_definition(work)),
            tracing_configuration=sfn.CfnStateMachine.TracingConfigurationProperty(enabled=True),
        )
        machine.node.add_dependency(machine_role)
        reason = "the function logs each failure, and the execution keeps its own history"
        acknowledge(machine, "AwsSolutions-SF1", reason)
        stack = Stack.of(self)
        CfnOutput(stack, MACHINE_OUTPUT, value=machine.ref)
        CfnOutput(stack, BUCKET_OUTPUT, value=bucket.bucket_name)
        CfnOutput(stack, VERSIONS_OUTPUT, value=json.dumps(work.versions))

    def _grant(
        self, role: iam.Role, machine: iam.Role, bucket: s3.Bucket, alias: lambda_.Alias
    ) -> None:
        """Let the function read inputs and write results, and the machine start the function.

        Both may list the batches' own objects: without that, S3 denies an object that is not there.
        """
        own = bucket.arn_for_objects("*")
        for each in (role, machine):
            allow_below(each, ["s3:GetObject", "s3:PutObject"], _OWN, own)
            for place in self._settings.inputs:
                allow_below(each, ["s3:GetObject"], _OWN, _below(place))
            allow(each, "s3:ListBucket", bucket.bucket_arn)
        parts = ["s3:ListMultipartUploadParts", "s3:AbortMultipartUpload"]
        allow_below(machine, parts, _OWN, own)  # the Map writes its manifest in parts
        for place in self._settings.inputs:
            allow(machine, "s3:ListBucket", bucket_arn(_split(place)[0]))
        allow(machine, "lambda:InvokeFunction", alias.function_arn)
        stack = Stack.of(self)
        arns = [
            stack.format_arn(
                service="states",
                resource=kind,
                resource_name=f"{self._name}{more}",
                arn_format=ArnFormat.COLON_RESOURCE_NAME,
            )
            for kind, more in (("stateMachine", ""), ("execution", "/*"), ("execution", ":*"))
        ]
        actions = ["states:StartExecution", "states:DescribeExecution", "states:StopExecution"]
        allow_below(machine, actions, _OWN, *arns)
        traces = ["xray:PutTelemetryRecords", "xray:PutTraceSegments"]
        traces += ["xray:GetSamplingRules", "xray:GetSamplingTargets"]
        allow_below(machine, traces, _OWN, "*")


def _split(place: str) -> tuple[str, str]:
    bucket, _, prefix = place.removeprefix("s3://").partition("/")
    return bucket, prefix


def _below(place: str) -> str:
    bucket, prefix = _split(place)
    return f"{bucket_arn(bucket)}/{prefix}*"

"""The stack that trains one model again, by a schedule, an alarm or `lading retrain`."""

from pathlib import Path
from typing import Any

from aws_cdk import ArnFormat, Aws, CfnOutput, Duration, Stack, Tags
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sqs as sqs
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from lading.functions.contract.alarms import runbook_page
from lading.model_packaging.errors import PackagingError
from lading.stacks.errors import StackError
from lading.stacks.function.logged_function import stage_log
from lading.stacks.monitoring.alarms import topic_by_name
from lading.stacks.permissions import acknowledge, allow
from lading.stacks.retraining.builds import build_project
from lading.stacks.retraining.definition import RetrainingWork, definition
from lading.stacks.retraining.plan import PlannedRetraining
from lading.stacks.retraining.project import lading_asset, project_asset
from lading.stacks.retraining.roles import (
    Places,
    grant_build,
    grant_machine,
    grant_training,
    service_role,
)
from lading.stacks.retraining.triggers import add_alarm, add_schedule
from lading.stacks.stages.settings import OUTPUTS, Deployment
from lading.stacks.storage import artifact_bucket, private_bucket
from lading.training.contract import CODE
from lading.training.recipe import Recipe
from lading.training.runs import texts_of
from lading.training.sagemaker.request import Cloud, job_prefix, job_request

_PENDING_SECONDS = 7200
"""How long a training job may wait for an instance."""
_FAILURES = {
    "ExecutionsFailed": "failed",
    "ExecutionsTimedOut": "timed-out",
    "ExecutionsAborted": "stopped",
}
"""Metrics of Step Functions, and the ends of their alarms' names."""


class RetrainingStack(Stack):
    """The state machine of a model's retraining, and everything that it uses.

    Args:
        scope: the app.
        id_: the construct's id.
        deployment: the stage.
        region: the region; None: the AWS profile's.
        plan: the model, and where its versions are.
        checkout: folder of Lading's checkout.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        deployment: Deployment,
        region: str | None,
        plan: PlannedRetraining,
        checkout: Path,
    ) -> None:
        self._name = deployment.names.retraining(plan.spec.name)
        super().__init__(
            scope,
            id_,
            stack_name=deployment.names.retraining_stack(plan.spec.name),
            description=f"Lading {deployment.stage}: retraining of model {plan.spec.name}",
            env=deployment.environment(region),
        )
        Tags.of(self).add("model", plan.spec.name)
        self._deployment, self._plan, self._checkout = deployment, plan, checkout
        self._settings = deployment.settings.retraining
        self._logs = deployment.settings
        self.machine_arn = self.format_arn(
            service="states",
            resource="stateMachine",
            resource_name=self._name,
            arn_format=ArnFormat.COLON_RESOURCE_NAME,
        )
        work = self._bucket()
        places = Places(
            data=tuple(each for each in plan.train.channels.values() if isinstance(each, str)),
            data_keys=self._settings.data_keys,
            work=work.bucket_name,
            store=plan.store or (artifact_bucket(deployment), ""),
            artifact_keys=deployment.artifact_keys,
        )
        self._builds(places)
        machine = self._machine(places)
        self._start(machine)
        self._watch()
        CfnOutput(self, OUTPUTS.retraining_arn, value=self.machine_arn)

    def _bucket(self) -> s3.Bucket:
        """Create the bucket for code, data and results of jobs."""
        rule = s3.LifecycleRule(
            expiration=Duration.days(self._settings.keep_days),
            abort_incomplete_multipart_upload_after=Duration.days(1),
        )
        bucket = private_bucket(self, "Work", None, lifecycle_rules=[rule])
        reason = "it holds intermediate files of jobs, which are deleted in days"
        acknowledge(bucket, "AwsSolutions-S1", reason)
        return bucket

    def _builds(self, places: Places) -> None:
        settings, name = self._settings, self._name
        log = stage_log(self, "BuildLog", f"/aws/codebuild/{name}", self._logs)
        try:
            project = project_asset(self, self._plan)
        except PackagingError as error:
            raise StackError(str(error)) from error
        sources = (project, lading_asset(self, self._checkout, settings.installed))
        role = service_role(self, "BuildRole", "codebuild")
        log.grant_write(role)
        grant_build(role, self._plan.spec.name, places, sources)
        if settings.signing_key:
            allow(role, ["kms:GetPublicKey", "kms:Sign"], settings.signing_key)
        bucket, prefix = places.store
        build_project(
            self,
            name,
            role=role,
            log=log,
            settings=settings,
            project=project,
            lading=sources[1],
            variables={
                "MODEL": self._plan.spec.name,
                "STORE": f"s3://{bucket}/{prefix}".rstrip("/"),
                "WORK": f"s3://{places.work}",
                "LADING_REGIONS": Aws.REGION,
                **({"LADING_SIGNING_KEY": it} if (it := settings.signing_key) else {}),
            },
        ).node.add_dependency(role)

    def _machine(self, places: Places) -> sfn.CfnStateMachine:
        name, train = self._name, self._plan.train
        job = job_prefix(self._plan.spec.name)
        training = service_role(self, "TrainingRole", "sagemaker")
        grant_training(training, train, places, job)
        role = service_role(self, "MachineRole", "states")
        grant_machine(role, self.machine_arn, name, job, training, train)
        log = stage_log(self, "Log", f"/aws/vendedlogs/states/{name}", self._logs)
        request = self._request(training, places.work)
        waits = request["StoppingCondition"]
        longest = waits.get("MaxWaitTimeInSeconds", waits["MaxRuntimeInSeconds"])
        work = RetrainingWork(
            project=name,
            build_minutes=self._settings.build_minutes,
            job=request,
            job_seconds=longest + _PENDING_SECONDS,
            queue=self._queue(),
            partition=Aws.PARTITION,
        )
        destination = sfn.CfnStateMachine.LogDestinationProperty(
            cloud_watch_logs_log_group=sfn.CfnStateMachine.CloudWatchLogsLogGroupProperty(
                log_group_arn=log.log_group_arn
            )
        )
        machine = sfn.CfnStateMachine(
            self,
            "Machine",
            state_machine_name=name,
            role_arn=role.role_arn,
            definition_string=self.to_json_string(definition(work)),
            logging_configuration=sfn.CfnStateMachine.LoggingConfigurationProperty(
                destinations=[destination], include_execution_data=True, level="ALL"
            ),
            tracing_configuration=sfn.CfnStateMachine.TracingConfigurationProperty(enabled=True),
        )
        machine.node.add_dependency(role)
        return machine

    def _request(self, role: iam.Role, work: str) -> dict[str, Any]:
        """Return the request of the training job; `Prepare` finds the addresses of its inputs."""
        spec, train = self._plan.spec, self._plan.train
        recipe = Recipe(spec, {}, {}, train.parameters)
        names = [CODE, *train.channels]
        inputs = {name: f"{{% $lookup($plan.inputs, '{name}') %}}" for name in names}
        cloud = Cloud(role=role.role_arn, work=f"s3://{work}", region=Aws.REGION)
        request = job_request(recipe, cloud, inputs)
        if train.spot:
            address = f"{{% 's3://{work}/checkpoints/' & $substring($plan.key, 7) %}}"
            request["CheckpointConfig"]["S3Uri"] = address
        if texts := texts_of(recipe):
            request["HyperParameters"] = texts
        return request

    def _queue(self) -> str:
        """Create the queue of an emulated account, and return its URL."""
        if not self._deployment.local:
            return ""
        queue = sqs.CfnQueue(self, "Tasks", queue_name=self._name)
        CfnOutput(self, OUTPUTS.retraining_queue, value=queue.ref)
        return queue.ref

    def _start(self, machine: sfn.CfnStateMachine) -> None:
        train = self._plan.train
        if train.schedule is not None:
            add_schedule(self, self._name, machine.ref, train.schedule)
        if train.alarm is not None:
            add_alarm(self, self._name, machine.ref, train.alarm)

    def _watch(self) -> None:
        """Create an alarm for each way in which a retraining can fail."""
        topic = topic_by_name(self, self._deployment.names.alarm_topic)
        model = self._plan.spec.name
        page = runbook_page(self._deployment.settings.watching.runbook, "retraining")
        for name, ending in _FAILURES.items():
            metric = cloudwatch.Metric(
                namespace="AWS/States",
                metric_name=name,
                dimensions_map={"StateMachineArn": self.machine_arn},
                period=Duration.minutes(5),
                statistic="Sum",
            )
            alarm = cloudwatch.Alarm(
                self,
                name,
                alarm_name=f"{self._name}-{ending}",
                alarm_description=(
                    f"A retraining of model {model} has {ending.replace('-', ' ')}; "
                    f"`lading retrain {model} --status` says why. Runbook: {page}"
                ),
                metric=metric,
                threshold=0,
                comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
                evaluation_periods=1,
                treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
            )
            alarm.add_alarm_action(actions.SnsAction(topic))

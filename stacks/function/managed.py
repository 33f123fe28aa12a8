"""The hosts of a function on Lambda Managed Instances: its capacity provider, and the way there.

The provider is the security boundary, so each model has its own unless the stage names a shared
one. The API knows the GPU of a function, the pinned constructs do not; it is set on the resource.
"""

from typing import Any, cast

from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from lading.functions.contract.limits import LAMBDA
from lading.stacks.permissions import acknowledge, own_service
from lading.stacks.stages.managed import ManagedSettings
from lading.stacks.stages.target import Architecture

_CPU_METRIC = "LambdaCapacityProviderAverageCPUUtilization"
_GPU_METRIC = "LambdaCapacityProviderAverageGPUUtilization"
_GPU_PERCENT = 60
_Provider = lambda_.CfnCapacityProvider
_POLICY = "arn:<AWS::Partition>:iam::aws:policy/AWSLambdaManagedEC2ResourceOperator"


class ManagedHosts(Construct):
    """The capacity provider of a function.

    Args:
        scope: the model's stack.
        id_: the construct's id.
        name: name of the provider, which is that of the function.
        settings: how the function runs.
        architecture: the processors of its hosts.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        name: str,
        settings: ManagedSettings,
        architecture: Architecture,
    ) -> None:
        super().__init__(scope, id_)
        self._settings = settings
        self._provider_arn = settings.provider or self._own(name, architecture).attr_arn

    def _own(self, name: str, architecture: Architecture) -> lambda_.CfnCapacityProvider:
        settings = self._settings
        role = iam.Role(
            self,
            "Operator",
            assumed_by=own_service("lambda"),
            managed_policies=[
                iam.ManagedPolicy.from_aws_managed_policy_name(_POLICY.rpartition("/")[2])
            ],
        )
        reason = "AWS's own policy for the role with which Lambda runs its hosts; it may change"
        acknowledge(role, f"AwsSolutions-IAM4[Policy::{_POLICY}]", reason)
        return _Provider(
            self,
            "Provider",
            capacity_provider_name=name,
            vpc_config=_Provider.CapacityProviderVpcConfigProperty(
                subnet_ids=[*settings.subnets], security_group_ids=[*settings.security_groups]
            ),
            permissions_config=_Provider.CapacityProviderPermissionsConfigProperty(
                capacity_provider_operator_role_arn=role.role_arn
            ),
            instance_requirements=_Provider.InstanceRequirementsProperty(
                architectures=[architecture], allowed_instance_types=[*settings.instances]
            ),
            capacity_provider_scaling_config=_Provider.CapacityProviderScalingConfigProperty(
                max_v_cpu_count=settings.vcpu_limit, **self._scaling()
            ),
        )

    def _scaling(self) -> dict[str, Any]:
        """Return when hosts are added: by Lambda's own rule, or above a utilization."""
        percent, gpu = self._settings.utilization_percent, self._settings.gpu_memory_gb is not None
        if percent is None and not gpu:
            return {"scaling_mode": "Auto"}
        policy = _Provider.TargetTrackingScalingPolicyProperty(
            predefined_metric_type=_GPU_METRIC if gpu else _CPU_METRIC,
            target_value=percent or _GPU_PERCENT,
        )
        return {"scaling_mode": "Manual", "scaling_policies": [policy]}

    def run(self, function: lambda_.Function) -> None:
        """Let the provider's hosts run a function, with a GPU if the settings ask for one."""
        settings, resource = (
            self._settings,
            cast("lambda_.CfnFunction", function.node.default_child),
        )
        hosts = lambda_.CfnFunction.LambdaManagedInstancesCapacityProviderConfigProperty(
            capacity_provider_arn=self._provider_arn,
            per_execution_environment_max_concurrency=settings.at_once,
            execution_environment_memory_gib_per_v_cpu=settings.memory_per_vcpu_gib,
        )
        resource.capacity_provider_config = lambda_.CfnFunction.CapacityProviderConfigProperty(
            lambda_managed_instances_capacity_provider_config=hosts
        )
        if settings.memory_mb > LAMBDA.most_memory_mb:
            reason = "a function on managed instances may have 32,768 MB"
            acknowledge(resource, "cdk-preflight::pf-lambda-memory-max", reason)
        if settings.gpu_memory_gb is not None:
            _give_gpu(resource, settings.gpu_memory_gb)


def _give_gpu(resource: lambda_.CfnFunction, gigabytes: int) -> None:
    """Set the property that the pinned constructs lack, and that cfn-lint does not know either."""
    lambda_.Function.classify_version_property("AcceleratorConfig", locked=True)
    resource.add_property_override("AcceleratorConfig", {"AcceleratorMemorySize": gigabytes})
    reason = "the service has the property, the resource's schema in the pinned CDK does not"
    acknowledge(resource, "CloudFormation-Validate::F3002", reason)
    resource.add_metadata("cfn-lint", {"config": {"ignore_checks": ["E3002"]}})

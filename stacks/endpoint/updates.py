"""How an endpoint, or a component on one, is updated from an old version to a new one."""

from collections.abc import Sequence

from aws_cdk import aws_sagemaker as sagemaker

from lading.stacks.stages.sagemaker import SageMakerSettings

_Endpoint = sagemaker.CfnEndpoint
_Component = sagemaker.CfnInferenceComponent


def endpoint_deployment(
    settings: SageMakerSettings, alarms: Sequence[str]
) -> sagemaker.CfnEndpoint.DeploymentConfigProperty:
    """Return the update policy of an endpoint that holds its model itself.

    Args:
        settings: settings of the endpoint.
        alarms: names of the alarms that roll the update back; without any, none does.
    """
    rollback = _Endpoint.AutoRollbackConfigProperty(
        alarms=[_Endpoint.AlarmProperty(alarm_name=name) for name in alarms]
    )
    rolling = settings.policy == "rolling"
    return _Endpoint.DeploymentConfigProperty(
        auto_rollback_configuration=rollback if alarms else None,
        rolling_update_policy=_rolling(settings) if rolling else None,
        blue_green_update_policy=None if rolling else _blue_green(settings),
    )


def component_deployment(
    settings: SageMakerSettings, alarms: Sequence[str]
) -> sagemaker.CfnInferenceComponent.InferenceComponentDeploymentConfigProperty:
    """Return the update policy of an inference component, which replaces some copies at a time.

    A share of the copies and not a count: AWS accepts 5 to 50 % of the copies that there are at
    that moment, and one copy of one is more.

    Args:
        settings: settings of the endpoint.
        alarms: as in `endpoint_deployment`.
    """
    rollback = _Component.AutoRollbackConfigurationProperty(
        alarms=[_Component.AlarmProperty(alarm_name=name) for name in alarms]
    )
    return _Component.InferenceComponentDeploymentConfigProperty(
        auto_rollback_configuration=rollback if alarms else None,
        rolling_update_policy=_Component.InferenceComponentRollingUpdatePolicyProperty(
            maximum_batch_size=_Component.InferenceComponentCapacitySizeProperty(
                type="CAPACITY_PERCENT", value=settings.percent
            ),
            wait_interval_in_seconds=settings.update.wait_s,
            maximum_execution_timeout_in_seconds=settings.update.timeout_s,
        ),
    )


def _rolling(settings: SageMakerSettings) -> sagemaker.CfnEndpoint.RollingUpdatePolicyProperty:
    """Return the policy that replaces some instances at a time."""
    return _Endpoint.RollingUpdatePolicyProperty(
        maximum_batch_size=_share(settings),
        wait_interval_in_seconds=settings.update.wait_s,
        maximum_execution_timeout_in_seconds=settings.update.timeout_s,
        rollback_maximum_batch_size=_share(settings),
    )


def _blue_green(settings: SageMakerSettings) -> sagemaker.CfnEndpoint.BlueGreenUpdatePolicyProperty:
    """Return the policy of a second fleet, to which traffic shifts at once or in steps."""
    policy, share = settings.policy, _share(settings)
    return _Endpoint.BlueGreenUpdatePolicyProperty(
        traffic_routing_configuration=_Endpoint.TrafficRoutingConfigProperty(
            type=policy.upper(),
            canary_size=share if policy == "canary" else None,
            linear_step_size=share if policy == "linear" else None,
            wait_interval_in_seconds=settings.update.wait_s,
        ),
        termination_wait_in_seconds=settings.update.termination_wait_s,
        maximum_execution_timeout_in_seconds=settings.update.timeout_s,
    )


def _share(settings: SageMakerSettings) -> sagemaker.CfnEndpoint.CapacitySizeProperty:
    return _Endpoint.CapacitySizeProperty(type="CAPACITY_PERCENT", value=settings.percent)

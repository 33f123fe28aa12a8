"""Rules for every endpoint, checked at each synthesis in addition to those of cdk-nag.

The packs of cdk-nag that we run have no rule for endpoints. These rules read CloudFormation's own
resources, so they also apply to what somebody adds to a stack by hand.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any

import jsii
from aws_cdk import Annotations, IAspect, Token
from aws_cdk import aws_sagemaker as sagemaker
from constructs import IConstruct

from lading.functions.contract.limits import SAGEMAKER
from lading.functions.contract.names import ENDPOINT
from lading.stacks.plan.endpoints import Repository
from lading.stacks.stages.sagemaker import has_local_storage

_ADDRESSED = re.compile(r"/sha256/[0-9a-f]{64}/")


@jsii.implements(IAspect)
class EndpointRules:
    """Reports a broken rule as an error, which ends the synthesis."""

    def visit(self, node: IConstruct) -> None:
        """Implement `IAspect`."""
        for kind, rules in _RULES.items():
            if isinstance(node, kind):
                for rule, broken in rules(node):
                    if broken:
                        Annotations.of(node).add_error(f"Lading-{rule}")


def _model(model: sagemaker.CfnModel) -> Iterator[tuple[str, bool]]:
    container: Any = model.primary_container
    yield (
        "Model1: CloudFormation names it, because it cannot change",
        model.model_name is not None,
    )
    yield "Model2: its image is in a private repository", not _private(container.image)
    source = container.model_data_source
    place = source.s3_data_source.s3_uri if source else ""
    yield "Model3: its files are in S3 below their own digest", not _ADDRESSED.search(place)
    yield (
        "Model4: it states whether its containers have network access",
        model.enable_network_isolation is None,
    )


def _config(config: sagemaker.CfnEndpointConfig) -> Iterator[tuple[str, bool]]:
    named = config.endpoint_config_name is not None
    yield "Config1: CloudFormation names it, because it cannot change", named
    variants: Any = config.production_variants
    names = [variant.variant_name for variant in variants]
    yield f"Config2: its only variant is named '{ENDPOINT.variant}'", names != [ENDPOINT.variant]
    instances = [name for variant in variants for name in _instances(variant)]
    local = any(map(has_local_storage, instances))
    yield (
        "Config3: a key encrypts the volumes of instances without local disks",
        not local and config.kms_key_id is None,
    )
    yield (
        "Config4: instances with local disks have no key",
        local and config.kms_key_id is not None,
    )
    shadows: Any = config.shadow_production_variants or []
    yield (
        f"Config6: its one shadow variant is named '{ENDPOINT.shadow}', and answers are captured",
        bool(shadows)
        and (
            [variant.variant_name for variant in shadows] != [ENDPOINT.shadow]
            or config.data_capture_config is None
        ),
    )
    empty = any(variant.model_name is None for variant in variants)
    yield (
        "Config5: an endpoint without a model states the network isolation of its components",
        empty and config.enable_network_isolation is None,
    )


def _endpoint(endpoint: sagemaker.CfnEndpoint) -> Iterator[tuple[str, bool]]:
    yield "Endpoint1: CloudFormation names it", endpoint.endpoint_name is not None


def _component(component: sagemaker.CfnInferenceComponent) -> Iterator[tuple[str, bool]]:
    name = component.inference_component_name
    yield "Component1: it has a name in lower case", name is None or name != name.lower()
    deployment: Any = component.deployment_config
    yield "Component2: it states how an update rolls", deployment is None
    step = deployment.rolling_update_policy.maximum_batch_size if deployment else None
    yield (
        "Component3: a step of its update is 5 to 50 % of its copies, whose number scales",
        step is not None
        and (step.type != "CAPACITY_PERCENT" or step.value not in SAGEMAKER.step_percent),
    )


_RULES: dict[type[Any], Callable[[Any], Iterator[tuple[str, bool]]]] = {
    sagemaker.CfnModel: _model,
    sagemaker.CfnEndpointConfig: _config,
    sagemaker.CfnEndpoint: _endpoint,
    sagemaker.CfnInferenceComponent: _component,
}


def _private(image: str) -> bool:
    if Token.is_unresolved(image):
        return True  # a repository of the same app
    try:
        Repository.of(image)
    except ValueError:
        return False
    return True


def _instances(variant: Any) -> list[str]:
    pools = [pool.instance_type for pool in variant.instance_pools or ()]
    return [variant.instance_type] if variant.instance_type else pools

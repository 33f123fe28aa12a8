"""One model on SageMaker: model, endpoint configuration, endpoint and role.

CloudFormation names them: a model and a configuration cannot change, so each new version gets new
ones, and the endpoint is updated to them. With mode scale_to_zero the endpoint has no model; the
model is an inference component on it, and all copies of the component can be removed. Lading names
the component, by which its metrics are found.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from math import ceil
from typing import Any

from aws_cdk import Annotations
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sagemaker as sagemaker
from constructs import Construct

from lading.functions.contract.alarms import RUNBOOK
from lading.functions.contract.names import ENDPOINT
from lading.stacks.endpoint.gpu_ami import choose_ami
from lading.stacks.endpoint.job_store import JobStoreResources
from lading.stacks.endpoint.role import EndpointRole
from lading.stacks.endpoint.scaling import EndpointScaling
from lading.stacks.endpoint.updates import component_deployment, endpoint_deployment
from lading.stacks.plan.endpoints import PlannedEndpoint
from lading.stacks.stages.sagemaker import SageMakerSettings
from lading.stacks.stages.settings import ArtifactKeys

_Model = sagemaker.CfnModel
_Config = sagemaker.CfnEndpointConfig
_Component = sagemaker.CfnInferenceComponent


@dataclass(frozen=True, slots=True)
class ShadowVariant:
    """The version in the shadow of an endpoint.

    Args:
        endpoint: what it serves, and with which image.
        version: its version in the lock.
        percent: share of the requests that it gets copies of.
        folder: folder of captured answers in the bucket of jobs.
    """

    endpoint: PlannedEndpoint
    version: int
    percent: float
    folder: str


class SageMakerModel(Construct):
    """The endpoint of one model.

    Args:
        scope: the model's stack.
        id_: the construct's id.
        endpoint: what it serves, and with which image.
        version: its version in the lock, which the container's environment states.
        settings: how it runs.
        prefix: start of the names of alarms and policies.
        component_name: name of the inference component; with mode scale_to_zero.
        artifact_keys: keys that may encrypt artifacts.
        key: encrypts the volumes of instances.
        jobs: where asynchronous requests and answers are, with mode async, and captured answers.
        alarms: names of the alarms that roll an update back.
        runbook: folder or URL of the pages of its alarms.
        shadow: the version in its shadow; None: there is none.

    `component` is None and `component_name` is empty if the endpoint holds the model itself.
    `volume_key` is the key of its instances' volumes; None: AWS's own.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        endpoint: PlannedEndpoint,
        version: int,
        settings: SageMakerSettings,
        prefix: str,
        component_name: str,
        artifact_keys: ArtifactKeys,
        key: kms.IKey,
        jobs: JobStoreResources | None = None,
        alarms: Sequence[str] = (),
        runbook: str = RUNBOOK,
        shadow: ShadowVariant | None = None,
    ) -> None:
        super().__init__(scope, id_)
        self._planned, self._settings, self._alarms = endpoint, settings, alarms
        self.volume_key = _volume_key(settings, key)
        execution = EndpointRole(
            self,
            "Execution",
            files=endpoint.files,
            image=endpoint.image,
            artifact_keys=artifact_keys,
            watches_alarms=settings.update.rollback,
            in_vpc=settings.vpc is not None,
        )
        self.role = execution.role
        if self.volume_key == key.key_arn:
            key.grant(self.role, "kms:CreateGrant", "kms:Decrypt", "kms:DescribeKey")
        self.component_name = component_name if self._empty else ""
        self.model = self._endpoints_model("Model", endpoint, version)
        hidden: dict[str, Any] = {}
        if shadow is not None:
            execution.also_serve(shadow.endpoint.files, shadow.endpoint.image, artifact_keys)
            assert jobs is not None
            hidden = self._shadow(shadow, jobs)
        self.config = self._config(jobs if settings.mode == "async" else None, hidden)
        self.endpoint = self._endpoint()
        self.component = self._component() if self._empty else None
        if settings.scales:
            scaling = EndpointScaling(
                self,
                "Scaling",
                settings=settings,
                endpoint=self.endpoint_name,
                component=self.component_name,
                prefix=prefix,
                runbook=runbook,
            )
            if self.component:
                scaling.node.add_dependency(self.component)

    @property
    def endpoint_name(self) -> str:
        """Name of the endpoint."""
        return self.endpoint.attr_endpoint_name

    @property
    def _empty(self) -> bool:
        """Whether the endpoint is created without its model, which is a component."""
        return self._settings.mode == "scale_to_zero"

    def _vpc(self, kind: Any) -> Any:
        """Return the network of containers, as a property of this kind; None: SageMaker's own."""
        vpc = self._settings.vpc
        if vpc is None:
            return None
        return kind(subnets=list(vpc.subnets), security_group_ids=list(vpc.security_groups))

    def _shadow(self, shadow: ShadowVariant, jobs: JobStoreResources) -> dict[str, Any]:
        """Create the model of the shadow; return what the configuration says of it.

        Its share is its weight beside that of the production variant, which is 1 by default.
        """
        model = self._endpoints_model("ShadowModel", shadow.endpoint, shadow.version)
        count = max(1, ceil(self._settings.fewest * shadow.percent / 100))
        variant = self._variant(ENDPOINT.shadow, model, count, shadow.percent / 100)
        return {
            "shadow_production_variants": [variant],
            "data_capture_config": jobs.capture_config(self.role, shadow.folder),
        }

    def batch_model(self, scope: Construct, version: int) -> sagemaker.CfnModel:
        """Create the model of Batch Transform, whose files are an archive."""
        address = self._planned.files.address
        return self._model(scope, "Model", self._planned, version, {"model_data_url": address})

    def _endpoints_model(
        self, id_: str, planned: PlannedEndpoint, version: int
    ) -> sagemaker.CfnModel:
        archive = planned.files.archive
        data = _Model.S3DataSourceProperty(
            s3_uri=planned.files.address,
            s3_data_type="S3Object" if archive else "S3Prefix",
            compression_type="Gzip" if archive else "None",
        )
        source = _Model.ModelDataSourceProperty(s3_data_source=data)
        return self._model(self, id_, planned, version, {"model_data_source": source})

    def _model(
        self,
        scope: Construct,
        id_: str,
        planned: PlannedEndpoint,
        version: int,
        data: Mapping[str, Any],
    ) -> sagemaker.CfnModel:
        """Create a model; `data` says where its files are."""
        model = _Model(
            scope,
            id_,
            execution_role_arn=self.role.role_arn,
            enable_network_isolation=self._settings.network_isolation,
            primary_container=_Model.ContainerDefinitionProperty(
                image=planned.image,
                environment={**planned.environment, ENDPOINT.model_version: str(version)},
                **data,
            ),
            vpc_config=self._vpc(_Model.VpcConfigProperty),
        )
        model.node.add_dependency(self.role)  # and its policy, which SageMaker uses at once
        return model

    def _config(
        self, jobs: JobStoreResources | None, hidden: Mapping[str, Any]
    ) -> sagemaker.CfnEndpointConfig:
        """Create the configuration; without a model it also states what its components share."""
        settings = self._settings
        shared: dict[str, Any] = {
            "execution_role_arn": self.role.role_arn,
            "enable_network_isolation": settings.network_isolation,
            "vpc_config": self._vpc(_Config.VpcConfigProperty),
        }
        return _Config(
            self,
            "Config",
            kms_key_id=self.volume_key,
            production_variants=[self._production()],
            metrics_config=_metrics(settings),
            async_inference_config=jobs.async_config(self.role, settings.queue) if jobs else None,
            **(shared if self._empty else {}),
            **hidden,
        )

    def _production(self) -> sagemaker.CfnEndpointConfig.ProductionVariantProperty:
        model = None if self._empty else self.model
        return self._variant(ENDPOINT.variant, model, max(1, self._settings.fewest))

    def _variant(
        self, name: str, model: sagemaker.CfnModel | None, count: int, weight: float | None = None
    ) -> sagemaker.CfnEndpointConfig.ProductionVariantProperty:
        settings = self._settings
        several = len(settings.instances) > 1
        ami = choose_ami(settings.instances, self._planned.ami, settings.inference_ami)
        if ami.warning:
            Annotations.of(self).add_warning_v2("lading:inference-ami", ami.warning)
        balanced = _Config.RoutingConfigProperty(routing_strategy="LEAST_OUTSTANDING_REQUESTS")
        scaled = _Config.ManagedInstanceScalingProperty(
            status="ENABLED", min_instance_count=0, max_instance_count=settings.most_instances
        )
        return _Config.ProductionVariantProperty(
            variant_name=name,
            model_name=model.attr_model_name if model else None,
            initial_instance_count=count,
            initial_variant_weight=weight,
            instance_type=None if several else settings.instances[0],
            instance_pools=_pools(settings) if several else None,
            variant_instance_provision_timeout_in_seconds=(
                settings.provision_timeout_s if several else None
            ),
            inference_ami_version=ami.name,
            managed_instance_scaling=scaled if self._empty else None,
            routing_config=None if settings.mode == "async" else balanced,
            **({} if self._empty else _timeouts(settings)),
        )

    def _endpoint(self) -> sagemaker.CfnEndpoint:
        """Create the endpoint.

        While its instances scale, SageMaker refuses to update it to other instance types. So other
        types get another endpoint, and the proxy function moves to it by its own roll-out.
        """
        settings = self._settings
        fixed = self._empty or not settings.scales
        types = sha256(" ".join(settings.instances).encode()).hexdigest()[:8]
        return sagemaker.CfnEndpoint(
            self,
            "Endpoint" if fixed else f"Endpoint{types}",
            endpoint_config_name=self.config.attr_endpoint_config_name,
            retain_all_variant_properties=None if fixed else True,
            deployment_config=(
                None if self._empty else endpoint_deployment(settings, self._alarms)
            ),
        )

    def _component(self) -> sagemaker.CfnInferenceComponent:
        instances, copy = self._settings.instances, self._copy()
        several = len(instances) > 1
        for_type = _Component.InferenceComponentSpecificationForInstanceTypeProperty
        return _Component(
            self,
            "Component",
            inference_component_name=self.component_name,
            endpoint_name=self.endpoint.attr_endpoint_name,
            variant_name=ENDPOINT.variant,
            runtime_config=_Component.InferenceComponentRuntimeConfigProperty(copy_count=1),
            specification=(
                None if several else _Component.InferenceComponentSpecificationProperty(**copy)
            ),
            specifications=(
                [for_type(instance_type=instance, **copy) for instance in instances]
                if several
                else None
            ),
            deployment_config=component_deployment(self._settings, self._alarms),
        )

    def _copy(self) -> dict[str, Any]:
        """Return what one copy of the model is, and the resources that it requires."""
        wanted = self._settings.component
        return {
            "model_name": self.model.attr_model_name,
            "compute_resource_requirements": (
                _Component.InferenceComponentComputeResourceRequirementsProperty(
                    number_of_accelerator_devices_required=wanted.accelerators or None,
                    number_of_cpu_cores_required=wanted.cpus,
                    min_memory_required_in_mb=wanted.memory_mb,
                )
            ),
            "data_cache_config": _Component.InferenceComponentDataCacheConfigProperty(
                enable_caching=wanted.data_cache
            ),
            "startup_parameters": _Component.InferenceComponentStartupParametersProperty(
                **_timeouts(self._settings)
            ),
        }


def _metrics(settings: SageMakerSettings) -> sagemaker.CfnEndpointConfig.MetricsConfigProperty:
    """State both flags: detailed observability is on by default, and costs money."""
    wanted = settings.metrics
    return _Config.MetricsConfigProperty(
        enable_enhanced_metrics=wanted.enhanced,
        enable_detailed_observability=wanted.detailed,
        metric_publish_frequency_in_seconds=wanted.every_s,
    )


def _volume_key(settings: SageMakerSettings, key: kms.IKey) -> str | None:
    """Return the key of volumes; SageMaker accepts none for instances with local disks."""
    return None if settings.local_storage else settings.volume_key or key.key_arn


def _pools(settings: SageMakerSettings) -> list[sagemaker.CfnEndpointConfig.InstancePoolProperty]:
    """Return the instance types in the order in which SageMaker tries them."""
    return [
        _Config.InstancePoolProperty(instance_type=instance, priority=priority)
        for priority, instance in enumerate(settings.instances, 1)
    ]


def _timeouts(settings: SageMakerSettings) -> dict[str, Any]:
    return {
        "model_data_download_timeout_in_seconds": settings.download_timeout_s,
        "container_startup_health_check_timeout_in_seconds": settings.startup_timeout_s,
    }

"""One model on Lambda: its layers, its function, the published version, the alias `live`."""

from collections.abc import Mapping
from types import MappingProxyType

from aws_cdk import Aws
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3 as s3
from constructs import Construct

from lading.functions.contract.capture import CaptureSettings
from lading.functions.contract.limits import LAMBDA
from lading.functions.contract.names import (
    DEFAULT_LABEL,
    ENVIRONMENT,
    LAYER_ROOT,
    Library,
    S3Object,
    artifact_folder,
)
from lading.functions.contract.settings import (
    ServedEndpoint,
    ServedModel,
    ServingSettings,
    ShadowVersion,
)
from lading.stacks.errors import PlanError
from lading.stacks.function.gpu_image import gpu_image
from lading.stacks.function.logged_function import RUNTIME, LoggedFunction, StageFunctions
from lading.stacks.function.managed import ManagedHosts
from lading.stacks.function.provisioned import schedule_concurrency
from lading.stacks.function.proxy import UNSTREAMED, Proxy, emulated
from lading.stacks.function.trace_layer import ENVIRONMENT as TRACED
from lading.stacks.function.trace_layer import trace_layer
from lading.stacks.permissions import acknowledge, allow, bucket_arn, grant_decrypt
from lading.stacks.plan.models import GOLDEN, LocalArtifact, PlannedModel, S3Artifact
from lading.stacks.stages.settings import ALIAS, ArtifactKeys

_IN_S3 = "s3://"
_FOREIGN_LAYER = "cdk-preflight::pf-lambda-layer-cross-account-needs-permission"


class LambdaModel(Construct):
    """The function of one model.

    Args:
        scope: the model's stack.
        id_: the construct's id.
        shared: what the function shares with the others of the stage.
        name: name of the function.
        model: the model and version to serve.
        artifact_keys: keys that may encrypt artifacts.
        stage: what separates its metrics from those of other stages.
        origins: origins whose pages may call the function from a browser.
        base_path: base path of the API's custom domain.
        drift_s: seconds between the log lines with counts for drift; 0 for none.
        proxy: settings of a proxy to an endpoint; None: the function computes answers itself.
        nodes: the endpoints of a graph's models, by model.
        runtime: URL of an emulated SageMaker for them; empty: AWS's own.
        trace_layers: region -> ARN of the layer that traces with OpenTelemetry; see `trace_layer`.
            A function that streams has another wrapper, so it has no such layer.
        judged: whether its log lines say of each answer what a judge compares.
        shadow: the version that gets a share of its requests.
        capture: which of its requests are captured.

    `golden` has, for each version that it serves, the place where the traffic hook reads its golden
    requests, and the account that the bucket must belong to if that is an object in S3. The place
    is empty if there are none, or if answers are asynchronous.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        shared: StageFunctions,
        name: str,
        model: PlannedModel,
        artifact_keys: ArtifactKeys,
        stage: str,
        origins: tuple[str, ...] = (),
        base_path: str = "",
        drift_s: float = ENVIRONMENT.default_drift_s,
        proxy: Proxy | None = None,
        nodes: Mapping[str, ServedEndpoint] | None = None,
        runtime: str = "",
        trace_layers: Mapping[str, str] = MappingProxyType({}),
        judged: bool = False,
        shadow: ShadowVersion | None = None,
        capture: CaptureSettings | None = None,
    ) -> None:
        super().__init__(scope, id_)
        self._shared, self._model, self._artifact_keys = shared, model, artifact_keys
        self.proxy = proxy
        self.artifact_layers = {it.version: self._artifact_layer(it) for it in model.served}
        serving = _serving(model, proxy, origins)._replace(
            stage=stage,
            base_path=base_path,
            node_endpoints=nodes or {},
            note_answers=judged,
            shadow=shadow,
            capture=capture,
            drift_s=drift_s,
        )
        own = self._create(name, {**serving.to_environment(), **emulated(runtime)}, trace_layers)
        self.function, self.role = own.function, own.role
        managed = model.managed
        if managed:
            hosts = ManagedHosts(
                self, "Hosts", name=name, settings=managed, architecture=shared.architecture
            )
            hosts.run(self.function)
        self._grant_archives()
        asynchronous = proxy is not None and proxy.endpoint.mode == "async"
        self.golden = {it.version: _golden(it, known=not asynchronous) for it in model.served}
        self.version = self.function.current_version
        self.alias = self._alias()

    def _create(
        self, name: str, variables: Mapping[str, str], trace_layers: Mapping[str, str]
    ) -> LoggedFunction:
        """Create the function, with its layers or its image."""
        model, proxy = self._model, self.proxy
        settings, managed = model.settings, model.managed
        adapter = proxy.adapter if proxy else None
        image = self._image()
        traced = None if adapter or image else trace_layer(self, trace_layers)
        own = LoggedFunction(
            self,
            "Inference",
            shared=self._shared,
            name=name,
            handler=proxy.handler if proxy else UNSTREAMED,
            layers=self._layers(self._web_layer(adapter) if adapter else None, traced),
            memory_mb=managed.memory_mb if managed else settings.memory_mb,
            timeout_s=LAMBDA.timeout_s if proxy else settings.timeout_s,
            environment={
                **variables,
                **(proxy.environment if proxy else {}),
                **(TRACED if traced else {}),
            },
            snap_start=settings.snap_start
            and managed is None
            and (adapter is None or settings.sagemaker.snap_start),
            reserved_concurrency=None if managed else settings.reserved_concurrency,
            failures="its caller waits for the answer, or polls the state of its job",
            image=image,
            environments=managed.environments.range if managed else None,
        )
        if adapter or traced:
            published = "its publisher has shared the layer with every account"
            acknowledge(own.function, _FOREIGN_LAYER, published)
        return own

    def _alias(self) -> lambda_.Alias:
        """Create the alias `live` of the published version."""
        provisioned = self._model.settings.provisioned_concurrency
        alias = lambda_.Alias(
            self,
            "Live",
            alias_name=ALIAS,
            version=self.version,
            provisioned_concurrent_executions=provisioned.count or None if provisioned else None,
        )
        if provisioned and provisioned.schedule:
            schedule_concurrency(alias, provisioned)
        return alias

    def _image(self) -> lambda_.Code | None:
        """Return the image of a function with a GPU; None: it has layers."""
        managed = self._model.managed
        if managed is None or managed.gpu_memory_gb is None:
            return None
        return gpu_image(self, self._shared.assets.project, self._model, managed.image)

    def _layers(self, *others: lambda_.ILayerVersion | None) -> list[lambda_.ILayerVersion]:
        """Return every layer, those of libraries, of versions and the others that there are.

        Raises:
            PlanError: there are more than Lambda accepts.
        """
        layers = [
            self._library_layer(
                "Runtime", self._shared.assets.runtime(self), "packages of the service"
            ),
            *map(self._processing_layer, self._model.processing),
            *filter(None, (self._packages_layer(), *self.artifact_layers.values(), *others)),
        ]
        if len(layers) > LAMBDA.layers:
            reason = f"its function needs {len(layers)} layers, and Lambda accepts {LAMBDA.layers}"
            advice = "name fewer versions in its `split`"
            raise PlanError(self._model.name, self._model.version, f"{reason}; {advice}")
        return layers

    def _web_layer(self, adapter: str) -> lambda_.ILayerVersion:
        """Return the layer of the web adapter, by which a function streams."""
        return lambda_.LayerVersion.from_layer_version_arn(self, "Web", adapter)

    def _processing_layer(self, library: Library) -> lambda_.LayerVersion:
        code = self._shared.assets.processing(self, library)
        return self._library_layer(library.title(), code, f"{library}, for models that need it")

    def _packages_layer(self) -> lambda_.LayerVersion | None:
        """Return the layer of a class of the user's own; None: it needs none."""
        code = self._shared.assets.packages(self, self._model)
        content = f"packages of the model {self._model.name}"
        return self._library_layer("Packages", code, content) if code else None

    def _library_layer(self, id_: str, code: lambda_.Code, content: str) -> lambda_.LayerVersion:
        return lambda_.LayerVersion(
            self, id_, code=code, compatible_runtimes=[RUNTIME], description=f"Lading: {content}"
        )

    def _artifact_layer(self, model: PlannedModel) -> lambda_.LayerVersion | None:
        """Return the layer of a version; None: the function reads it from S3."""
        number = "" if model.version == self._model.version else str(model.version)
        if isinstance(model.artifact, LocalArtifact):
            code = self._shared.assets.artifact(self, model.name, model.version, model.artifact)
        elif model.artifact.layer:
            archive = model.artifact.archive
            bucket = s3.Bucket.from_bucket_name(self, f"Artifacts{number}", archive.bucket)
            code = lambda_.Code.from_bucket_v2(
                bucket, archive.key, object_version=archive.version_id
            )
        else:
            return None
        return lambda_.LayerVersion(
            self,
            f"Artifact{number}",
            code=code,
            description=f"Lading: model {model.name}, version {model.version}",
        )

    def _grant_archives(self) -> None:
        """Let the function read artifacts that are no layers: of each one version of one object."""
        for model in self._model.served:
            artifact = model.artifact
            if isinstance(artifact, LocalArtifact) or not _is_read(model):
                continue
            archive = artifact.archive
            place = f"{bucket_arn(archive.bucket)}/{archive.key}"
            version = {"StringEquals": {"s3:VersionId": archive.version_id}}
            allow(self.role, "s3:GetObjectVersion", place, conditions=version)
            grant_decrypt(self.role, self._artifact_keys, "s3", bucket_arn(archive.bucket))

    def grant_golden(self, role: iam.IRole) -> None:
        """Let a role read the golden requests that are objects in S3."""
        for model in self._model.served:
            artifact, (place, _) = model.artifact, self.golden[model.version]
            if isinstance(artifact, S3Artifact) and place.startswith(_IN_S3):
                allow(role, "s3:GetObject", bucket_arn(place.removeprefix(_IN_S3)))
                bucket = bucket_arn(artifact.archive.bucket)
                grant_decrypt(role, self._artifact_keys, "s3", bucket)


def _serving(model: PlannedModel, proxy: Proxy | None, origins: tuple[str, ...]) -> ServingSettings:
    """Return the settings of the service: it serves the stable version, and those of a split."""
    remote = {
        each.version: each.artifact.archive._replace(owner=_owner(each.artifact.archive))
        for each in model.served
        if isinstance(each.artifact, S3Artifact) and _is_read(each)
    }
    served = ServedModel(
        model.name,
        versions={each.version: each.digest for each in model.served},
        labels={DEFAULT_LABEL: model.version, **model.labels},
        remote=remote,
        split=model.split,
    )
    processors = max(1, round(model.settings.memory_mb / LAMBDA.processor_mb))
    own = model.managed.threads if model.managed else processors
    return ServingSettings(
        (served,),
        threads=model.settings.threads or own,
        endpoint=proxy.endpoint if proxy else None,
        jobs=proxy.jobs if proxy else None,
        idempotency_table=proxy.idempotency_table if proxy else "",
        origins=origins,
    )


def _owner(archive: S3Object) -> str:
    """Return the account that an artifact's bucket must belong to."""
    return archive.owner or Aws.ACCOUNT_ID


def _is_read(model: PlannedModel) -> bool:
    """Return whether the function reads its artifact from S3: images have no layers."""
    in_image = model.managed is not None and model.managed.gpu_memory_gb is not None
    return in_image or not model.artifact.layer


def _golden(model: PlannedModel, *, known: bool) -> tuple[str, str]:
    """Return the place of a version's golden requests, and the owner of their bucket."""
    artifact = model.artifact
    in_layer = f"{LAYER_ROOT}/{artifact_folder(model.name, model.version)}/{GOLDEN}"
    if isinstance(artifact, LocalArtifact):
        return (in_layer if known and GOLDEN in artifact.digests else "", "")
    owner = _owner(artifact.archive)
    if artifact.golden is None or not known:
        return "", owner
    in_s3 = f"{_IN_S3}{artifact.archive.bucket}/{artifact.golden}"
    return (in_layer if artifact.layer else in_s3), owner

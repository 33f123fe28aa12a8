"""One model on Lambda: its layers, its function, the published version, the alias `live`."""

from aws_cdk import Acknowledgment, Aws, Fn, Validations
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3 as s3
from constructs import Construct

from lading.functions.contract.limits import LAMBDA
from lading.functions.contract.names import (
    DEFAULT_LABEL,
    LAYER_ROOT,
    Library,
    S3Object,
    artifact_folder,
)
from lading.functions.contract.settings import ServedModel, ServingSettings
from lading.stacks.function.code_assets import CodeAssets
from lading.stacks.function.logged_function import RUNTIME, LoggedFunction
from lading.stacks.function.proxy import WHOLE, Proxy
from lading.stacks.plan.models import GOLDEN, LocalArtifact, PlannedModel, S3Artifact
from lading.stacks.stages.settings import ALIAS, Deployment


class LambdaModel(Construct):
    """The function of one model.

    Args:
        scope: the model's stack.
        id_: the construct's id.
        deployment: the stage.
        model: what to serve.
        assets: the Lambda code.
        proxy: whom to ask for answers; None: the function gives them itself.

    `golden` is where the traffic hook finds the golden requests; empty when there are none, or when
    answers come too late to wait for.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        deployment: Deployment,
        model: PlannedModel,
        assets: CodeAssets,
        proxy: Proxy | None = None,
    ) -> None:
        super().__init__(scope, id_)
        self.artifact_layer = self._artifact_layer(model, assets)
        runtime = lambda_.LayerVersion(
            self,
            "Runtime",
            code=assets.runtime(self),
            compatible_runtimes=[RUNTIME],
            description="Lading: what the inference service imports",
        )
        layers: list[lambda_.ILayerVersion] = [
            runtime,
            *(self._processing_layer(assets, library) for library in model.processing),
            *([self.artifact_layer] if self.artifact_layer else []),
        ]
        streams = proxy is not None and proxy.adapter is not None
        if proxy and proxy.adapter:
            layers.append(lambda_.LayerVersion.from_layer_version_arn(self, "Web", proxy.adapter))
        own = LoggedFunction(
            self,
            "Inference",
            deployment=deployment,
            name=deployment.names.function(model.name),
            handler=proxy.handler if proxy else WHOLE,
            code=assets.functions(self),
            layers=layers,
            memory_mb=model.settings.memory_mb,
            timeout_s=LAMBDA.timeout_s if proxy else model.settings.timeout_s,
            environment={
                **_settings(model, proxy, deployment.settings.cors).to_environment(),
                **(proxy.environment if proxy else {}),
            },
            snap_start=model.settings.snap_start and not streams,
            reserved_concurrency=model.settings.reserved_concurrency,
            failures="its caller waits for the answer, or asks for the state of its job",
        )
        self.function, self.role = own.function, own.role
        if isinstance(model.artifact, S3Artifact) and not model.artifact.layer:
            _grant_read(self.role, model.artifact.archive, deployment.names.artifact_key)
        queued = proxy is not None and proxy.endpoint.mode == "async"
        self.golden = "" if queued else _golden(model)
        self.version = self.function.current_version
        self.alias = lambda_.Alias(self, "Live", alias_name=ALIAS, version=self.version)

    def _processing_layer(self, assets: CodeAssets, library: Library) -> lambda_.LayerVersion:
        return lambda_.LayerVersion(
            self,
            library.title(),
            code=assets.processing(self, library),
            compatible_runtimes=[RUNTIME],
            description=f"Lading: {library}, which processing steps import",
        )

    def _artifact_layer(
        self, model: PlannedModel, assets: CodeAssets
    ) -> lambda_.LayerVersion | None:
        if isinstance(model.artifact, LocalArtifact):
            code = assets.artifact(self, model, model.artifact)
        elif model.artifact.layer:
            archive = model.artifact.archive
            bucket = s3.Bucket.from_bucket_name(self, "Artifacts", archive.bucket)
            code = lambda_.Code.from_bucket_v2(
                bucket, archive.key, object_version=archive.version_id
            )
        else:
            return None
        return lambda_.LayerVersion(
            self,
            "Artifact",
            code=code,
            description=f"Lading: model {model.name}, version {model.version}",
        )


def _settings(
    model: PlannedModel, proxy: Proxy | None, origins: tuple[str, ...]
) -> ServingSettings:
    """What the function is told: it serves the stable version alone."""
    remote = {}
    if isinstance(model.artifact, S3Artifact) and not model.artifact.layer:
        remote = {model.version: model.artifact.archive}
    served = ServedModel(
        model.name,
        versions={model.version: model.digest},
        labels={DEFAULT_LABEL: model.version},
        remote=remote,
    )
    processors = max(1, round(model.settings.memory_mb / LAMBDA.processor_mb))
    return ServingSettings(
        (served,),
        threads=model.settings.threads or processors,
        endpoint=proxy.endpoint if proxy else None,
        jobs=proxy.jobs if proxy else None,
        idempotency_table=proxy.idempotency_table if proxy else "",
        origins=origins,
    )


def _golden(model: PlannedModel) -> str:
    artifact = model.artifact
    in_layer = f"{LAYER_ROOT}/{artifact_folder(model.name, model.version)}/{GOLDEN}"
    if isinstance(artifact, LocalArtifact):
        return in_layer if GOLDEN in artifact.digests else ""
    if artifact.golden is None:
        return ""
    return in_layer if artifact.layer else f"s3://{artifact.archive.bucket}/{artifact.golden}"


def _grant_read(role: iam.IRole, archive: S3Object, key_alias: str) -> None:
    """Let a role read one version of one object, and decrypt it."""
    role.add_to_principal_policy(
        iam.PolicyStatement(
            actions=["s3:GetObjectVersion"],
            resources=[f"arn:{Aws.PARTITION}:s3:::{archive.bucket}/{archive.key}"],
            conditions={"StringEquals": {"s3:VersionId": archive.version_id}},
        )
    )
    grant_decrypt(role, key_alias, archive.bucket)


def grant_decrypt(role: iam.IRole, key_alias: str, bucket: str) -> None:
    """Let a role decrypt what S3 reads for it from one bucket, with the stage's key alone.

    The key belongs to another stack and is known by its alias, which a policy can only ask for.
    """
    role.add_to_principal_policy(
        iam.PolicyStatement(
            actions=["kms:Decrypt"],
            resources=[f"arn:{Aws.PARTITION}:kms:{Aws.REGION}:{Aws.ACCOUNT_ID}:key/*"],
            conditions={
                "ForAnyValue:StringEquals": {"kms:ResourceAliases": key_alias},
                "StringEquals": {
                    "kms:ViaService": Fn.sub("s3.${AWS::Region}.amazonaws.com"),
                    "kms:EncryptionContext:aws:s3:arn": f"arn:{Aws.PARTITION}:s3:::{bucket}",
                },
            },
        )
    )
    Validations.of(role).acknowledge(
        Acknowledgment(
            id="AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:kms:<AWS::Region>:"
            "<AWS::AccountId>:key/*]",
            reason="a condition narrows it to the stage's own key, by its alias",
        )
    )

"""The stack that lets others deliver to a stage: roles for workflows of GitHub, and a pipeline.

Whoever sets a stage up deploys it once, by hand:

    npx cdk deploy lading-prod-delivery -c stage=prod
"""

from aws_cdk import Aws, CfnOutput, Duration, Stack
from aws_cdk import aws_codepipeline as codepipeline
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from constructs import Construct

from lading.stacks.delivery.pipeline import build_project, builds, pipeline_stages
from lading.stacks.delivery.roles import grant_deploy, grant_read, grant_write, token_subject
from lading.stacks.function.logged_function import stage_log
from lading.stacks.permissions import acknowledge, allow, allow_below, bucket_arn
from lading.stacks.retraining.builds import project_arn
from lading.stacks.retraining.roles import service_role
from lading.stacks.stages.delivery import GitHub, PipelineSettings
from lading.stacks.stages.settings import Deployment
from lading.stacks.storage import artifact_bucket, private_bucket

_ISSUER = "https://token.actions.githubusercontent.com"
_KEPT_DAYS = 30


def delivery_name(deployment: Deployment) -> str:
    """Return the name of a stage's stack, of its pipeline, and the start of its roles' names."""
    return f"{deployment.names.prefix}-delivery"


class DeliveryStack(Stack):
    """Roles and the pipeline of one stage, in its first region.

    Args:
        scope: the app.
        id_: the construct's id.
        deployment: the stage.
        region: the region; None: the AWS profile's.
    """

    def __init__(
        self, scope: Construct, id_: str, *, deployment: Deployment, region: str | None
    ) -> None:
        super().__init__(
            scope,
            id_,
            stack_name=delivery_name(deployment),
            description=f"Lading {deployment.stage}: who delivers to it",
            env=deployment.environment(region),
            termination_protection=deployment.production,
        )
        self._deployment = deployment
        settings = deployment.settings.delivery
        if settings.github is not None:
            self._workflows(settings.github)
        if settings.pipeline is not None:
            self._pipeline(settings.pipeline)

    def _workflows(self, settings: GitHub) -> None:
        """Create a role each for reviews, for packaging, and for deploying this stage."""
        provider = self._provider(settings)
        deployment, subject = self._deployment, settings.subject
        review = self._role("Review", f"{subject}:pull_request", provider)
        package = self._role("Package", f"{subject}:ref:refs/heads/{settings.branch}", provider)
        deploy = self._role("Deploy", f"{subject}:environment:{deployment.stage}", provider)
        grant_read(review, deployment)
        grant_write(package, deployment)
        grant_deploy(deploy, deployment, deployment.stage)

    def _provider(self, settings: GitHub) -> iam.IOidcProvider:
        if settings.provider is not None:
            return iam.OidcProviderNative.from_oidc_provider_arn(self, "GitHub", settings.provider)
        return iam.OidcProviderNative(self, "GitHub", url=_ISSUER, client_ids=["sts.amazonaws.com"])

    def _role(self, id_: str, subject: str, provider: iam.IOidcProvider) -> iam.Role:
        role = iam.Role(
            self,
            f"{id_}Role",
            role_name=f"{delivery_name(self._deployment)}-{id_.lower()}",
            assumed_by=token_subject(subject, provider),
            max_session_duration=Duration.hours(3 if id_ == "Deploy" else 1),
        )
        CfnOutput(self, f"{id_}RoleArn", value=role.role_arn)
        return role

    def _pipeline(self, settings: PipelineSettings) -> None:
        deployment, name = self._deployment, delivery_name(self._deployment)
        work = self._bucket()
        log = stage_log(self, "Log", f"/aws/codebuild/{name}", deployment.settings)
        variables = {"ARTIFACTS": f"s3://{artifact_bucket(deployment)}"}
        projects = {}
        for build in builds():
            role = service_role(self, f"{build.key.title()}BuildRole", "codebuild")
            log.grant_write(role)
            self._grant_files(role, work)
            if build.key == "package":
                grant_write(role, deployment)
            if build.key == "deploy":
                grant_deploy(role, deployment, *settings.before, deployment.stage)
            projects[build.key] = f"{name}-{build.key}"
            build_project(
                self, build, projects[build.key], role, log.log_group_name, settings, variables
            )
        role = service_role(self, "PipelineRole", "codepipeline")
        self._grant_files(role, work)
        # In an ARN `codeconnections`, only the action of the same prefix counts.
        use = [f"{each}:UseConnection" for each in ("codeconnections", "codestar-connections")]
        allow(role, use, settings.connection)
        # The source action writes its file with an ACL; the CDK's own action allows it, too.
        allow(role, "s3:PutObjectAcl", f"{bucket_arn(work.bucket_name)}/*")
        builds_ = ["codebuild:BatchGetBuilds", "codebuild:StartBuild"]
        allow(role, builds_, *map(project_arn, projects.values()))
        pipeline = codepipeline.CfnPipeline(
            self,
            "Pipeline",
            name=name,
            pipeline_type="V2",
            execution_mode="QUEUED",
            role_arn=role.role_arn,
            artifact_store=codepipeline.CfnPipeline.ArtifactStoreProperty(
                type="S3", location=work.bucket_name
            ),
            stages=pipeline_stages(settings, projects, deployment.stage),
        )
        pipeline.node.add_dependency(role)
        CfnOutput(
            self,
            "PipelineUrl",
            value=f"https://{Aws.REGION}.console.aws.amazon.com/codesuite/codepipeline/pipelines/"
            f"{name}/view",
        )

    def _bucket(self) -> s3.Bucket:
        """Create the bucket of what the pipeline's actions hand on."""
        rule = s3.LifecycleRule(
            expiration=Duration.days(_KEPT_DAYS),
            abort_incomplete_multipart_upload_after=Duration.days(1),
        )
        bucket = private_bucket(self, "Work", None, lifecycle_rules=[rule])
        acknowledge(bucket, "AwsSolutions-S1", "it holds intermediate files, deleted in days")
        return bucket

    def _grant_files(self, role: iam.Role, work: s3.Bucket) -> None:
        arn = bucket_arn(work.bucket_name)
        allow(role, ["s3:GetBucketAcl", "s3:GetBucketLocation", "s3:GetBucketVersioning"], arn)
        files = ["s3:GetObject", "s3:GetObjectVersion", "s3:PutObject"]
        allow_below(role, files, "files of this pipeline, in a bucket of their own", f"{arn}/*")

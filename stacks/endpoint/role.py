"""The permissions of an endpoint's containers, and of SageMaker on their behalf."""

from aws_cdk import Aws
from aws_cdk import aws_iam as iam
from constructs import Construct

from lading.stacks.permissions import (
    acknowledge_resource,
    allow,
    bucket_arn,
    grant_decrypt,
    own_service,
)
from lading.stacks.plan.endpoints import EngineData, Repository
from lading.stacks.stages.settings import ArtifactKeys


class EndpointRole(Construct):
    """The execution role: it reads its own files, pulls its own image and writes its own log.

    Args:
        scope: the endpoint.
        id_: the construct's id.
        files: what the engine serves.
        image: URI of the container image.
        artifact_keys: keys that may encrypt artifacts.
        watches_alarms: whether alarms roll updates back.
        in_vpc: whether containers run in a network of the account.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        files: EngineData,
        image: str,
        artifact_keys: ArtifactKeys,
        watches_alarms: bool,
        in_vpc: bool,
    ) -> None:
        super().__init__(scope, id_)
        self.role = iam.Role(self, "Role", assumed_by=own_service("sagemaker"))
        self._grant_files(files, artifact_keys)
        self._grant_image(Repository.of(image))
        self._grant_logs()
        if watches_alarms:
            self._allow("cloudwatch:DescribeAlarms", reason="SageMaker reads the alarms' states")
        if in_vpc:
            self._allow(*_NETWORK, reason="network interfaces have no name before they exist")

    def also_serve(self, files: EngineData, image: str, artifact_keys: ArtifactKeys) -> None:
        """Let the containers of another version read its files and pull its image, too."""
        self._grant_files(files, artifact_keys)
        self._grant_image(Repository.of(image))

    def _grant_files(self, files: EngineData, artifact_keys: ArtifactKeys) -> None:
        bucket = bucket_arn(files.bucket)
        below = {"StringLike": {"s3:prefix": f"{files.prefix}*"}}
        allow(self.role, "s3:GetObject", f"{bucket}/{files.prefix}*")
        allow(self.role, "s3:ListBucket", bucket, conditions=below)
        grant_decrypt(self.role, artifact_keys, "s3", bucket)
        acknowledge_resource(
            self.role,
            f"arn:<AWS::Partition>:s3:::{files.bucket}/{files.prefix}*",
            "the files below a prefix that contains their digest, and nothing else is there",
        )

    def _grant_image(self, repository: Repository) -> None:
        place = f"{repository.region}:{repository.account}:repository/{repository.name}"
        allow(self.role, _PULL, f"arn:{Aws.PARTITION}:ecr:{place}")
        self._allow("ecr:GetAuthorizationToken", reason="ECR's login accepts no resource")

    def _grant_logs(self) -> None:
        """Allow logs and metrics of containers, which SageMaker writes with this role."""
        logs = f"arn:{Aws.PARTITION}:logs:{Aws.REGION}:{Aws.ACCOUNT_ID}:log-group"
        write = ("logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents")
        allow(self.role, write, f"{logs}:/aws/sagemaker/*")
        acknowledge_resource(
            self.role,
            "arn:<AWS::Partition>:logs:<AWS::Region>:<AWS::AccountId>:log-group:/aws/sagemaker/*",
            "the log is named after the endpoint, which CloudFormation names after it has the role",
        )
        own = {"StringLike": {"cloudwatch:namespace": "/aws/sagemaker/*"}}
        allow(self.role, "cloudwatch:PutMetricData", "*", conditions=own)

    def _allow(self, *actions: str, reason: str) -> None:
        """Allow actions that accept no resource."""
        allow(self.role, actions, "*")
        acknowledge_resource(self.role, "*", reason)


_PULL = ("ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer")
_NETWORK = (
    *("ec2:CreateNetworkInterface", "ec2:CreateNetworkInterfacePermission"),
    *("ec2:DeleteNetworkInterface", "ec2:DeleteNetworkInterfacePermission"),
    *("ec2:DescribeDhcpOptions", "ec2:DescribeNetworkInterfaces"),
    *("ec2:DescribeSecurityGroups", "ec2:DescribeSubnets", "ec2:DescribeVpcs"),
)
"""Actions that SageMaker's guide requires for containers in a network of the account."""

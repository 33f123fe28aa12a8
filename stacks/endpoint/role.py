"""The permissions of an endpoint's containers, and of SageMaker on their behalf."""

from aws_cdk import Acknowledgment, Aws, Validations
from aws_cdk import aws_iam as iam
from constructs import Construct

from lading.stacks.function.lambda_model import grant_decrypt
from lading.stacks.plan.endpoints import EngineData, Repository


class EndpointRole(Construct):
    """The execution role: it reads its own files, pulls its own image and writes its own log.

    Args:
        scope: the endpoint.
        id_: the construct's id.
        files: what the engine serves.
        image: URI of the container image.
        artifact_key: alias of the key that encrypts artifacts.
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
        artifact_key: str,
        watches_alarms: bool,
        in_vpc: bool,
    ) -> None:
        super().__init__(scope, id_)
        self.role = iam.Role(
            self, "Role", assumed_by=iam.ServicePrincipal("sagemaker.amazonaws.com")
        )
        self._grant_files(files, artifact_key)
        self._grant_image(Repository.of(image))
        self._grant_logs()
        if watches_alarms:
            self._allow("cloudwatch:DescribeAlarms", reason="SageMaker reads the alarms' states")
        if in_vpc:
            self._allow(*_NETWORK, reason="network interfaces have no name before they exist")

    def _grant_files(self, files: EngineData, artifact_key: str) -> None:
        bucket = f"arn:{Aws.PARTITION}:s3:::{files.bucket}"
        self.role.add_to_policy(
            iam.PolicyStatement(actions=["s3:GetObject"], resources=[f"{bucket}/{files.prefix}*"])
        )
        self.role.add_to_policy(
            iam.PolicyStatement(
                actions=["s3:ListBucket"],
                resources=[bucket],
                conditions={"StringLike": {"s3:prefix": f"{files.prefix}*"}},
            )
        )
        grant_decrypt(self.role, artifact_key, files.bucket)
        self._acknowledge(
            f"Resource::arn:<AWS::Partition>:s3:::{files.bucket}/{files.prefix}*",
            "the files below a prefix that contains their digest, and nothing else is there",
        )

    def _grant_image(self, repository: Repository) -> None:
        place = f"{repository.region}:{repository.account}:repository/{repository.name}"
        self.role.add_to_policy(
            iam.PolicyStatement(
                actions=[
                    "ecr:BatchCheckLayerAvailability",
                    "ecr:BatchGetImage",
                    "ecr:GetDownloadUrlForLayer",
                ],
                resources=[f"arn:{Aws.PARTITION}:ecr:{place}"],
            )
        )
        self._allow("ecr:GetAuthorizationToken", reason="ECR's login accepts no resource")

    def _grant_logs(self) -> None:
        """Allow logs and metrics of containers, which SageMaker writes with this role."""
        logs = f"arn:{Aws.PARTITION}:logs:{Aws.REGION}:{Aws.ACCOUNT_ID}:log-group"
        self.role.add_to_policy(
            iam.PolicyStatement(
                actions=["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"],
                resources=[f"{logs}:/aws/sagemaker/*"],
            )
        )
        self._acknowledge(
            "Resource::arn:<AWS::Partition>:logs:<AWS::Region>:<AWS::AccountId>:log-group:"
            "/aws/sagemaker/*",
            "the log is named after the endpoint, which CloudFormation names after it has the role",
        )
        self.role.add_to_policy(
            iam.PolicyStatement(
                actions=["cloudwatch:PutMetricData"],
                resources=["*"],
                conditions={"StringLike": {"cloudwatch:namespace": "/aws/sagemaker/*"}},
            )
        )

    def _allow(self, *actions: str, reason: str) -> None:
        """Allow actions that accept no resource."""
        self.role.add_to_policy(iam.PolicyStatement(actions=list(actions), resources=["*"]))
        self._acknowledge("Resource::*", reason)

    def _acknowledge(self, finding: str, reason: str) -> None:
        Validations.of(self.role).acknowledge(
            Acknowledgment(id=f"AwsSolutions-IAM5[{finding}]", reason=reason)
        )


_NETWORK = (
    *("ec2:CreateNetworkInterface", "ec2:CreateNetworkInterfacePermission"),
    *("ec2:DeleteNetworkInterface", "ec2:DeleteNetworkInterfacePermission"),
    *("ec2:DescribeDhcpOptions", "ec2:DescribeNetworkInterfaces"),
    *("ec2:DescribeSecurityGroups", "ec2:DescribeSubnets", "ec2:DescribeVpcs"),
)
"""Actions that SageMaker's guide requires for containers in a network of the account."""

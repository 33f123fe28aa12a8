"""What the containers of an endpoint, and SageMaker for them, may do."""

from aws_cdk import Acknowledgment, Aws, Validations
from aws_cdk import aws_iam as iam
from constructs import Construct

from lading.stacks.function.lambda_model import grant_decrypt
from lading.stacks.plan.endpoints import EngineData, PlannedEndpoint, Repository
from lading.stacks.stages.sagemaker import SageMakerSettings


class EndpointRole(Construct):
    """The execution role: reads its own files, pulls its own image, writes its own log.

    Args:
        scope: the endpoint.
        id_: the construct's id.
        endpoint: what it serves.
        settings: how it runs.
        artifact_key: alias of the key that encrypts artifacts.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        endpoint: PlannedEndpoint,
        settings: SageMakerSettings,
        artifact_key: str,
    ) -> None:
        super().__init__(scope, id_)
        self.role = iam.Role(
            self, "Role", assumed_by=iam.ServicePrincipal("sagemaker.amazonaws.com")
        )
        self._let_read(endpoint.files, artifact_key)
        self._let_pull(Repository.of(endpoint.image))
        self._let_tell()
        if settings.update.rollback:
            self._allow("cloudwatch:DescribeAlarms", reason="SageMaker looks whether alarms ring")
        if settings.vpc is not None:
            self._allow(*_NETWORK, reason="network interfaces have no name before they are made")

    def _let_read(self, files: EngineData, artifact_key: str) -> None:
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
            "the files below a prefix that is named by their digest, and nothing else lies there",
        )

    def _let_pull(self, lies: Repository) -> None:
        place = f"arn:{Aws.PARTITION}:ecr:{lies.region}:{lies.account}:repository/{lies.name}"
        self.role.add_to_policy(
            iam.PolicyStatement(
                actions=[
                    "ecr:BatchCheckLayerAvailability",
                    "ecr:BatchGetImage",
                    "ecr:GetDownloadUrlForLayer",
                ],
                resources=[place],
            )
        )
        self._allow("ecr:GetAuthorizationToken", reason="ECR's login takes no resource")

    def _let_tell(self) -> None:
        """Logs and metrics of containers: SageMaker writes them with this role."""
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
            "the log is named after the endpoint, which CloudFormation names later than its role",
        )
        self.role.add_to_policy(
            iam.PolicyStatement(
                actions=["cloudwatch:PutMetricData"],
                resources=["*"],
                conditions={"StringLike": {"cloudwatch:namespace": "/aws/sagemaker/*"}},
            )
        )

    def _allow(self, *actions: str, reason: str) -> None:
        """Actions that take no resource."""
        self.role.add_to_policy(iam.PolicyStatement(actions=list(actions), resources=["*"]))
        self._acknowledge("Resource::*", reason)

    def _acknowledge(self, finding: str, reason: str) -> None:
        Validations.of(self.role).acknowledge(
            Acknowledgment(id=f"AwsSolutions-IAM5[{finding}]", reason=reason)
        )


_NETWORK = (
    "ec2:CreateNetworkInterface",
    "ec2:CreateNetworkInterfacePermission",
    "ec2:DeleteNetworkInterface",
    "ec2:DeleteNetworkInterfacePermission",
    "ec2:DescribeDhcpOptions",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSecurityGroups",
    "ec2:DescribeSubnets",
    "ec2:DescribeVpcs",
)
"""What SageMaker's guide asks for where containers have one's own network."""

"""An endpoint's own template, deployed into an AWS on this machine, and the endpoint asked.

moto makes models, configurations and endpoints, which boto3 then describes. It knows neither
components nor scaling nor isolation, and replaces a model without what refers to it, so that only a
first deployment tells something. Behind the endpoint stands the local runtime.
"""

import contextlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest

from lading.emulator.engines.container_process import EngineProcess, service_container
from lading.emulator.processes.server import in_background
from lading.emulator.sagemaker.endpoint import LocalEndpoint
from lading.emulator.sagemaker.runtime import SageMakerRuntime
from lading.functions.endpoint_check.endpoint import EndpointWrong, Wanted, pending
from tests.stacks.endpoints import PLANNED, endpoint_template
from tests.support.s3 import aws, running
from tests.support.worlds import times

pytestmark = pytest.mark.slow

STACK = "chat"


@dataclass
class Account:
    """CloudFormation and SageMaker, at one address."""

    url: str

    def client(self, service: str) -> Any:
        session: Any = boto3.session.Session("test", "test", region_name="eu-west-1")
        return session.client(service, endpoint_url=self.url)

    def deploy(self) -> str:
        """The name of the endpoint that the template made."""
        template = endpoint_template(instances=["ml.g4dn.xlarge"], count={"min": 2, "max": 2})
        self.client("cloudformation").create_stack(
            StackName=STACK,
            TemplateBody=json.dumps(template.to_json()),
            Capabilities=["CAPABILITY_IAM"],
        )
        (endpoint,) = self.client("sagemaker").list_endpoints()["Endpoints"]
        return str(endpoint["EndpointName"])

    def described(self, endpoint: str) -> tuple[Any, Any, Any]:
        """The endpoint, its configuration and the model that this names."""
        client = self.client("sagemaker")
        found = client.describe_endpoint(EndpointName=endpoint)
        config = client.describe_endpoint_config(EndpointConfigName=found["EndpointConfigName"])
        model = config["ProductionVariants"][0]["ModelName"]
        return found, config, client.describe_model(ModelName=model)


@pytest.fixture
def account() -> Iterator[Account]:
    with running() as url:
        account = Account(url.replace("127.0.0.1", "localhost"))
        version = "/cdk-bootstrap/hnb659fds/version"
        account.client("ssm").put_parameter(Name=version, Value="30", Type="String")
        yield account


def test_the_template_makes_the_endpoint_that_it_says(account: Account) -> None:
    endpoint, config, model = account.described(account.deploy())
    assert endpoint["EndpointStatus"] == "InService"
    (variant,) = config["ProductionVariants"]
    assert (variant["VariantName"], variant["InitialInstanceCount"]) == ("main", 2)
    assert variant["InstanceType"] == "ml.g4dn.xlarge"
    container = model["PrimaryContainer"]
    assert container["Image"] == PLANNED.image
    source = container["ModelDataSource"]["S3DataSource"]
    assert source["S3Uri"] == f"s3://{PLANNED.files.bucket}/{PLANNED.files.prefix}"


def test_the_check_sees_what_runs_and_what_does_not(account: Account) -> None:
    name = account.deploy()
    config = account.described(name)[0]["EndpointConfigName"]
    with aws(account.url):
        assert pending(Wanted(name, config)) is None
        with pytest.raises(EndpointWrong, match=f"runs {config}, not other: SageMaker has rolled"):
            pending(Wanted(name, "other"))


@contextlib.contextmanager
def behind(endpoint: str, repository: Path) -> Iterator[Any]:
    """boto3's client of the runtime, with our own container behind an endpoint of that name."""
    process = EngineProcess(endpoint, service_container(repository), repository / "engine.log")
    runtime = SageMakerRuntime([LocalEndpoint(endpoint, process)])
    with in_background(runtime, runtime) as port:
        client = Account(f"http://127.0.0.1:{port}").client("sagemaker-runtime")
        with contextlib.closing(client):
            yield client


def test_an_endpoint_that_was_deployed_answers_through_the_local_runtime(
    account: Account, tmp_path: Path
) -> None:
    name = account.deploy()
    version = tmp_path / "model" / "1"
    version.mkdir(parents=True)
    (version / "model.onnx").write_bytes(times(3.0))
    tensor = {"name": "x", "datatype": "FP32", "shape": [1, 2], "data": [1, 2]}
    with behind(name, tmp_path) as client:
        answer = client.invoke_endpoint(
            EndpointName=name,
            ContentType="application/json",
            Body=json.dumps({"inputs": [tensor]}).encode(),
        )
        (output,) = json.loads(answer["Body"].read())["outputs"]
    assert (output["name"], output["data"]) == ("y", [3.0, 6.0])

import pytest

from lading.emulator.sagemaker.descriptions import describe
from lading.emulator.sagemaker.endpoint import LocalEndpoint, Status
from lading.emulator.sagemaker.refusals import SageMakerRefusal
from lading.functions.contract.names import ENDPOINT
from tests.support.emulator_sagemaker import contrary


@pytest.fixture
def endpoints(tmp_path_factory: pytest.TempPathFactory) -> dict[str, LocalEndpoint]:
    engine = contrary(tmp_path_factory.mktemp("engine"))
    return {"e": LocalEndpoint("e", engine, component="c", status=Status.in_service, copies=1)}


def test_an_endpoint_and_its_component_have_the_deployed_variant(
    endpoints: dict[str, LocalEndpoint],
) -> None:
    endpoint = describe(endpoints, "SageMaker.DescribeEndpoint", {"EndpointName": "e"})
    assert endpoint["EndpointStatus"] == "InService"
    assert endpoint["ProductionVariants"][0]["VariantName"] == ENDPOINT.variant
    name = {"InferenceComponentName": "c"}
    component = describe(endpoints, "SageMaker.DescribeInferenceComponent", name)
    assert (component["VariantName"], component["EndpointName"]) == (ENDPOINT.variant, "e")


@pytest.mark.parametrize(
    ("target", "text"),
    [
        ("SageMaker.DescribeEndpoint", 'Could not find endpoint "x"'),
        ("SageMaker.DescribeInferenceComponent", 'Could not find inference component "x"'),
        ("SageMaker.DeleteEndpoint", "SageMaker.DeleteEndpoint is not supported"),
    ],
)
def test_what_is_not_there_is_refused(
    endpoints: dict[str, LocalEndpoint], target: str, text: str
) -> None:
    with pytest.raises(SageMakerRefusal, match=text):
        describe(endpoints, target, {"EndpointName": "x", "InferenceComponentName": "x"})

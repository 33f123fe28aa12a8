"""What S3 and the network do on bad days: a reader gets what was published, or one clear error."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from lading.functions.contract.errors import ArtifactUnreachable
from lading.functions.contract.names import S3Object
from lading.functions.inference.artifact.remote import read_remote
from lading.functions.traffic_hook.cloud import read_golden
from lading.model_packaging.lock.file import S3Copy
from lading.model_packaging.store.errors import StoreError
from lading.model_packaging.store.publication import Built
from lading.model_packaging.store.s3 import S3Store
from lading.model_packaging.store.versions import open_store, store_of
from tests.conftest import Bucket
from tests.model_packaging.stores import digest, files
from tests.support.faulty_network import Fault, Network, faulty
from tests.support.s3 import aws

pytestmark = pytest.mark.slow

CONTENT = files(b"weights" * 50)


@pytest.fixture
def network(s3_url: str) -> Iterator[Network]:
    with faulty(s3_url) as found:
        yield found


@pytest.fixture
def place(bucket: Bucket, tmp_path: Path) -> S3Object:
    """A version of a model, published over a network without faults."""
    store = S3Store(bucket.name)
    store.place("digits", 1, Built(CONTENT))
    copy = store.copy("digits", 1, digest(CONTENT), tmp_path / "models.lock.json")
    return S3Object(copy.bucket, copy.key, copy.version_id)


@pytest.mark.parametrize(
    "faults",
    [
        ["throttled", "throttled"],
        ["unavailable"],
        ["refused", "throttled"],
        ["cut"],
        ["cut", "throttled", "cut"],
        ["altered"],
        ["slow"],
    ],
    ids="-".join,
)
def test_a_server_reads_a_model_in_spite_of_faults_that_pass(
    network: Network, place: S3Object, faults: list[Fault]
) -> None:
    network.will(*faults)
    with aws(network.url):
        found = read_remote(place, "digits", 1, digest(CONTENT))
    assert found.model == CONTENT["model.onnx"]
    assert network.requests == len([it for it in faults if it != "slow"]) + 1


@pytest.mark.parametrize(
    ("fault", "reason"),
    [("throttled", "SlowDown"), ("cut", "ResponseStreamingError"), ("altered", "Checksum")],
)
def test_a_server_gives_up_on_faults_that_stay(
    network: Network, place: S3Object, fault: Fault, reason: str
) -> None:
    network.will(*[fault] * 50)
    with aws(network.url), pytest.raises(ArtifactUnreachable, match=reason):
        read_remote(place, "digits", 1, digest(CONTENT))
    assert network.requests < 10


@pytest.mark.parametrize(
    "faults", [["throttled"], ["refused"], ["unavailable", "throttled"]], ids="-".join
)
def test_a_publisher_publishes_once_in_spite_of_faults_that_pass(
    network: Network, bucket: Bucket, faults: list[Fault]
) -> None:
    network.will(*faults)
    with aws(network.url):
        assert S3Store(bucket.name).publish("digits", Built(CONTENT), {}) == 1
    assert S3Store(bucket.name).versions("digits") == (1,)
    assert S3Store(bucket.name).open("digits", 1).files == CONTENT


def test_a_publisher_whose_answers_are_lost_publishes_once(
    network: Network, bucket: Bucket
) -> None:
    """S3 has done what was asked, and the client repeats it because it never heard so."""
    for lost in range(4):
        before: list[Fault] = ["none"] * lost
        network.will(*before, "cut")
        with aws(network.url):
            S3Store(bucket.name).publish("digits", Built(CONTENT), {})
        assert S3Store(bucket.name).versions("digits") == (1,)
    assert S3Store(bucket.name).open("digits", 1).files == CONTENT


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("throttled", r"is requested too often: .*; wait a minute and try again"),
        ("cut", r"cannot be reached: .*; check the network"),
        ("refused", r"cannot be reached: .*; check the network"),
    ],
)
def test_a_command_says_what_happened_and_what_to_do(
    network: Network, bucket: Bucket, place: S3Object, fault: Fault, reason: str
) -> None:
    network.will(*[fault] * 50)
    with aws(network.url), pytest.raises(StoreError, match=reason):
        S3Store(bucket.name).open("digits", 1)
    assert place.bucket == bucket.name


def test_a_name_that_cannot_be_resolved_is_said(place: S3Object) -> None:
    with aws("http://no-such-host.invalid"):
        with pytest.raises(ArtifactUnreachable, match="EndpointConnectionError"):
            read_remote(place, "digits", 1, None)
        with pytest.raises(StoreError, match=r"cannot be reached: .*no-such-host.*check the net"):
            S3Store(place.bucket).versions("digits")


OWNER, OTHER = "111122223333", "444455556666"


def test_every_call_of_a_store_expects_the_owner_that_its_address_names(
    network: Network, bucket: Bucket, tmp_path: Path
) -> None:
    network.owner, lock = OWNER, tmp_path / "models.lock.json"
    with aws(network.url):
        store = open_store(f"s3://{bucket.name}/a?owner={OWNER}")
        version = store.publish("digits", Built(CONTENT), {})
        copy = store.copy("digits", version, digest(CONTENT), lock)
        assert store_of(copy, "digits", version, lock).open("digits", version).files == CONTENT
        assert len(store.contents("digits")) > 0
        wrong = open_store(f"s3://{bucket.name}/a?owner={OTHER}")
        with pytest.raises(StoreError, match=f"not allowed by S3.*must belong to account {OTHER}"):
            wrong.open("digits", version)
    assert isinstance(copy, S3Copy)
    assert copy.owner == OWNER


def test_a_server_reads_only_from_the_bucket_of_the_expected_owner(
    network: Network, place: S3Object
) -> None:
    network.owner = OWNER
    with aws(network.url):
        assert read_remote(place._replace(owner=OWNER), "digits", 1, None).model
        for other in (OTHER, ""):
            with pytest.raises(ArtifactUnreachable, match="AccessDenied"):
                read_remote(place._replace(owner=other), "digits", 1, None)


def test_a_roll_out_reads_golden_requests_only_from_the_bucket_of_the_expected_owner(
    network: Network, place: S3Object
) -> None:
    network.owner, golden = OWNER, f"s3://{place.bucket}/{place.key}"
    with aws(network.url):
        assert read_golden(golden, OWNER)
        for other in (OTHER, ""):
            with pytest.raises(ClientError, match="AccessDenied"):
                read_golden(golden, other)

"""The cases of `tests/contracts/wire/`, answered by what is deployed.

They are the very same, led here by the fixtures `served` and `grpc_served`.
"""

from collections.abc import Iterator

import httpx
import pytest

from lading.cli.emulated_stage import create_token, deploy
from lading.emulator.cloud.account import EmulatedCloud
from lading.model_packaging.lock.edits import record
from lading.model_packaging.lock.file import LocalCopy, LockedVersion
from lading.stacks.stages.settings import load_deployment
from tests.contracts.wire.test_every_way import *  # noqa: F403
from tests.contracts.wire.test_openai_every_way import *  # noqa: F403
from tests.contracts.wire.test_tensorflow_serving_api import *  # noqa: F403
from tests.contracts.wire.test_tritonclient import *  # noqa: F403
from tests.contracts.wire.test_tritonclient_grpc import *  # noqa: F403
from tests.contracts.wire.ways import MODELS, Served, proxied
from tests.support.worlds import settings_for

pytestmark = pytest.mark.slow

PAGE = "https://page.example"


@pytest.fixture(scope="module")
def served(cloud: EmulatedCloud, tmp_path_factory: pytest.TempPathFactory) -> Served:
    """The models, each in a stack of its own, whose function serves the stable version alone."""
    folder = tmp_path_factory.mktemp("wire")
    settings = settings_for(folder / "artifacts", MODELS)
    lock, manifest, stages = (folder / name for name in ("lock.json", "models.yaml", "stages.yaml"))
    for model in settings.models:
        for version, digest in model.versions.items():
            stores = (LocalCopy(path="artifacts"),)
            locked = LockedVersion(identity=digest, digest=digest, stores=stores)
            labels = [label for label, at in model.labels.items() if at == version]
            record(lock, model.name, version, locked, labels)
    sources = "".join(f"  {name}: {{source: {name}.onnx}}\n" for name in MODELS)
    manifest.write_text(f"models:\n{sources}")
    stages.write_text(f"stages: {{wire: {{auth: token, cors: [https://a.example, {PAGE}]}}}}\n")
    deployment = load_deployment(stages, "wire", local=True)
    url = deploy(cloud, deployment, manifest, lock)
    token = create_token(cloud, deployment)
    return Served(url.removeprefix("http://"), token, deployed=True)


@pytest.fixture(scope="module")
def grpc_served(served: Served, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The same through `lading grpc-proxy`."""
    with proxied(served, tmp_path_factory.mktemp("proxy")) as address:
        yield Served(address, deployed=True)


def test_who_has_no_token_is_refused(served: Served) -> None:
    url = f"http://{served.address}/predict/floats"
    answer = httpx.post(url, json={"inputs": [[1, 2]]}, timeout=60)
    assert answer.status_code in {401, 403}


@pytest.mark.parametrize("base", ["", "/floats"])
def test_a_page_asks_first_without_a_token_and_may_read_every_answer(
    served: Served, base: str
) -> None:
    url, origin = f"http://{served.address}{base}/v2/models/floats/ready", {"origin": PAGE}
    asked = {**origin, "access-control-request-headers": "authorization"}
    allowed = httpx.options(url, headers=asked, timeout=60)
    other = httpx.options(url, headers={**asked, "origin": "https://other.example"}, timeout=60)
    refused = httpx.get(url, headers=origin, timeout=60)
    answered = httpx.get(url, headers={**origin, **served.headers}, timeout=60)
    told = [each.headers.get_list("access-control-allow-origin") for each in (allowed, answered)]
    assert (allowed.status_code, answered.status_code, told) == (200, 200, [[PAGE], [PAGE]])
    assert allowed.headers["access-control-allow-headers"] == "Authorization, *"
    assert (other.status_code, "access-control-allow-origin" in other.headers) == (403, False)
    assert refused.status_code in {401, 403}
    assert refused.headers["access-control-allow-origin"] == "*"

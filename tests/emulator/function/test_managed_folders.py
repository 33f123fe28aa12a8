"""Several requests at once under AWS's runtime, as on Lambda Managed Instances."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from lading.emulator.errors import RuntimeUnavailable
from lading.emulator.function.interface import Configuration
from lading.emulator.function.lambda_runtime import Code, LambdaRuntimeFunction
from lading.emulator.function.managed_folders import require_namespace
from tests.emulator.harness import LINUX_ONLY, ROOT, TOOLS, serving

pytestmark = LINUX_ONLY


@pytest.fixture(autouse=True)
def _namespace() -> None:
    try:
        require_namespace()
    except RuntimeUnavailable as error:
        pytest.skip(str(error))


def meeting(folder: Path, concurrency: int) -> LambdaRuntimeFunction:
    place = folder / "meeting"
    place.mkdir()
    return LambdaRuntimeFunction(
        {"MEETING": str(place)},
        log=folder / "function.log",
        tools=TOOLS,
        code=Code(ROOT, "tests.emulator.meeting.handler"),
        configuration=Configuration(concurrency=concurrency),
    )


def test_as_many_requests_meet_as_the_environment_may_answer_at_once(tmp_path: Path) -> None:
    with serving(meeting(tmp_path, 3)) as served, ThreadPoolExecutor(3) as threads:

        def ask(name: str) -> httpx.Response:
            return served.client.get("/3", headers={"name": name})

        answers = list(threads.map(ask, "abc"))
        assert [answer.status_code for answer in answers] == [200] * 3
        assert len({answer.text for answer in answers}) == 3  # a process for each


def test_more_requests_than_that_wait_for_their_turn(tmp_path: Path) -> None:
    with serving(meeting(tmp_path, 2)) as served, ThreadPoolExecutor(6) as threads:

        def ask(name: str) -> httpx.Response:
            return served.client.get("/1", headers={"name": name})

        answers = list(threads.map(ask, "abcdef"))
        assert [answer.status_code for answer in answers] == [200] * 6
        assert len({answer.text for answer in answers}) <= 2


def test_nothing_is_written_where_the_program_looks(tmp_path: Path) -> None:
    before = sorted(Path("/var").iterdir())
    with serving(meeting(tmp_path, 1)) as served:
        assert served.client.get("/1", headers={"name": "a"}).status_code == 200
        assert sorted(Path("/var").iterdir()) == before

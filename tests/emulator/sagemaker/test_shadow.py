"""A shadow variant gets copies of requests after their callers have the answers."""

import json
from pathlib import Path

import pytest

from lading.emulator.sagemaker.capture import Capture
from lading.emulator.sagemaker.endpoint import Exchanged
from lading.emulator.sagemaker.shadow import LocalShadow
from tests.support.emulator_sagemaker import contrary, endpoint, quick, serving


def shadowed(folder: Path, share: float, *habits: str, requests: int = 1) -> dict[str, list[str]]:
    """Inference ids of the captured answers, by variant, after some requests."""
    written: dict[str, bytes] = {}
    seen: list[Exchanged] = []

    async def note(exchanged: Exchanged) -> None:
        seen.append(exchanged)

    engine = contrary(folder, *habits)
    mirror = LocalShadow(engine, share, Capture("captures/3-4", written.__setitem__), note)
    with serving(endpoint(folder, limits=quick(), mirror=mirror)) as served:
        for number in range(requests):
            served.invoke(InferenceId=f"request-{number}")
    found: dict[str, list[str]] = {"main": [], "shadow": []}
    for key, content in written.items():
        event = json.loads(content)["eventMetadata"]
        found[key.split("/")[3]].append(event["inferenceId"])
    assert {it.variant for it in seen} <= {"shadow"}
    return {**found, "statuses": [str(it.status) for it in seen]}


def test_both_answers_are_captured_under_the_id_of_the_request(tmp_path: Path) -> None:
    found = shadowed(tmp_path, 1.0, requests=3)
    assert sorted(found["main"]) == sorted(found["shadow"])
    assert sorted(found["main"]) == ["request-0", "request-1", "request-2"]
    assert found["statuses"] == ["200", "200", "200"]


def test_it_gets_its_share_of_the_requests(tmp_path: Path) -> None:
    found = shadowed(tmp_path, 0.3, requests=60)
    assert len(found["main"]) == 60
    assert 4 <= len(found["shadow"]) <= 34


@pytest.mark.parametrize("habits", [("fails",)])
def test_callers_see_nothing_of_a_shadow_that_fails(
    tmp_path: Path, habits: tuple[str, ...]
) -> None:
    found = shadowed(tmp_path, 1.0, *habits, requests=2)
    assert (len(found["main"]), found["shadow"], found["statuses"]) == (2, [], ["500", "500"])

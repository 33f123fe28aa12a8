"""How an endpoint runs, and what follows from what is not stated."""

import pytest
from pydantic import ValidationError

from lading.stacks.stages.sagemaker import SageMakerSettings


def settings(**stated: object) -> SageMakerSettings:
    return SageMakerSettings.model_validate(stated)


@pytest.mark.parametrize(
    ("stated", "expected"),
    [
        ({"mode": "steady"}, (1, "all_at_once", 10, "concurrency")),
        ({"count": {"min": 2, "max": 4}}, (2, "canary", 10, "concurrency")),
        ({"mode": "scale_to_zero", "count": {"max": 3}}, (0, "rolling", 33, "concurrency")),
        ({"mode": "async", "count": {"max": 3}}, (0, "all_at_once", 10, "backlog")),
        ({"mode": "async", "count": {"min": 2, "max": 3}}, (2, "canary", 10, "backlog")),
    ],
)
def test_what_is_not_stated_follows_from_mode_and_count(
    stated: dict[str, object], expected: tuple[object, ...]
) -> None:
    found = settings(**stated)
    assert (found.fewest, found.policy, found.percent, found.metric) == expected


def test_a_fixed_number_does_not_scale() -> None:
    assert not settings(count={"min": 2, "max": 2}).scales
    assert settings(count={"min": 2, "max": 3}).scales


@pytest.mark.parametrize(
    ("instance", "local"),
    [
        ("ml.g4dn.xlarge", True),
        ("ml.g5.xlarge", True),
        ("ml.g6e.12xlarge", True),
        ("ml.g7e.2xlarge", True),
        ("ml.p4d.24xlarge", True),
        ("ml.p4de.24xlarge", True),
        ("ml.p5en.48xlarge", True),
        ("ml.p6-b200.48xlarge", True),
        ("ml.m5d.large", True),
        ("ml.r7gd.large", True),
        ("ml.trn1.2xlarge", True),
        ("ml.p3.2xlarge", False),
        ("ml.m5.xlarge", False),
        ("ml.c7g.large", False),
        ("ml.inf2.xlarge", False),
        ("ml.c6in.large", False),
    ],
)
def test_which_instances_have_disks_of_their_own(instance: str, local: bool) -> None:
    assert settings(instances=["ml.m5.large", instance]).local_storage == local


@pytest.mark.parametrize(
    "stated",
    [
        {"mode": "sometimes"},
        {"instances": ["g5.xlarge"]},
        {"instances": ["ml.g5.xlarge", "ml.g5.xlarge"]},
        {"hold_s": 26},
        {"vpc": {"subnets": ["a"], "security_groups": []}},
        {"vpc": {"subnets": ["a"]}},
        {"update": {"percent": 60}},
        {"count": {"max": 0}},
        {"volume_key": "my-key"},
        {"jobs_days": 0},
        {"netwrok_isolation": True},
    ],
)
def test_what_no_endpoint_takes_is_refused(stated: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        settings(**stated)

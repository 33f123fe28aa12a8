import re
from pathlib import Path

import pytest

from lading.stacks.errors import SettingsError
from lading.stacks.stages.settings import ModelSettings, load_deployment


def load(folder: Path, model: str) -> ModelSettings:
    path = folder / "stages.yaml"
    path.write_text(f"stages:\n  dev:\n    models:\n      digits: {{{model}}}\n")
    return load_deployment(path, "dev").settings.model("digits")


SCHEDULED = "provisioned_concurrency: {count: 1, schedule: [{at: rate(1 day), count: 4}]}"


@pytest.mark.parametrize(
    ("model", "told"),
    [
        ("provisioned_concurrency: {count: 1}", "excludes SnapStart; write `snap_start: false`"),
        (
            "snap_start: false, provisioned_concurrency: {count: 0}",
            "keeps no environment started; write a count above 0",
        ),
        (
            "snap_start: false, reserved_concurrency: 3, " + SCHEDULED,
            "has a count of 4, above reserved_concurrency (3); raise that",
        ),
    ],
)
def test_what_lambda_does_not_accept_together_is_refused_at_its_line(
    tmp_path: Path, model: str, told: str
) -> None:
    place = "stages.yaml:4: stages.dev.models.digits.provisioned_concurrency: "
    with pytest.raises(SettingsError, match=re.escape(f"{place}{told}")):
        load(tmp_path, model)


@pytest.mark.parametrize(
    "at",
    ["cron(0 7 * * MON)", "rate(0 days)", "rate(5 weeks)", "at(2026-12-01)", "0 7 ? * MON-FRI *"],
)
def test_a_schedule_that_aws_cannot_read_is_refused(tmp_path: Path, at: str) -> None:
    model = (
        f"snap_start: false, provisioned_concurrency: {{count: 1, schedule: [{{at: '{at}', "
        "count: 4}]}"
    )
    with pytest.raises(SettingsError, match=r"schedule\.0\.at: String should match"):
        load(tmp_path, model)


def test_two_counts_at_one_time_are_refused(tmp_path: Path) -> None:
    twice = "[{at: rate(1 day), count: 4}, {at: rate(1 day), count: 5}]"
    with pytest.raises(SettingsError, match="two entries have the same `at`"):
        load(
            tmp_path, f"snap_start: false, provisioned_concurrency: {{count: 1, schedule: {twice}}}"
        )


def test_a_schedule_alone_may_start_environments(tmp_path: Path) -> None:
    schedule = "[{at: 'cron(0 7 ? * MON *)', count: 4}, {at: 'at(2026-12-01T08:00:00)', count: 0}]"
    settings = load(
        tmp_path,
        "snap_start: false, provisioned_concurrency: {count: 0, timezone: Europe/Berlin, "
        f"schedule: {schedule}}}",
    )
    assert settings.provisioned_concurrency is not None
    assert settings.provisioned_concurrency.counts == (0, 4, 0)

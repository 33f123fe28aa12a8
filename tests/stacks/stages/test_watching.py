"""The objectives of a stage: what can be promised, and what is refused with the reason."""

from pathlib import Path

import pytest

from lading.functions.contract.alarms import RUNBOOK
from lading.stacks.errors import SettingsError
from lading.stacks.stages.settings import load_deployment
from lading.stacks.stages.watching import WatchingSettings


def read(folder: Path, text: str) -> WatchingSettings:
    path = folder / "stages.yaml"
    path.write_text(f"stages: {{prod: {{watching: {{{text}}}}}}}")
    return load_deployment(path, "prod").settings.watching


def test_the_usual_objectives_need_no_settings(tmp_path: Path) -> None:
    told = read(tmp_path, "")
    assert (told.availability, told.latency_s, told.fast) == (0.999, 1.0, 0.99)
    assert told.runbook == RUNBOOK


def test_a_latency_is_a_bound_of_the_histograms(tmp_path: Path) -> None:
    assert read(tmp_path, "latency_ms: 2.5").latency_s == 0.0025
    with pytest.raises(SettingsError, match=r"must be one of 0\.5, 1, 2\.5, .* not 300"):
        read(tmp_path, "latency_ms: 300")


@pytest.mark.parametrize(
    "text",
    ["availability: 1", "fast: 0.2", "window_days: 0", "runbook: a/", "trace_layers: {eu: arn}"],
)
def test_what_nobody_can_promise_or_find_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(SettingsError, match=r"stages\.yaml"):
        read(tmp_path, text)

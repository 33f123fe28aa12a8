"""The Lambda entry that runs on a schedule: it judges the last window of each model.

It reads the counts from the logs of the models' functions, and writes the verdicts with its own log
lines, as metrics that alarms watch. It keeps nothing: a run that fails is repeated by the next one
with the next window.
"""

from collections.abc import Iterator, Mapping
from time import time
from typing import Any

from lading.functions.contract.names import function_log
from lading.functions.drift.cloud import read_lines
from lading.functions.drift.metrics import metric_lines
from lading.functions.drift.settings import WatchSettings
from lading.functions.drift.verdict import judge
from lading.functions.drift.windows import sum_lines


def watch(_event: Mapping[str, Any], _context: Any) -> dict[str, list[str]]:
    """Judge each model; return the names of the features that drift, by model."""
    settings, until = WatchSettings.from_environment(), int(time() * 1000)
    return dict(_judge_all(settings, until))


def _judge_all(settings: WatchSettings, until: int) -> Iterator[tuple[str, list[str]]]:
    since = until - settings.window_s * 1000
    for function in settings.functions:
        lines = read_lines(function_log(function), since, until)
        for window in sum_lines(lines):
            verdict = judge(window, settings.large)
            for line in metric_lines(window, verdict):
                print(line, flush=True)  # noqa: T201 the function's log
            yield window.model, [each.name for each in verdict if each.drifts]

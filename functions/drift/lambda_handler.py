"""The Lambda entry that runs on a schedule: it judges the last window of each model.

It reads the counts from the logs of the models' functions, and writes the verdicts with its own log
lines, as metrics that alarms watch. It keeps nothing: a run that fails is repeated by the next one
with the next window.
"""

import json
from collections.abc import Mapping
from time import time
from typing import Any

from lading.functions.contract.names import function_log
from lading.functions.drift.cloud import UNREADABLE, read_lines
from lading.functions.drift.metrics import metric_lines
from lading.functions.drift.settings import WatchSettings
from lading.functions.drift.verdict import judge
from lading.functions.drift.windows import sum_lines


def watch(_event: Mapping[str, Any], _context: Any) -> dict[str, list[str]]:
    """Judge each model; return the names of the features that drift, by model.

    Raises:
        BotoCoreError, ClientError: the log of a model cannot be read; all others are judged.
    """
    settings, until = WatchSettings.from_environment(), int(time() * 1000)
    found: dict[str, list[str]] = {}
    faults = []
    for function in settings.functions:
        try:
            found |= _judged(function, settings, until)
        except UNREADABLE as error:
            _write({"message": "drift not judged", "function": function, "reason": str(error)})
            faults.append(error)
    if faults:
        raise faults[0]
    return found


def _judged(function: str, settings: WatchSettings, until: int) -> dict[str, list[str]]:
    lines = read_lines(function_log(function), until - settings.window_s * 1000, until)
    found = {}
    for window in sum_lines(lines):
        verdict = judge(window, settings.large)
        for line in metric_lines(window, verdict):
            print(line, flush=True)  # noqa: T201 the function's log
        found[window.model] = [each.name for each in verdict if each.drifts]
    return found


def _write(fault: Mapping[str, str]) -> None:
    print(json.dumps({"level": "ERROR", **fault}), flush=True)  # noqa: T201 the function's log

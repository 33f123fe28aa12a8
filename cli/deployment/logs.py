"""`lading logs`: the log of a deployed model's function."""

import json
import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated

import typer

from lading.cli.commands.tokens import Region
from lading.cli.deployment.account import LogLine, log_lines
from lading.cli.deployment.stage import STAGE, STAGES, Stage, Stages
from lading.cli.options import Json, Name
from lading.functions.contract.names import function_log
from lading.stacks.stages.settings import load_deployment

_FOLLOW = typer.Option("--follow", "-f", help="Go on until Ctrl-C.")
_SINCE = typer.Option(help="How far back, such as 30s, 10m, 2h, 1d.")
_ERRORS = typer.Option("--errors", help="Only warnings and errors.")

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_ERROR_PATTERN = '{ ($.level = "WARNING") || ($.level = "ERROR") || ($.level = "CRITICAL") }'
_BETWEEN_S = 2.0
_OVERLAP_MS = 10_000
"""How much is read again when following: events arrive late, and out of order."""


def logs(
    name: Name,
    follow: Annotated[bool, _FOLLOW] = False,
    since: Annotated[str, _SINCE] = "10m",
    errors: Annotated[bool, _ERRORS] = False,
    stage: Stage = STAGE,
    stages: Stages = STAGES,
    region: Region = None,
    json_: Json = False,
) -> None:
    """Print the log of a deployed model's function, the oldest line first.

    With --json each line is what the function wrote, mostly JSON with the request's id, its status
    and its duration.

    Examples:

        lading logs digits

        lading logs digits --follow --errors --stage prod

        lading logs digits --since 2h --json
    """
    deployment = load_deployment(stages, stage)
    regions = deployment.settings.regions
    group = function_log(deployment.names.function(name))
    start = int(time.time() * 1000) - 1000 * seconds_of(since)
    pattern = _ERROR_PATTERN if errors else ""
    where = region or (regions[0] if regions else None)
    for line in _lines(group, where, start, pattern, follow=follow):
        typer.echo(line.text.rstrip() if json_ else readable(line))


def _lines(
    group: str, region: str | None, start: int, pattern: str, *, follow: bool
) -> Iterator[LogLine]:
    """Yield each event once, and with `follow` new ones until the process is interrupted."""
    seen: dict[str, int] = {}
    while True:
        for line in log_lines(group, region, start, pattern):
            if line.id not in seen:
                seen[line.id] = line.at_ms
                yield line
        if not follow:
            return
        start = max([start, *(at - _OVERLAP_MS for at in seen.values())])
        seen = {id_: at for id_, at in seen.items() if at >= start}
        time.sleep(_BETWEEN_S)


def seconds_of(text: str) -> int:
    """Return a duration such as 10m in seconds.

    Raises:
        BadParameter: it has another form.
    """
    found = re.fullmatch(r"([0-9]{1,6})([smhd])", text)
    if found is None:
        reason = f"must be a number with s, m, h or d, such as 10m, not '{text}'"
        raise typer.BadParameter(reason, param_hint="--since")
    return int(found[1]) * _UNITS[found[2]]


def readable(line: LogLine) -> str:
    """Return an event as one line for people: its time in UTC, its level, its text."""
    at = f"{datetime.fromtimestamp(line.at_ms / 1000, UTC):%H:%M:%S}"
    try:
        document = json.loads(line.text)
    except ValueError:
        return f"{at}  {line.text.rstrip()}"
    if not isinstance(document, dict):
        return f"{at}  {line.text.rstrip()}"
    level = str(document.pop("level", ""))
    message = str(document.pop("message", ""))
    rest = " ".join(f"{key}={value}" for key, value in document.items() if key not in _BESIDE)
    return f"{at}  {level:8} {message}  {rest}".rstrip()


_BESIDE = frozenset({"timestamp", "time", "service", "location", "_aws", "cold_start"})
"""Keys that say nothing which the line does not."""

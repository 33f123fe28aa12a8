"""`lading compare`: what two versions did while both answered, with intervals."""

import json
import time
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated, Any

import typer

from lading.api.errors import InputUnreadable
from lading.cli.aws.rollouts import request_events
from lading.cli.aws.shadow_captures import Captures
from lading.cli.commands.tokens import STAGE, STAGES, Region, Stages
from lading.cli.errors import NothingToCompare
from lading.cli.options import Json
from lading.cli.tables import show_table
from lading.cli.versions.captured import captured_answers
from lading.cli.versions.compared import Compared, Row, compared, rows_of
from lading.cli.versions.shadowed import Shadowed, answers_of, shadowed
from lading.functions.contract.names import ENDPOINT
from lading.functions.evidence.intervals import Interval
from lading.functions.evidence.log_lines import BY_VERSION, Counted, count
from lading.stacks.stages.settings import Names, load_deployment

Name = Annotated[str, typer.Argument(help="Name of the model.", show_default=False)]
First = Annotated[int, typer.Argument(metavar="A", help="The version to compare with.")]
Second = Annotated[int, typer.Argument(metavar="B", help="The version that is compared.")]
Hours = Annotated[float, typer.Option(min=0.01, help="How far back the requests are read.")]
LogFile = Annotated[
    Path | None, typer.Option("--log", help="A server's log, instead of the stage's in CloudWatch.")
]
InShadow = Annotated[
    bool, typer.Option("--shadow", help="Compare A's answers with those of B in its shadow.")
]
Stage = Annotated[str, typer.Option(envvar="LADING_STAGE", help="Stage of the model.")]


def compare(
    name: Name,
    first: First,
    second: Second,
    hours: Hours = 24,
    log: LogFile = None,
    shadow: InShadow = False,
    stage: Stage = STAGE,
    stages: Stages = STAGES,
    region: Region = None,
    json_: Json = False,
) -> None:
    """Compare two versions of a model by the requests that they answered.

    Error rates, latencies and answers of A and B, each with an interval that holds however often
    one looks: the chance that it is ever wrong is 5 %. The last column is the ratio of B to A.
    Where both versions answered in the same minutes, the judge's tests say whether B is worse.

    Examples:

        lading compare digits 1 2 --stage prod --hours 6

        lading compare digits 1 2 --log server.log --json

        lading compare digits 1 2 --shadow
    """
    if shadow:
        names = _names(stages, stage)
        versions = (first, second)
        captured = _captured(names.function(name), versions, hours, region)
        _show_shadow(captured or _logged(names, name, versions, hours, region), json_=json_)
        return
    counted = _from_file(log, name) if log else _from_stage(name, hours, stage, stages, region)
    for version in (first, second):
        known = {it for versions in counted.values() for it in versions}
        if str(version) not in known:
            raise NothingToCompare(name, str(version), known)
    found = compared(counted, str(first), str(second))
    if json_:
        typer.echo(json.dumps(_document(name, found)))
        return
    show_table(
        ("", f"version {first}", f"version {second}", "ratio"),
        [("requests", f"{found.old.requests:,}", f"{found.new.requests:,}", "")]
        + [(it.measure, it.show(it.old), it.show(it.new), it.shown_ratio) for it in rows_of(found)],
    )
    typer.echo(f"\nversion {second} beside version {first}: {found.word}")


def _from_file(path: Path, name: str) -> Counted:
    """Return the counts of a server's log; its lines state their time."""
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
        return count(filter(None, (_event(line, name) for line in lines)), BY_VERSION)
    except (OSError, ValueError) as error:
        raise InputUnreadable(str(path), str(error)) from error


def _event(line: str, name: str) -> Mapping[str, Any] | None:
    if '"message":"request"' not in line:
        return None
    document = json.loads(line)
    if document.get("model") != name:
        return None
    return {"message": line, "timestamp": document["_aws"]["Timestamp"]}


def _from_stage(name: str, hours: float, stage: str, stages: Path, region: str | None) -> Counted:
    function = _names(stages, stage).function(name)
    return count(request_events(function, region, *_window(hours)), BY_VERSION)


def _names(stages: Path, stage: str) -> Names:
    return load_deployment(stages, stage).names


def _window(hours: float) -> tuple[int, int]:
    end = int(time.time() * 1000)
    return end - int(hours * 3_600_000), end


def _logged(
    names: Names, name: str, versions: tuple[int, int], hours: float, region: str | None
) -> Shadowed:
    """Compare by the logs of the model's function, and of the one in its shadow."""
    functions = (names.function(name), names.hook(name, "shadow"))
    seen, hidden = (answers_of(request_events(it, region, *_window(hours))) for it in functions)
    return shadowed(seen, hidden, *map(str, versions))


def _captured(
    function: str, versions: tuple[int, int], hours: float, region: str | None
) -> Shadowed | None:
    """Compare by what SageMaker has captured; None: the model is not at an endpoint."""
    captures = Captures(region)
    place = captures.place(function, *versions)
    if place is None:
        return None
    start_ms, end_ms = _window(hours)
    seen, hidden = (
        captured_answers(captures.lines(place, variant, start_ms), version)
        for variant, version in zip((ENDPOINT.variant, ENDPOINT.shadow), versions, strict=True)
    )
    found = shadowed(seen, hidden, *map(str, versions))
    latency = {
        name: (Interval(one, one, one), Interval(other, other, other))
        for name, (one, other) in (
            (name, values)
            for name, values in captures.latencies(place, start_ms, end_ms).items()
            if len(values) == len(versions)
        )
    }
    return replace(found, latency=latency)


def _show_shadow(found: Shadowed, *, json_: bool) -> None:
    if json_:
        typer.echo(json.dumps(_finite(asdict(found))))
        return
    typer.echo(
        f"{found.pairs:,} requests answered by version {found.first}, and by version "
        f"{found.second} in its shadow"
    )
    rows = [
        (title, f"{it.estimate:.2%} ({it.low:.2%} to {it.high:.2%})")
        for title, it in (("same class", found.classes), ("score within 4.4 %", found.scores))
        if it is not None
    ]
    rows += [
        (f"score apart, {name}", f"x {ratio:.3f}")
        for name, ratio in zip(("p50", "p90"), found.apart, strict=False)
    ]
    rows += [
        (f"latency, {name}", f"{one.estimate:.3g} ms and {other.estimate:.3g} ms")
        for name, (one, other) in found.latency.items()
        if one is not None and other is not None
    ]
    show_table(("", ""), rows)


def _document(name: str, found: Compared) -> dict[str, Any]:
    return {
        "model": name,
        "versions": [found.first, found.second],
        "requests": [found.old.requests, found.new.requests],
        "verdict": found.word,
        "measures": [_measure(row) for row in rows_of(found)],
        "findings": [finding._asdict() for finding in found.findings],
    }


def _measure(row: Row) -> dict[str, Any]:
    sides = {"old": row.old, "new": row.new, "ratio": row.ratio}
    return {"measure": row.measure, "unit": row.unit, **_finite(sides)}


def _finite(value: Any) -> Any:
    """Return a document for JSON, which has no infinity: an open end of an interval is null."""
    if isinstance(value, dict):
        return {key: _finite(each) for key, each in value.items()}
    if isinstance(value, tuple | list):
        return [_finite(each) for each in value]
    return None if value == float("inf") else value

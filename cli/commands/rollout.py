"""`lading rollout status`: what the judge says of a roll-out, now or until its end."""

import json
import time
from collections.abc import Mapping
from typing import Annotated, Any, Final

import typer

from lading.cli.aws.rollouts import HOURS, last_judgement
from lading.cli.commands.tokens import STAGE, STAGES, Region, Stages
from lading.cli.errors import EXIT, NoJudgement
from lading.cli.options import Json
from lading.cli.tables import show_table
from lading.functions.contract.judging import JUDGE
from lading.functions.evidence.trial import Verdict
from lading.stacks.stages.settings import load_deployment

rollout = typer.Typer(name="rollout", no_args_is_help=True, help="Roll-outs of a deployed model.")

Name = Annotated[str, typer.Argument(help="Name of the model.", show_default=False)]
Stage = Annotated[str, typer.Option(envvar="LADING_STAGE", help="Stage of the model.")]
Follow = Annotated[
    bool, typer.Option("--follow", help="Show each new judgement, until the roll-out has ended.")
]
_PAUSE_S = 10
_NEW_MINUTES = 5
"""The judge speaks every minute while traffic shifts."""
_JUDGES: Final = ("judge", "update-judge")
"""Of the model's function, and of its endpoint."""
_TIMES = ("p50, ms", "p90, ms", "p99, ms")
_ENDS = {
    Verdict.WORSE: EXIT.refused,
    Verdict.TOO_LITTLE_TRAFFIC: EXIT.several,
    Verdict.BROKEN: EXIT.several,
}


@rollout.command()
def status(
    name: Name,
    follow: Follow = False,
    stage: Stage = STAGE,
    stages: Stages = STAGES,
    region: Region = None,
    json_: Json = False,
) -> None:
    """Show what the judge says of the last roll-out of a model.

    The judge looks every minute while traffic shifts to a new version, of the model's function or
    of its endpoint. The evidence against it is
    an e-value: the version is worse once one of them reaches its limit, and it is rolled back. A
    stage has a judge if stages.yaml says so. The exit code is 0 while it judges and if the version
    is better or equal, 3 if it is worse, and 1 if nothing is proved.

    Examples:

        lading rollout status digits --stage prod

        lading rollout status digits --follow --json
    """
    deployment = load_deployment(stages, stage)
    judges = [deployment.names.hook(name, role) for role in _JUDGES]
    shown: Mapping[str, Any] | None = None
    while True:
        found = last_judgement(judges, region, int(time.time() * 1000))
        if found is None and not follow:
            raise NoJudgement(name, stage, HOURS)
        if found is not None and found != shown:
            shown = found
            typer.echo(json.dumps(_document(name, found)) if json_ else _text(name, found))
        if not follow or (found is not None and _has_ended(found)):
            break
        time.sleep(_PAUSE_S)
    assert found is not None
    if not json_:
        _show_table(found)
    raise typer.Exit(_ENDS.get(Verdict(found["verdict"]), 0))


def _has_ended(found: Mapping[str, Any]) -> bool:
    return bool(found["final"]) or found["verdict"] == Verdict.WORSE


def _document(name: str, found: Mapping[str, Any]) -> dict[str, Any]:
    """Return the judgement without what only CloudWatch reads."""
    keys = ("deployment", "verdict", "final", "reason", "stopped", "findings", "old", "new")
    kept = {key: found[key] for key in keys if key in found}
    return {"model": name, "started_ms": found["started_ms"], **kept}


def _text(name: str, found: Mapping[str, Any]) -> str:
    minutes = (found["_aws"]["Timestamp"] - found["started_ms"]) / 60_000
    versions = f"{found['old']['version']} -> {found['new']['version']}"
    reason = f": {found['reason']}" if found["reason"] else ""
    stopped = str(found.get("stopped", ""))
    still = f", {stopped}" if stopped.startswith(JUDGE.not_stopped) else ""
    said = f"{name} {versions}, after {minutes:.0f} min: {found['verdict']}{reason}{still}"
    return f"{said}{_age(found)}"


def _age(found: Mapping[str, Any]) -> str:
    """Return how old a judgement is, where it may be one of an earlier roll-out."""
    minutes = (time.time() * 1000 - found["_aws"]["Timestamp"]) / 60_000
    return f" ({minutes:.0f} min ago)" if minutes > _NEW_MINUTES else ""


def _show_table(found: Mapping[str, Any]) -> None:
    rows = [
        (it["measure"], f"{it['evidence']:.3g}", f"{it['limit']:.0f}") for it in found["findings"]
    ]
    if rows:
        show_table(("measure", "evidence that it is worse", "limit"), rows)
    keys = ("version", "requests", "errors", "p50_ms", "p90_ms", "p99_ms")
    sides = [(side, *(_cell(found[side][key]) for key in keys)) for side in ("old", "new")]
    show_table(("", "version", "requests", "errors", *_TIMES), sides)


def _cell(value: object) -> str:
    return "" if value is None else str(value)

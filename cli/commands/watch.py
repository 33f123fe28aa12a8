"""`lading watch`: the files with which Prometheus and Grafana watch a stage."""

import json
from pathlib import Path
from typing import Annotated

import typer

from lading.cli.commands.tokens import STAGES, Stages
from lading.cli.options import Json
from lading.stacks.stages.settings import load_deployment
from lading.watching.files import alerts, contents
from lading.watching.watched_stage import WatchedStage

_OUTPUT = Path(".lading/watching")

_STAGE = typer.Option(envvar="LADING_STAGE", help="Stage of stages.yaml, whose objectives count.")
_TARGETS = typer.Option(
    "--target", help="HOST:PORT of a server to scrape; repeat it for more.", show_default=True
)
_FOLDER = typer.Option(help="Folder for the files; those of the same names are replaced.")


def watch(
    stage: Annotated[str, _STAGE] = "dev",
    targets: Annotated[list[str] | None, _TARGETS] = None,
    output: Annotated[Path, _FOLDER] = _OUTPUT,
    stages: Stages = STAGES,
    json_: Json = False,
) -> None:
    """Write what Prometheus and Grafana need to watch the servers of a stage.

    That is Prometheus's configuration, recording rules and alerts for the objectives of the stage
    (`watching` in stages.yaml), and Grafana's dashboards with the files that provision them. A
    function on Lambda has no /metrics; CloudWatch watches it.

    Examples:

        lading watch --stage prod --target models-1:8080 --target models-2:8080

        lading watch --output /etc/lading --json
    """
    settings = load_deployment(stages, stage).settings.watching
    addresses = tuple(targets or ("localhost:8080",))
    for address in addresses:
        _check_address(address)
    watched = WatchedStage(stage, settings, addresses)
    for name, content in contents(watched).items():
        path = output / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    pages = {alert.name: watched.page(alert.page) for alert in alerts(watched)}
    if json_:
        files = sorted(contents(watched))
        document = {"stage": stage, "folder": str(output), "files": files, "alerts": pages}
        typer.echo(json.dumps(document))
        return
    typer.echo(f"{output}: {len(pages)} alerts for stage {stage}, of {len(addresses)} servers")
    typer.echo(f"prometheus --config.file {output}/prometheus/prometheus.yml")


def _check_address(address: str) -> None:
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal() or any(mark in address for mark in "/ \"'"):
        raise typer.BadParameter(f"must be HOST:PORT, not '{address}'", param_hint="--target")

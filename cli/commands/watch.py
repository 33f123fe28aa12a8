"""`lading watch`: the files with which Prometheus and Grafana watch a stage."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from lading.cli.commands.tokens import STAGES, Stages
from lading.cli.errors import Unwritable
from lading.cli.lock_edits import NOTHING_WRITTEN
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
_DRY = typer.Option("--dry-run", help="List the files; write nothing.")


def watch(
    stage: Annotated[str, _STAGE] = "dev",
    targets: Annotated[list[str] | None, _TARGETS] = None,
    output: Annotated[Path, _FOLDER] = _OUTPUT,
    dry_run: Annotated[bool, _DRY] = False,
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

        lading watch --output /etc/lading --dry-run
    """
    settings = load_deployment(stages, stage).settings.watching
    addresses = tuple(targets or ("localhost:8080",))
    for address in addresses:
        _check_address(address)
    watched = WatchedStage(stage, settings, addresses)
    files = contents(watched)
    if not dry_run:
        _write(output, files)
    pages = {alert.name: watched.page(alert.page) for alert in alerts(watched)}
    if json_:
        document = {"stage": stage, "folder": str(output), "files": sorted(files), "alerts": pages}
        typer.echo(json.dumps({**document, "dry_run": True} if dry_run else document))
        return
    if dry_run:
        typer.echo("\n".join(f"{output / name} would be written" for name in sorted(files)))
        typer.echo(NOTHING_WRITTEN, err=True)
        return
    typer.echo(f"{output}: {len(pages)} alerts for stage {stage}, of {len(addresses)} servers")
    typer.echo(f"prometheus --config.file {output}/prometheus/prometheus.yml")


def _write(folder: Path, files: Mapping[str, bytes]) -> None:
    for name, content in files.items():
        path = folder / name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        except OSError as error:
            raise Unwritable(path, error) from error


def _check_address(address: str) -> None:
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal() or any(mark in address for mark in "/ \"'"):
        raise typer.BadParameter(f"must be HOST:PORT, not '{address}'", param_hint="--target")

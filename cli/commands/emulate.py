"""`lading emulate`: deploy into an emulated AWS on this machine, and call the API there."""

import json
import signal
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import typer

from lading.cli.commands.tokens import STAGE, STAGES, Stage, Stages
from lading.cli.emulated_api import start_api
from lading.cli.emulated_stage import find_model
from lading.cli.error_output import print_error
from lading.cli.errors import EXIT
from lading.cli.lock_edits import version_of
from lading.cli.options import LOCK, MANIFEST, EngineUrl, Json, Lock, Manifest
from lading.cli.update_locks import RehearsedUpdate, plan_update, updatable_model
from lading.emulator.cloud.account import EmulatedCloud
from lading.emulator.errors import DeploymentFailed
from lading.functions.contract.names import DEFAULT_LABEL
from lading.model_packaging.lock.file import read_lock
from lading.model_packaging.manifest.models import load_manifest
from lading.stacks.plan.left_out import LEFT_OUT, NOT_ENFORCED
from lading.stacks.stages.settings import Deployment, load_deployment

_UPDATE = typer.Option("--update", help="Rehearse the update to a version, and the way back.")
_TO = typer.Option(
    "--to",
    metavar="VERSION",
    help="The version to update to: its number, or a label.",
    show_default="the stable one, from the one before it",
)
_MODEL = typer.Option("--model", help="The model to update.", show_default="the first that can be")
_REQUESTS = typer.Option(min=1, max=100_000, help="Requests in each step of the shift.")


def emulate(
    once: Annotated[bool, typer.Option("--once", help="End after one call.")] = False,
    update: Annotated[bool, _UPDATE] = False,
    to: Annotated[str | None, _TO] = None,
    name: Annotated[str | None, _MODEL] = None,
    requests: Annotated[int, _REQUESTS] = 200,
    engine_url: EngineUrl = "",
    stage: Stage = STAGE,
    stages: Stages = STAGES,
    manifest: Manifest = MANIFEST,
    lock: Lock = LOCK,
    json_: Json = False,
) -> None:
    """Deploy the real stacks into an emulated AWS on this machine, and call the API.

    It needs no AWS account and no Docker: MiniStack emulates AWS until this command ends. The API
    requires bearer tokens there, regardless of the stage's auth. An engine on this machine serves
    each model whose target is SageMaker. When another version becomes stable, it is deployed. Logs
    are in .lading/emulate.

    With --update the version before the stable one is deployed, and then the update is rehearsed:
    the new version is deployed, traffic shifts to it in the steps of the stage, under requests and
    before the eyes of the alarm on failures and of the judge, if the stage has one; then it goes
    back in the same way. The lock stays as it is. The exit code is 3 if a shift was stopped.

    Examples:

        lading emulate --once --json

        lading emulate --update --once

        lading emulate --update --to 3 --model digits --requests 500

        lading emulate --engine-url http://127.0.0.1:8000/v1
    """
    deployment = load_deployment(stages, stage, local=True)
    with ExitStack() as stack:
        planned = None
        if update or to is not None:
            folder = Path(stack.enter_context(TemporaryDirectory()))
            planned = _plan_update(deployment, manifest, lock, folder, name, to)
        first = planned.before if planned else lock
        model = find_model(manifest, first, planned.model if planned else None)
        # SIGTERM ends the command as Ctrl-C does, so that it removes everything.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        api = start_api(stack, deployment, manifest, first, engine_url)
        found, answer = api.call(model)
        document = _document(api.cloud, found, answer)
        if not json_:
            typer.echo(describe(found, answer, stays=not once))
        shifts = api.rehearse(planned, model, requests) if planned else []
        if planned:
            document = {**document, "shifts": [shift.document() for shift in shifts]}
        if json_:
            typer.echo(json.dumps(document))
        if not once:
            _stay(api.cloud, lock, partial(api.deploy, lock))
        if not all(shift.succeeded for shift in shifts):
            raise typer.Exit(EXIT.refused)


def _plan_update(
    deployment: Deployment,
    manifest: Path,
    lock: Path,
    folder: Path,
    name: str | None,
    to: str | None,
) -> RehearsedUpdate:
    """Return the update to rehearse; its locks are in the folder."""
    wanted = name or updatable_model(load_manifest(manifest).models, lock, to)
    if deployment.settings.model(wanted).split is not None:
        key = f"stages.{deployment.stage}.models.{wanted}.split"
        raise typer.BadParameter(f"{key}: several versions answer; remove it for the rehearsal")
    return plan_update(lock, folder, wanted, None if to is None else version_of(lock, wanted, to))


def _stay(cloud: EmulatedCloud, lock: Path, redeploy: Callable[[], object]) -> None:
    """Stay until the user ends the command, and deploy again when other versions are stable."""
    deployed = _stable(lock)
    while True:
        time.sleep(1)
        cloud.require_running()
        if (now := _stable(lock)) != deployed:
            deployed = now
            shown = ", ".join(f"{name} {version}" for name, version in sorted(now.items()))
            typer.echo(f"{lock} has changed", err=True)
            try:
                redeploy()
                typer.echo(f"{lock} is deployed: {shown}", err=True)
            except DeploymentFailed as error:
                print_error(error)


def _stable(lock: Path) -> dict[str, int]:
    """Return the version of each model that is deployed."""
    models = read_lock(lock).root
    labels = {name: model.labels.get(DEFAULT_LABEL) for name, model in models.items()}
    return {name: version for name, version in labels.items() if version is not None}


def _document(cloud: EmulatedCloud, found: Mapping[str, Any], answer: Any) -> Mapping[str, Any]:
    return {
        **found,
        "endpoint": cloud.endpoint,
        "answer": answer,
        "right": True,
        "left_out": dict(LEFT_OUT),
        "not_enforced": dict(NOT_ENFORCED),
        "logs": str(cloud.folder),
    }


def describe(found: Mapping[str, Any], answer: Any, *, stays: bool) -> str:
    """Return the command's text: where the API is, what it answered, and what is left out.

    Args:
        found: what was deployed and called.
        answer: the API's answer to the golden request.
        stays: whether the API stays until the user ends the command.
    """
    return "\n".join(
        [
            f"{found['url']}  (Ctrl-C removes everything)" if stays else found["url"],
            f"  token   {found['token']}",
            f"  called  {found['model']}, version {found['version']}, with its golden request",
            f"  answer  {json.dumps(answer['outputs'])}",
            f"  layers  {found['layers']}",
            "  The answer is right; calls without the token were refused.",
            "Left out here:",
            *(f"  {name}: {instead}" for name, instead in LEFT_OUT.items()),
            "Not enforced here:",
            *(f"  {name}: {instead}" for name, instead in NOT_ENFORCED.items()),
        ]
    )

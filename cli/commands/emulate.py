"""`lading emulate`: deploy into an AWS on this machine, and ask the API there."""

import json
import os
import signal
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from lading.cli.aws.token_table import TokenTable
from lading.cli.calls import call
from lading.cli.commands.tokens import STAGE, STAGES, Stage, Stages
from lading.cli.errors import InputUnreadable, NothingLocked, ServerError
from lading.cli.options import LOCK, MANIFEST, EngineUrl, Json, Lock, Manifest
from lading.emulator.cloud.account import EmulatedCloud
from lading.emulator.engines.local_engines import LocalEngines
from lading.emulator.processes.server import in_background
from lading.emulator.sagemaker.locked_endpoints import locked_endpoints
from lading.emulator.sagemaker.runtime import SageMakerRuntime
from lading.functions.contract.names import DEFAULT_LABEL, TOKENS
from lading.functions.traffic_hook.golden import Golden, GoldenError, differences
from lading.model_packaging.lock.file import read_lock, version_folder
from lading.model_packaging.manifest.models import load_manifest
from lading.stacks.errors import StackError
from lading.stacks.plan.left_out import LEFT_OUT, NOT_ENFORCED
from lading.stacks.stages.settings import OUTPUTS, Deployment, SettingsFile, load_deployment

_FOLDER = Path(".lading/emulate")
_TENANT = "emulate"
_REFUSALS = (401, 403)


@dataclass(frozen=True, slots=True)
class Question:
    """A model's golden request, whose answer is known."""

    model: str
    version: int
    golden: Golden

    @property
    def request(self) -> Mapping[str, Any]:
        """The first of them: `inputs` and `outputs`."""
        return self.golden.requests[0]


def emulate(
    once: Annotated[
        bool, typer.Option("--once", help="Ask once, take everything down, and end.")
    ] = False,
    engine_url: EngineUrl = "",
    stage: Stage = STAGE,
    stages: Stages = STAGES,
    manifest: Manifest = MANIFEST,
    lock: Lock = LOCK,
    json_: Json = False,
) -> None:
    """Deploy the very stacks into an AWS on this machine, and ask the API.

    Needs neither an account nor Docker: MiniStack plays AWS, and goes with this command. The API
    asks for bearer tokens there, whatever the stage says. A model whose target is SageMaker is
    served by an engine that this starts, or by the server at --engine-url. Logs are in
    .lading/emulate.

    Examples:

        lading emulate

        lading emulate --once --json

        lading emulate --engine-url http://127.0.0.1:8000/v1
    """
    deployment = _deployment(stages, stage)
    question = find_question(manifest, lock)
    room = LocalEngines(_FOLDER, _FOLDER / "engines", server=engine_url, on_progress=_tell)
    _end_when_told()
    with (
        EmulatedCloud(_FOLDER, _tell) as cloud,
        endpoints(deployment, manifest, lock, room) as runtime,
    ):
        cloud.bootstrap()
        url = deploy(cloud, deployment, manifest, lock, runtime)
        token = create_token(cloud, deployment)
        _tell(f"ask {question.model} for an answer that is known")
        answer = ask(cloud, url, token, question)
        typer.echo(
            json.dumps(_document(cloud, url, token, question, answer))
            if json_
            else _text(url, token, question, answer, stays=not once)
        )
        while not once:
            time.sleep(1)
            cloud.require_running()


@contextmanager
def endpoints(
    deployment: Deployment, manifest: Path, lock: Path, room: LocalEngines
) -> Iterator[str]:
    """The URL of an emulated SageMaker with the endpoints that the lock asks for; empty for none.

    Args:
        deployment: the stage.
        manifest: models.yaml.
        lock: models.lock.json.
        room: where their engines come from.

    Raises:
        EmulatorError: an engine does not run here, or does not start.
    """
    models = load_manifest(manifest).models
    found = list(locked_endpoints(models, lock, room, deployment.names.function))
    if not found:
        yield ""
        return
    _tell(f"start the engines of {len(found)} endpoints")
    runtime = SageMakerRuntime(found)
    with in_background(runtime, runtime) as port:
        yield f"http://127.0.0.1:{port}"


def deploy(
    cloud: EmulatedCloud, deployment: Deployment, manifest: Path, lock: Path, runtime: str = ""
) -> str:
    """Deploy what the lock says; the API's base URL.

    Args:
        cloud: where to.
        deployment: the stage.
        manifest: models.yaml.
        lock: models.lock.json.
        runtime: URL of the SageMaker that the proxies ask.

    Raises:
        DeploymentFailed: that did not work.
    """
    stages = cloud.scratch / "stages.yaml"
    stages.write_text(_emulated(deployment))
    files = {"stages": stages, "manifest": manifest, "lock": lock}
    context = {name: str(file.resolve()) for name, file in files.items()}
    context["sagemaker_runtime"] = runtime
    outputs = cloud.deploy({"stage": deployment.stage, **context})
    return cloud.api_url(outputs[deployment.names.api_stack][OUTPUTS.api_url])


def create_token(cloud: EmulatedCloud, deployment: Deployment) -> str:
    """A bearer token for every model.

    Raises:
        AwsRefused: the cloud takes none.
    """
    names = deployment.names
    with _variables(cloud.environment):
        table = TokenTable(names.token_table, names.api_stack)
        return table.create(_TENANT, [TOKENS.every_model], 1)[0]


def find_question(manifest: Path, lock: Path) -> Question:
    """A golden request of a model that will be deployed.

    Raises:
        NothingLocked: there is none.
        CopyElsewhere: a version is in S3 alone.
        InputUnreadable: the golden requests are broken.
    """
    locked = read_lock(lock)
    for name in sorted(load_manifest(manifest).models):
        version = locked.model(name).labels.get(DEFAULT_LABEL)
        if version is None:
            continue
        golden = version_folder(lock, name, version) / "golden.json"
        if golden.is_file():
            return Question(name, version, _read(golden))
    raise NothingLocked(lock, f"model labeled '{DEFAULT_LABEL}' and with golden requests")


def _read(golden: Path) -> Golden:
    try:
        return Golden.from_json(golden.read_bytes())
    except (GoldenError, OSError) as error:
        raise InputUnreadable(str(golden), str(error)) from error


def ask(cloud: EmulatedCloud, url: str, token: str, question: Question) -> Any:
    """The API's answer, which is right; without a token there is none.

    Raises:
        ServerError: it is another one.
    """
    address = f"{url}/{question.model}/predict"
    body = json.dumps({"inputs": question.request["inputs"]}).encode()
    refused = call(address, body, {})
    if refused.status not in _REFUSALS:
        reason = f"status {refused.status} for a call without a token"
        raise ServerError(address, f"{reason}; see {cloud.log}")
    reply = call(address, body, {"Authorization": f"Bearer {token}"})
    event = {"statusCode": reply.status, "body": reply.body.decode(errors="replace")}
    for difference in differences(question.golden, question.request, question.version, event):
        raise ServerError(address, f"{difference}; see {cloud.log}")
    return json.loads(reply.body)


def _deployment(stages: Path, stage: str) -> Deployment:
    try:
        return load_deployment(stages, stage, local=True)
    except StackError as error:
        raise typer.BadParameter(str(error)) from error


def _emulated(deployment: Deployment) -> str:
    """The stage's settings, less what belongs to an account, as a settings file."""
    there = {"auth": "token", "account": None, "regions": (), "domain": None}
    settings = deployment.settings.model_copy(update={**there, "permissions_boundary": None})
    document = SettingsFile(
        service=deployment.names.service,
        owner=deployment.owner,
        stages={deployment.stage: settings},
    )
    return document.model_dump_json(exclude_defaults=True)


@contextmanager
def _variables(values: Mapping[str, str]) -> Iterator[None]:
    """AWS's client reads them."""
    before = {key: value for key, value in os.environ.items() if key.startswith("AWS_")}
    for key in before:
        del os.environ[key]
    os.environ.update(values)
    try:
        yield
    finally:
        for key in values:
            del os.environ[key]
        os.environ.update(before)


def _end_when_told() -> None:
    """Make SIGTERM end the command as Ctrl-C does, so that it takes everything with it."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)


def _tell(step: str) -> None:
    typer.secho(f"{time.strftime('%H:%M:%S')}  {step} ...", err=True, dim=True)


def _document(
    cloud: EmulatedCloud, url: str, token: str, question: Question, answer: Any
) -> Mapping[str, Any]:
    return {
        "url": url,
        "token": token,
        "endpoint": cloud.endpoint,
        "model": question.model,
        "version": question.version,
        "answer": answer,
        "right": True,
        "left_out": dict(LEFT_OUT),
        "not_enforced": dict(NOT_ENFORCED),
        "logs": str(cloud.folder),
    }


def _text(url: str, token: str, question: Question, answer: Any, *, stays: bool) -> str:
    return "\n".join(
        [
            f"{url}  (Ctrl-C takes everything down)" if stays else url,
            f"  token   {token}",
            f"  asked   {question.model}, version {question.version}, with its golden request",
            f"  answer  {json.dumps(answer['outputs'])}",
            "  right, and refused without the token",
            "Left out here:",
            *(f"  {name}: {instead}" for name, instead in LEFT_OUT.items()),
            "Not enforced here:",
            *(f"  {name}: {instead}" for name, instead in NOT_ENFORCED.items()),
        ]
    )

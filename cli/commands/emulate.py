"""`lading emulate`: deploy into an emulated AWS on this machine, and call the API there."""

import json
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from lading.api.caller import Caller
from lading.api.errors import NothingLocked, ServerError
from lading.api.progress import show_steps
from lading.api.settings import aws_environment
from lading.cli.aws.token_table import TokenTable
from lading.cli.commands.tokens import STAGE, STAGES, Stage, Stages
from lading.cli.error_output import print_error
from lading.cli.options import LOCK, MANIFEST, EngineUrl, Json, Lock, Manifest
from lading.cli.smoke.checks import call_plainly, check_refusals
from lading.cli.smoke.golden import StableModel, stable_models
from lading.emulator.checkout import CODE
from lading.emulator.cloud.account import EmulatedCloud
from lading.emulator.cloud.tasks import playing
from lading.emulator.engines.local_engines import LocalEngines
from lading.emulator.errors import DeploymentFailed
from lading.emulator.processes.server import in_background
from lading.emulator.sagemaker.locked_endpoints import locked_endpoints
from lading.emulator.sagemaker.runtime import SageMakerRuntime
from lading.functions.contract.names import DEFAULT_LABEL, TOKENS
from lading.model_packaging.lock.file import read_lock, version_folder
from lading.model_packaging.manifest.models import load_manifest
from lading.stacks.build.interpreters import find_python
from lading.stacks.errors import PythonMissing, StackError
from lading.stacks.plan.left_out import LEFT_OUT, NOT_ENFORCED
from lading.stacks.stages.settings import OUTPUTS, Deployment, SettingsFile, load_deployment
from lading.stacks.stages.target import LAMBDA_PYTHON, architecture_here

_FOLDER = Path(".lading/emulate")
_LAYERS_OF_LAMBDA = f"those that would be deployed, under Python {LAMBDA_PYTHON}"
_LAYERS_OF_HERE = (
    f"built for the Python of this process; install Python {LAMBDA_PYTHON} to run those that would "
    "be deployed"
)
_TENANT = "emulate"


def emulate(
    once: Annotated[bool, typer.Option("--once", help="End after one call.")] = False,
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

    Examples:

        lading emulate --once --json

        lading emulate --engine-url http://127.0.0.1:8000/v1
    """
    deployment = _deployment(stages, stage)
    model = find_model(manifest, lock)
    # SIGTERM ends the command as Ctrl-C does, so that it removes everything.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    python = lambda_python()
    with (
        show_steps() as show,
        EmulatedCloud(_FOLDER, show, project=project_of(manifest), lambda_python=python) as cloud,
        ExitStack() as stack,
    ):
        engines = LocalEngines(_FOLDER, _FOLDER / "engines", server=engine_url, on_progress=show)
        runtime = stack.enter_context(endpoints(deployment, manifest, lock, engines))
        cloud.bootstrap()
        url = deploy(cloud, deployment, manifest, lock, runtime)
        again = playing(cloud.environment, _FOLDER / "retraining", deployment.names.retraining(""))
        stack.enter_context(again)
        token = create_token(cloud, deployment)
        show(f"call {model.name} with its golden request")
        answer = _call(cloud, url, token, model)
        show("")
        found = {"url": url, "token": token, "model": model.name, "version": model.version}
        found["layers"] = _LAYERS_OF_LAMBDA if python else _LAYERS_OF_HERE
        if json_:
            typer.echo(json.dumps(_document(cloud, found, answer)))
        else:
            typer.echo(describe(found, answer, stays=not once))
        if not once:
            _stay(cloud, lock, lambda: deploy(cloud, deployment, manifest, lock, runtime))


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


def project_of(manifest: Path) -> Path:
    """Return the folder of app.py: that of the manifest, or else a checkout of Lading."""
    own = manifest.resolve().parent
    return own if (own / "app.py").is_file() or not (CODE / "app.py").is_file() else CODE


def lambda_python() -> Path | None:
    """Return an interpreter that runs the layers as they would be deployed; None without one."""
    if architecture_here() is None:
        return None
    try:
        return find_python(LAMBDA_PYTHON)
    except PythonMissing:
        return None


@contextmanager
def endpoints(
    deployment: Deployment, manifest: Path, lock: Path, engines: LocalEngines
) -> Iterator[str]:
    """Start the lock's endpoints, and yield the URL of their emulated SageMaker; empty for none.

    Args:
        deployment: the stage.
        manifest: models.yaml.
        lock: models.lock.json.
        engines: the engines of this machine.

    Raises:
        EmulatorError: an engine cannot be used on this machine, or does not start.
    """
    models = load_manifest(manifest).models
    found = list(locked_endpoints(models, lock, engines, deployment.names.function))
    if not found:
        yield ""
        return
    engines.on_progress(f"start the engines of {len(found)} endpoints")
    runtime = SageMakerRuntime(found)
    with in_background(runtime, runtime) as port:
        yield f"http://127.0.0.1:{port}"


def deploy(
    cloud: EmulatedCloud, deployment: Deployment, manifest: Path, lock: Path, runtime: str = ""
) -> str:
    """Deploy the locked versions, and return the API's base URL.

    Args:
        cloud: the emulated AWS.
        deployment: the stage.
        manifest: models.yaml.
        lock: models.lock.json.
        runtime: URL of the SageMaker that the proxy functions call.

    Raises:
        DeploymentFailed: the stacks cannot be deployed.
    """
    stages = cloud.scratch / "stages.yaml"
    stages.write_text(_emulated(deployment))
    files = {"stages": stages, "manifest": manifest, "lock": lock}
    context = {name: str(file.resolve()) for name, file in files.items()}
    context["sagemaker_runtime"] = runtime
    outputs = cloud.deploy({"stage": deployment.stage, **context})
    return cloud.api_url(outputs[deployment.names.api_stack][OUTPUTS.api_url])


def create_token(cloud: EmulatedCloud, deployment: Deployment) -> str:
    """Return a new bearer token for every model.

    Raises:
        AwsRefused: it cannot be stored.
    """
    names = deployment.names
    with aws_environment(cloud.environment):
        table = TokenTable(names.token_table, names.api_stack)
        return table.create(_TENANT, [TOKENS.every_model], 1)[0]


def find_model(manifest: Path, lock: Path) -> StableModel:
    """Return a model with golden requests that will be deployed.

    Raises:
        NothingLocked: there is none.
        CopyElsewhere: its artifact is in S3 only.
        InputUnreadable: its golden requests are damaged.
    """
    for model in stable_models(manifest, lock):
        version_folder(lock, model.name, model.version)
        if model.tensors:
            return model
    raise NothingLocked(lock, f"model with golden requests and the label '{DEFAULT_LABEL}'")


def _call(cloud: EmulatedCloud, url: str, token: str, model: StableModel) -> Any:
    """Return the API's answer to a golden request, after checking it and the authorization."""
    caller = Caller(token)
    reply, wrong = call_plainly(url, model, caller)
    for reason in (wrong, *(check.wrong for check in check_refusals(url, model, caller))):
        if reason:
            raise ServerError(url, f"model '{model.name}': {reason}; see {cloud.log}")
    return json.loads(reply.body)


def _deployment(stages: Path, stage: str) -> Deployment:
    try:
        return load_deployment(stages, stage, local=True)
    except StackError as error:
        raise typer.BadParameter(str(error)) from error


def _emulated(deployment: Deployment) -> str:
    """Return a settings file for the stage, without the settings that need a real account."""
    there = {"auth": "token", "account": None, "regions": (), "domain": None}
    settings = deployment.settings.model_copy(update={**there, "permissions_boundary": None})
    document = SettingsFile(
        service=deployment.names.service,
        owner=deployment.owner,
        stages={deployment.stage: settings},
    )
    return document.model_dump_json(exclude_defaults=True)


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

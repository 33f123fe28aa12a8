"""A stage in an emulated AWS: its deployment, a token, and a model whose answers are known."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from lading.api.caller import Caller
from lading.api.errors import NothingLocked, ServerError
from lading.api.settings import aws_environment
from lading.cli.aws.token_table import TokenTable
from lading.cli.smoke.checks import call_plainly, check_refusals
from lading.cli.smoke.golden import StableModel, stable_models
from lading.emulator.checkout import CODE
from lading.emulator.cloud.account import EmulatedCloud
from lading.emulator.engines.local_engines import LocalEngines
from lading.emulator.processes.server import in_background
from lading.emulator.sagemaker.locked_endpoints import locked_endpoints
from lading.emulator.sagemaker.runtime import SageMakerRuntime
from lading.functions.contract.names import DEFAULT_LABEL, TOKENS
from lading.model_packaging.lock.file import version_folder
from lading.model_packaging.manifest.models import load_manifest
from lading.stacks.build.interpreters import find_python
from lading.stacks.errors import PythonMissing
from lading.stacks.stages.settings import OUTPUTS, Deployment, SettingsFile
from lading.stacks.stages.target import LAMBDA_PYTHON, architecture_here

_TENANT: Final = "emulate"


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


def find_model(manifest: Path, lock: Path, name: str | None = None) -> StableModel:
    """Return a model with golden requests that will be deployed: the first, or the named one.

    Raises:
        NothingLocked: there is none.
        CopyElsewhere: its artifact is in S3 only.
        InputUnreadable: its golden requests are damaged.
    """
    for model in stable_models(manifest, lock, [name] if name else ()):
        version_folder(lock, model.name, model.version)
        if model.tensors:
            return model
    raise NothingLocked(lock, f"model with golden requests and the label '{DEFAULT_LABEL}'")


def check_answer(cloud: EmulatedCloud, url: str, token: str, model: StableModel) -> Any:
    """Return the API's answer to a golden request, after checking it and the authorization."""
    caller = Caller(token)
    reply, wrong = call_plainly(url, model, caller)
    for reason in (wrong, *(check.wrong for check in check_refusals(url, model, caller))):
        if reason:
            raise ServerError(url, f"model '{model.name}': {reason}; see {cloud.log}")
    return json.loads(reply.body)


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

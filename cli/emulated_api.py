"""The API of a stage in an emulated AWS: started, called, and led through an update."""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from lading.api.caller import Caller
from lading.api.progress import OnStep, show_steps, timed_lines
from lading.cli.emulated_stage import (
    check_answer,
    create_token,
    deploy,
    endpoints,
    find_model,
    lambda_python,
    project_of,
)
from lading.cli.rehearsal import Rehearsal, ShiftReport, rehearse
from lading.cli.smoke.checks import golden_calls
from lading.cli.smoke.golden import StableModel
from lading.cli.update_locks import RehearsedUpdate
from lading.emulator.cloud.account import EmulatedCloud
from lading.emulator.cloud.tasks import account_client, playing
from lading.emulator.engines.local_engines import LocalEngines
from lading.stacks.stages.settings import Deployment
from lading.stacks.stages.target import LAMBDA_PYTHON

FOLDER = Path(".lading/emulate")
_LAYERS_OF_LAMBDA = f"those that would be deployed, under Python {LAMBDA_PYTHON}"
_LAYERS_OF_HERE = (
    f"built for the Python of this process; install Python {LAMBDA_PYTHON} to run those that would "
    "be deployed"
)


@dataclass(frozen=True, slots=True)
class EmulatedApi:
    """The API in the emulated account, as its callers see it.

    Args:
        cloud: the emulated AWS.
        deployment: the stage.
        manifest: models.yaml.
        deploy: deploys the versions of a lock.
        url: the API's base URL.
        token: a bearer token for every model.
        layers: which layers its functions run.
        show: shows a step; an empty text ends them.
    """

    cloud: EmulatedCloud
    deployment: Deployment
    manifest: Path
    deploy: Callable[[Path], str]
    url: str
    token: str
    layers: str
    show: OnStep

    def call(self, model: StableModel) -> tuple[dict[str, Any], Any]:
        """Return what serves a model, and its checked answer to a golden request."""
        self.show(f"call {model.name} with its golden request")
        answer = check_answer(self.cloud, self.url, self.token, model)
        self.show("")
        served = {"model": model.name, "version": model.version}
        return {"url": self.url, "token": self.token, **served, "layers": self.layers}, answer

    def rehearse(
        self, update: RehearsedUpdate, serving: StableModel, requests: int
    ) -> list[ShiftReport]:
        """Rehearse an update and the way back, with calls of the version that serves now."""
        calls = golden_calls(self.url, serving, Caller(self.token))
        rehearsal = Rehearsal(
            client=account_client(self.cloud.environment),
            codedeploy=self.cloud.codedeploy,
            deployment=self.deployment,
            model=update.model,
            send=partial(next, calls),
            requests=requests,
            tell=timed_lines(),
        )
        return rehearse(rehearsal, update, self.deploy, partial(self._check, update.model))

    def _check(self, name: str, lock: Path) -> None:
        """Compare an answer of the version that a lock deploys with its golden one."""
        model = find_model(self.manifest, lock, name)
        check_answer(self.cloud, self.url, self.token, model)


def start_api(
    stack: ExitStack, deployment: Deployment, manifest: Path, lock: Path, engine_url: str
) -> EmulatedApi:
    """Start an emulated AWS, which ends with the stack, and deploy a lock's versions there.

    Raises:
        DeploymentFailed: the stacks cannot be deployed.
        EmulatorError: the emulated AWS or an engine does not start.
    """
    python, show = lambda_python(), stack.enter_context(show_steps())
    project = project_of(manifest)
    cloud = EmulatedCloud(FOLDER, show, project=project, lambda_python=python)
    stack.enter_context(cloud)
    engines = LocalEngines(FOLDER, FOLDER / "engines", server=engine_url, on_progress=show)
    runtime = stack.enter_context(endpoints(deployment, manifest, lock, engines))
    deploy_lock = partial(deploy, cloud, deployment, manifest, runtime=runtime)
    cloud.bootstrap()
    url = deploy_lock(lock)
    again = playing(cloud.environment, FOLDER / "retraining", deployment.names.retraining(""))
    stack.enter_context(again)
    token = create_token(cloud, deployment)
    layers = _LAYERS_OF_LAMBDA if python else _LAYERS_OF_HERE
    return EmulatedApi(cloud, deployment, manifest, deploy_lock, url, token, layers, show)

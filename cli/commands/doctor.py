"""`lading doctor`: what this machine and the account lack, and for what."""

import json
import platform
import shutil
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, NamedTuple

import typer

from lading.api.errors import LadingError
from lading.api.progress import show_steps
from lading.cli.deployment.account import concurrency, identity, is_bootstrapped
from lading.cli.deployment.cdk import system_node
from lading.cli.options import Json
from lading.cli.tables import show_table
from lading.functions.contract.names import VERSION
from lading.model_packaging.confinement import unavailable
from lading.stacks.build.interpreters import find_python
from lading.stacks.errors import PythonMissing
from lading.stacks.stages.target import LAMBDA_PYTHON

_GIB = 1 << 30
_FREE_GIB = 3
_FEW_EXECUTIONS = 100
_FRAMEWORKS = {
    "sklearn": ("scikit-learn", "sklearn"),
    "pandas": ("models of pandas frames", "tabular"),
    "xgboost": ("XGBoost", "boosting"),
    "lightgbm": ("LightGBM", "boosting"),
    "ai_edge_litert": ("TFLite, not converted", "litert"),
    "skops": (".skops files, converted or not", "sklearn"),
    "torch": ("PyTorch", "pytorch"),
    "tensorflow": ("Keras and TensorFlow", "tensorflow"),
    "transformers": ("Hugging Face", "huggingface"),
}
"""Module -> what it packages, and the extra that installs it."""

_CLIENTS = {"huggingface_hub": ("hf:// sources", "hub"), "mlflow": ("MLflow's sources", "mlflow")}
"""Module -> the sources that it fetches, and the extra that installs it."""

_OFFLINE = typer.Option("--offline", help="Ask nothing of AWS.")


class Diagnosis(NamedTuple):
    """One thing that is there or missing.

    Args:
        what: its name.
        purpose: what it is needed for.
        ok: whether it is there.
        found: what was found.
        advice: what to do if it is missing.
    """

    what: str
    purpose: str
    ok: bool
    found: str
    advice: str = ""


def doctor(offline: Annotated[bool, _OFFLINE] = False, json_: Json = False) -> None:
    """Check what this machine and the AWS account have, and what is missing for what.

    What is missing is no error: who packages ONNX files needs no PyTorch, and who serves on this
    machine needs no account. Nothing is installed or changed.

    Examples:

        lading doctor

        lading doctor --offline --json
    """
    with show_steps() as show:
        show("this machine")
        checks = [*machine(), *frameworks(), *clients(), *deploying()]
        if not offline:
            show("the AWS account")
            checks += account()
        show("")
    if json_:
        typer.echo(json.dumps({"version": VERSION, "checks": [each._asdict() for each in checks]}))
        return
    rows = [(each.what, "ok" if each.ok else "-", each.found, each.purpose) for each in checks]
    show_table(("what", "", "found", "needed for"), rows)
    missing = [each for each in checks if not each.ok and each.advice]
    for each in missing:
        typer.echo(f"{each.what}: {each.advice}")


def machine() -> Iterator[Diagnosis]:
    """Yield the checks of this machine that every command depends on."""
    yield Diagnosis("Python", "everything", True, platform.python_version())
    free = shutil.disk_usage(Path.cwd()).free / _GIB
    advice = f"frameworks and emulated clouds take several GiB; make {_FREE_GIB} GiB free"
    yield Diagnosis(
        "disk", "packaging, deploying", free >= _FREE_GIB, f"{free:.1f} GiB free", advice
    )
    reason = unavailable()
    advice = "package on Linux 6.2 or newer, or give --unconfined for files that you trust"
    yield Diagnosis("confinement", "packaging pickles", not reason, reason or "works", advice)


def frameworks() -> Iterator[Diagnosis]:
    """Yield which frameworks are installed; none is imported."""
    for module, (name, extra) in _FRAMEWORKS.items():
        yield _library(module, name, "packaging its models", extra)


def clients() -> Iterator[Diagnosis]:
    """Yield which clients of places where models live are installed."""
    for module, (name, extra) in _CLIENTS.items():
        yield _library(module, name, "fetching models", extra)


def _library(module: str, name: str, purpose: str, extra: str) -> Diagnosis:
    installed = find_spec(module) is not None
    found = "installed" if installed else "not installed"
    return Diagnosis(name, purpose, installed, found, f"pip install 'lading[{extra}]'")


def deploying() -> Iterator[Diagnosis]:
    """Yield what deploying needs on this machine."""
    installed = all(find_spec(module) for module in ("aws_cdk", "boto3"))
    found = "installed" if installed else "not installed"
    advice = "pip install 'lading[cloud]', or `make cloud` in a clone"
    yield Diagnosis("AWS's libraries", "deploying, S3", installed, found, advice)
    try:
        path = str(find_python(LAMBDA_PYTHON))
    except PythonMissing:
        path = ""
    advice = f"uv python install {LAMBDA_PYTHON}, or any other Python {LAMBDA_PYTHON}"
    what = f"Python {LAMBDA_PYTHON}"
    yield Diagnosis(what, "deploying", bool(path), path or "not found", advice)
    node = system_node()
    found = str(node) if node else "not found; the first deployment installs one"
    yield Diagnosis("Node 22 or newer", "deploying", node is not None, found)


def account() -> Iterator[Diagnosis]:
    """Yield what deploying needs of AWS; after the first failure the rest is not known."""
    yield (first := _asked("AWS credentials", _who, "log in to AWS, such as with `aws sso login`"))
    if not first.ok:
        return
    advice = "run `lading deploy --bootstrap` once"
    yield _asked("CDK bootstrap", lambda: "done" if is_bootstrapped(None) else "", advice)
    advice = "request more in the console of Service Quotas; an increase can take days"
    yield _asked("Lambda executions", _executions, advice)


def _asked(what: str, ask: Callable[[], str], advice: str) -> Diagnosis:
    """Return the check that an answer of AWS gives; an empty one is not enough."""
    try:
        found = ask()
    except LadingError as error:
        return Diagnosis(what, "deploying", False, str(error), advice)
    return Diagnosis(what, "deploying", bool(found), found or "not enough", advice)


def _who() -> str:
    who = identity(None)
    return f"account {who.account}, region {who.region}"


def _executions() -> str:
    at_once = concurrency(None)
    return f"{at_once:,} at once" if at_once >= _FEW_EXECUTIONS else ""

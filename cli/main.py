"""The command `lading`: its subcommands, and its exit codes."""

import sys
from collections.abc import Sequence
from typing import Annotated

import typer
from typer.core import TyperOption
from typer.exceptions import TyperException
from typer.main import get_command

from lading.api.errors import LadingError
from lading.cli.commands.batch import batch
from lading.cli.commands.distill import distill
from lading.cli.commands.doctor import doctor
from lading.cli.commands.drift import drift
from lading.cli.commands.emulate import emulate
from lading.cli.commands.evaluate import evaluate_versions
from lading.cli.commands.explain import explain
from lading.cli.commands.grpc_proxy import grpc_proxy
from lading.cli.commands.init import init
from lading.cli.commands.package import package
from lading.cli.commands.plan import plan
from lading.cli.commands.predict import predict
from lading.cli.commands.recover import recover
from lading.cli.commands.retrain import retrain
from lading.cli.commands.rollout import rollout
from lading.cli.commands.sbom import sbom
from lading.cli.commands.serve import serve
from lading.cli.commands.sign import sign
from lading.cli.commands.smoke import smoke
from lading.cli.commands.stacks import stacks
from lading.cli.commands.tokens import tokens
from lading.cli.commands.train import train
from lading.cli.commands.verify import verify
from lading.cli.commands.watch import watch
from lading.cli.delivery.promote import promote
from lading.cli.delivery.review import review
from lading.cli.deployment.deploy import deploy
from lading.cli.deployment.destroy import destroy
from lading.cli.deployment.logs import logs
from lading.cli.deployment.status import status
from lading.cli.error_output import end_with_error
from lading.cli.errors import BadCall
from lading.cli.operating.costs import costs
from lading.cli.operating.drill import drill
from lading.cli.operating.feedback import feedback
from lading.cli.operating.replay import replay
from lading.cli.versions.card import card
from lading.cli.versions.compare import compare
from lading.cli.versions.diff import diff
from lading.cli.versions.gc import gc
from lading.cli.versions.label import label
from lading.cli.versions.pull import pull
from lading.cli.versions.push import push
from lading.cli.versions.report import write_report
from lading.cli.versions.retire import retire
from lading.cli.versions.rollback import rollback
from lading.cli.versions.versions import versions
from lading.emulator.errors import EmulatorError
from lading.functions.contract.errors import InferenceError
from lading.functions.contract.names import VERSION
from lading.model_packaging.errors import PackagingError
from lading.stacks.errors import StackError

_INTERRUPTED = 130
_COMPLETION = ("install_completion", "show_completion")

app = typer.Typer(
    name="lading",
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    help="Give a trained model an HTTPS endpoint.",
    epilog=(
        "Exit codes: 0 success, 1 several models failed with different codes or an internal "
        "error, 2 wrong option, manifest or lock, 3 rejected by the accuracy gate, 4 not found, "
        "5 model or data unusable, 6 store or artifact damaged, 7 server failed or not "
        "reachable, 8 input rejected by the model.\n\n"
        "Shell completion: `lading --install-completion` (`--show-completion` prints it)."
    ),
)
for command in (init, package, train, retrain, distill, recover, plan, serve, predict, explain):
    app.command()(command)
for version_command in (
    versions,
    diff,
    compare,
    review,
    label,
    promote,
    rollback,
    retire,
    gc,
    sign,
    verify,
    sbom,
):
    app.command()(version_command)
for cloud_command in (deploy, status, logs, destroy, stacks, doctor):
    app.command()(cloud_command)
for server_command in (pull, push, emulate, smoke, costs, grpc_proxy, watch):
    app.command()(server_command)
app.command("report")(write_report)
app.command()(card)
app.command("evaluate")(evaluate_versions)
for seen_command in (drift, replay, feedback):
    app.command()(seen_command)
app.add_typer(batch)
app.add_typer(tokens)
app.add_typer(drill)
app.add_typer(rollout)


def _version(value: bool) -> None:
    if value:
        typer.echo(VERSION)
        raise typer.Exit


@app.callback()
def options(
    _show: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Give a trained model an HTTPS endpoint."""


def _run(words: list[str]) -> int:
    """Run one command line; `--help` omits the options that install completion."""
    command = get_command(app)
    for option in command.params:
        if isinstance(option, TyperOption) and option.name in _COMPLETION:
            option.hidden = True
    return command.main(words, prog_name="lading", standalone_mode=False) or 0


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command; an error is one line and an exit code.

    Args:
        arguments: the command line without the program's name; None means the process's own.
    """
    words = sys.argv[1:] if arguments is None else list(arguments)
    try:
        sys.exit(_run(words or ["--help"]))
    except TyperException as error:
        sys.exit(end_with_error(BadCall(error), as_json="--json" in words))
    except (LadingError, EmulatorError, InferenceError, PackagingError, StackError) as error:
        sys.exit(end_with_error(error, as_json="--json" in words))
    except (KeyboardInterrupt, typer.Abort):
        sys.exit(_INTERRUPTED)


if __name__ == "__main__":
    main()

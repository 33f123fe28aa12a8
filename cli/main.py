"""The command `lading`: its subcommands, and its exit codes."""

import sys
from collections.abc import Sequence
from typing import Annotated

import typer
from typer.core import TyperOption
from typer.exceptions import TyperException
from typer.main import get_command

from lading.api.errors import LadingError
from lading.cli.errors import BadCall
from lading.cli.on_demand import on_demand
from lading.emulator.errors import EmulatorError
from lading.functions.contract.errors import InferenceError
from lading.functions.contract.names import VERSION
from lading.model_packaging.errors import PackagingError
from lading.stacks.errors import StackError

_INTERRUPTED = 130
_COMPLETION = ("install_completion", "show_completion")

_COMMANDS = {
    "init": "commands.init:init",
    "package": "commands.package:package",
    "train": "commands.train:train",
    "retrain": "commands.retrain:retrain",
    "distill": "commands.distill:distill",
    "recover": "commands.recover:recover",
    "plan": "commands.plan:plan",
    "serve": "commands.serve:serve",
    "predict": "commands.predict:predict",
    "explain": "commands.explain:explain",
    "versions": "versions.versions:versions",
    "diff": "versions.diff:diff",
    "compare": "versions.compare:compare",
    "review": "delivery.review:review",
    "label": "versions.label:label",
    "promote": "delivery.promote:promote",
    "rollback": "versions.rollback:rollback",
    "retire": "versions.retire:retire",
    "gc": "versions.gc:gc",
    "sign": "commands.sign:sign",
    "verify": "commands.verify:verify",
    "sbom": "commands.sbom:sbom",
    "deploy": "deployment.deploy:deploy",
    "status": "deployment.status:status",
    "logs": "deployment.logs:logs",
    "destroy": "deployment.destroy:destroy",
    "stacks": "commands.stacks:stacks",
    "doctor": "commands.doctor:doctor",
    "pull": "versions.pull:pull",
    "push": "versions.push:push",
    "emulate": "commands.emulate:emulate",
    "smoke": "commands.smoke:smoke",
    "costs": "operating.costs:costs",
    "grpc-proxy": "commands.grpc_proxy:grpc_proxy",
    "watch": "commands.watch:watch",
    "report": "versions.report:write_report",
    "card": "versions.card:card",
    "evaluate": "commands.evaluate:evaluate_versions",
    "drift": "commands.drift:drift",
    "replay": "operating.replay:replay",
    "feedback": "operating.feedback:feedback",
    "batch": "commands.batch:batch",
    "tokens": "commands.tokens:tokens",
    "drill": "operating.drill:drill",
    "rollout": "commands.rollout:rollout",
}
"""Each command's module in `lading.cli`, and what is run; in the order of the help."""

app = typer.Typer(
    name="lading",
    cls=on_demand(_COMMANDS),
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


def _end_with_error(error: Exception, words: list[str]) -> int:
    from lading.cli.error_output import end_with_error  # it knows the errors of every room

    return end_with_error(error, as_json="--json" in words)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command; an error is one line and an exit code.

    Args:
        arguments: the command line without the program's name; None means the process's own.
    """
    words = sys.argv[1:] if arguments is None else list(arguments)
    try:
        sys.exit(_run(words or ["--help"]))
    except TyperException as error:
        sys.exit(_end_with_error(BadCall(error), words))
    except (LadingError, EmulatorError, InferenceError, PackagingError, StackError) as error:
        sys.exit(_end_with_error(error, words))
    except (KeyboardInterrupt, typer.Abort):
        sys.exit(_INTERRUPTED)


if __name__ == "__main__":
    main()

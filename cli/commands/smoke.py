"""`lading smoke`: call a deployment, and compare its answers with known ones."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from click import Choice

from lading.api.caller import Caller
from lading.api.progress import show_steps
from lading.cli.errors import EXIT
from lading.cli.options import LOCK, MANIFEST, Json, Lock, Manifest, Names, Sign, Token
from lading.cli.smoke.checks import Check, check_model, check_refusals
from lading.cli.smoke.golden import StableModel, stable_models
from lading.cli.smoke.proofs import Proof, find_proofs
from lading.cli.smoke.report import SmokeRun, write_report
from lading.cli.smoke.walk import FINDINGS, Finding, remaining
from lading.cli.smoke.walk import walk as walk_through
from lading.cli.tables import show_table


@dataclass(frozen=True, slots=True)
class _Findings:
    """Everything that one run found."""

    url: str
    models: Sequence[StableModel]
    answers: Sequence[Check]
    refusals: Sequence[Check]
    proofs: Sequence[Proof]

    @property
    def right(self) -> bool:
        return not any(check.wrong for check in (*self.answers, *self.refusals))

    @property
    def checks(self) -> list[tuple[Check, str]]:
        """Every check, with the word for a good result."""
        found = [(check, "right") for check in self.answers]
        return [*found, *((check, "refused") for check in self.refusals)]

    @property
    def versions(self) -> dict[str, int]:
        return {model.name: model.version for model in self.models}


def smoke(
    url: Annotated[str, typer.Option(help="URL of the API: the stack's output ApiUrl.")],
    names: Names = None,
    token: Token = None,
    sign: Sign = False,
    open_: Annotated[bool, typer.Option("--open", help="The API needs no credentials.")] = False,
    walk: Annotated[
        bool, typer.Option("--walk", help="Ask for each claim that only a person can prove.")
    ] = False,
    report: Annotated[
        Path | None, typer.Option(help="Folder for a dated report in Markdown.")
    ] = None,
    manifest: Manifest = MANIFEST,
    lock: Lock = LOCK,
    json_: Json = False,
) -> None:
    """Check a deployment: correct answers from the locked versions, and authorization.

    It calls every dialect and every operation that each model offers, at the model's base URL and
    at root paths. Answers to golden requests are compared; other operations must return status
    200. Calls without credentials, and with forged ones, must be refused. At the end it lists what
    only a real account can prove, what this run proved, and how long the rest takes and costs;
    with --walk it asks for each, and with --report it writes all of it to a file to keep.

    Examples:

        lading smoke --url https://abc123.execute-api.eu-central-1.amazonaws.com/dev

        lading smoke --url https://ml.example.com --token lading_... digits --json

        lading smoke --url https://ml.example.com --walk --report docs/accounts

        lading smoke --url http://127.0.0.1:8080 --open
    """
    caller = Caller(token, sign)
    models = list(stable_models(manifest, lock, names or ()))
    answers: list[Check] = []
    with show_steps() as show:
        for model in models:
            show(f"call {model.name}")
            answers += check_model(url, model, caller)
    refusals = [] if open_ else list(check_refusals(url, models[0], caller))
    proofs = find_proofs(url, caller, answers, refusals)
    if walk:
        proofs = list(walk_through(proofs, _ask))
    found = _Findings(url, models, answers, refusals, proofs)
    if json_:
        typer.echo(json.dumps(_document(found), indent=2))
    else:
        _show(found)
    if report is not None:
        run = SmokeRun(url, found.versions, found.checks, proofs)
        typer.echo(f"report: {write_report(run, report, datetime.now(UTC))}", err=json_)
    if not found.right:
        raise typer.Exit(EXIT.server)


def _document(found: _Findings) -> dict[str, object]:
    return {
        "url": found.url,
        "right": found.right,
        "versions": found.versions,
        "answers": [asdict(check) for check in found.answers],
        "refusals": [asdict(check) for check in found.refusals],
        "proofs": [asdict(proof) for proof in found.proofs],
    }


def _show(found: _Findings) -> None:
    rows = [
        (
            check.subject,
            str(found.versions.get(check.subject, "")),
            check.operation,
            str(check.calls),
            f"{check.slowest_ms:.0f} ms",
            check.wrong or good,
        )
        for check, good in found.checks
    ]
    headings = ("model or caller", "version", "operation", "calls", "slowest", "result")
    show_table(headings, rows, right=("calls", "slowest"))
    typer.echo("Only a real account proves:")
    for proof in found.proofs:
        result = proof.found or ("proved" if proof.proved else "not proved")
        cost = "" if proof.proved else f" ({proof.minutes} min, {proof.dollars:.2f} USD)"
        typer.echo(f"  {result:10}  {proof.claim}: {proof.how}{cost}")
    typer.echo(f"{remaining(found.proofs)}.")


def _ask(proof: Proof, place: str) -> tuple[Finding, str]:
    """Ask the person at the terminal what a proof has shown."""
    typer.echo(f"\n{place}: {proof.claim} (about {proof.minutes} min, {proof.dollars:.2f} USD)")
    typer.echo(f"  {proof.how}", err=False)
    finding: Finding = typer.prompt("  found", type=Choice(FINDINGS), default="skip")
    remark = "" if finding == "skip" else typer.prompt("  remark", default="", show_default=False)
    return finding, remark

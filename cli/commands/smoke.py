"""`lading smoke`: ask a real deployment for answers that are known."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from lading.cli.aws.signing import Caller
from lading.cli.errors import EXIT, NothingLocked
from lading.cli.options import LOCK, MANIFEST, Json, Lock, Manifest
from lading.cli.smoke.checks import Asked, Check, check_model, check_refusals
from lading.cli.smoke.golden import read_questions
from lading.cli.smoke.proofs import Proof, find_proofs
from lading.cli.tables import show_table
from lading.functions.contract.names import DEFAULT_LABEL
from lading.model_packaging.lock.file import read_lock
from lading.model_packaging.manifest.models import load_manifest


def smoke(
    url: Annotated[str, typer.Option(help="The API: the stack's output ApiUrl.")],
    names: Annotated[list[str] | None, typer.Argument(help="Models; all when none.")] = None,
    token: Annotated[str | None, typer.Option(envvar="LADING_TOKEN", help="Bearer token.")] = None,
    sign: Annotated[
        bool, typer.Option("--sign", help="Sign with AWS credentials, also for a name of your own.")
    ] = False,
    anybody: Annotated[
        bool, typer.Option("--open", help="It is meant to answer anybody, as `lading serve` does.")
    ] = False,
    manifest: Manifest = MANIFEST,
    lock: Lock = LOCK,
    json_: Json = False,
) -> None:
    """Check a deployment: right answers from the locked versions, and none for strangers.

    Sends each model's golden requests in every dialect, to its base URL and through the root, and
    compares the answers. Calls without credentials, and with forged ones, must be refused. Ends
    with what only a real account can prove, and whether this run did.

    Examples:

        lading smoke --url https://abc123.execute-api.eu-central-1.amazonaws.com/dev

        lading smoke --url https://ml.example.com --token lading_... digits --json

        lading smoke --url http://127.0.0.1:8080 --open
    """
    caller = Caller(token, sign)
    asked = list(_find(manifest, lock, names or ()))
    answers: list[Check] = []
    for each in asked:
        answers += check_model(url, each, caller)
    refusals = [] if anybody else list(check_refusals(url, asked[0], caller))
    proofs = find_proofs(url, caller, answers, refusals)
    if json_:
        typer.echo(json.dumps(_document(url, asked, answers, refusals, proofs), indent=2))
    else:
        _show(asked, answers, refusals, proofs)
    if any(check.wrong for check in (*answers, *refusals)):
        raise typer.Exit(EXIT.server)


def _find(manifest: Path, lock: Path, names: Sequence[str]) -> Iterator[Asked]:
    """The models that are deployed, each with what its stable version must answer."""
    content = read_lock(lock)
    known = load_manifest(manifest).select(names)
    labeled = [spec.name for spec in known if DEFAULT_LABEL in content.model(spec.name).labels]
    missing = [name for name in names if name not in labeled]
    if missing or not labeled:
        which = f"'{missing[0]}'" if missing else f"of {manifest}"
        raise NothingLocked(lock, f"model {which} with a version labeled '{DEFAULT_LABEL}'")
    for name in labeled:
        model = content.model(name)
        version = model.labels[DEFAULT_LABEL]
        questions = read_questions(lock, name, version, model.versions[version])
        yield Asked(name, version, questions)


def _document(
    url: str,
    asked: Sequence[Asked],
    answers: Sequence[Check],
    refusals: Sequence[Check],
    proofs: Sequence[Proof],
) -> dict[str, object]:
    return {
        "url": url,
        "right": not any(check.wrong for check in (*answers, *refusals)),
        "versions": {each.model: each.version for each in asked},
        "answers": [asdict(check) for check in answers],
        "refusals": [asdict(check) for check in refusals],
        "proofs": [asdict(proof) for proof in proofs],
    }


def _show(
    asked: Sequence[Asked],
    answers: Sequence[Check],
    refusals: Sequence[Check],
    proofs: Sequence[Proof],
) -> None:
    versions = {each.model: str(each.version) for each in asked}
    table = Table(box=None, pad_edge=False)
    for heading in ("asked by or for", "version", "way", "calls", "slowest", "result"):
        table.add_column(heading, justify="right" if heading in ("calls", "slowest") else "left")
    for check, good in [(it, "right") for it in answers] + [(it, "refused") for it in refusals]:
        slowest, result = f"{check.slowest_ms:.0f} ms", check.wrong or good
        row = (check.subject, versions.get(check.subject, ""), check.way, str(check.calls))
        table.add_row(*(Text(cell) for cell in (*row, slowest, result)))
    show_table(table)
    typer.echo("Only a real account proves:")
    for proof in proofs:
        typer.echo(f"  {'proved' if proof.proved else 'not proved':10}  {proof.claim}: {proof.how}")

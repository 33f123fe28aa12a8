"""`lading tokens`: the bearer tokens of a stage with `auth: token`."""

import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from lading.cli.aws.token_table import Token, TokenTable
from lading.cli.options import Json
from lading.cli.tables import show_table
from lading.functions.contract.names import NAME_PATTERN, TOKENS
from lading.stacks.stages.settings import load_deployment

tokens = typer.Typer(
    name="tokens",
    help="Create, list and revoke bearer tokens of an API with `auth: token`.",
    no_args_is_help=True,
)

Stage = Annotated[str, typer.Option(envvar="LADING_STAGE", help="Stage of the API.")]
Stages = Annotated[Path, typer.Option(help="File of stages; may be missing.")]
Table = Annotated[
    str | None, typer.Option(envvar="LADING_TOKEN_TABLE", help="Default: the stage's table.")
]
Region = Annotated[str | None, typer.Option(help="Default: from stages.yaml or the AWS profile.")]


_DRY = typer.Option("--dry-run", help="Say what would be done; change nothing.")
_NOTHING_CHANGED = "nothing was changed; run the command without --dry-run to change it"


class TokenScope(StrEnum):
    """What a token is for."""

    predict = TOKENS.predict
    feedback = TOKENS.feedback


_SCOPE = typer.Option(help="What it is for; repeat for both.", show_default="predict")

STAGE = "dev"
STAGES = Path("stages.yaml")

_LONGEST_TENANT = 64


@tokens.command()
def create(
    tenant: Annotated[str, typer.Option(help="Name of its holder, for logs.")],
    model: Annotated[list[str] | None, typer.Option(help="A model; repeat for more.")] = None,
    every_model: Annotated[bool, typer.Option("--every-model", help="Open every model.")] = False,
    days: Annotated[int, typer.Option(min=1, help="Days until it expires.")] = 365,
    forever: Annotated[bool, typer.Option("--forever", help="It never expires.")] = False,
    scope: Annotated[list[TokenScope] | None, _SCOPE] = None,
    dry_run: Annotated[bool, _DRY] = False,
    stage: Stage = STAGE,
    stages: Stages = STAGES,
    table: Table = None,
    region: Region = None,
    json_: Json = False,
) -> None:
    """Create a token; it is shown only once, since only its SHA-256 is stored.

    A token is for predictions, or for feedback: truths about answers. One token can be for both.

    Examples:

        lading tokens create --tenant acme --model digits

        lading tokens create --tenant ops --every-model --stage prod --json

        lading tokens create --tenant labels --model digits --scope feedback

        lading tokens create --tenant acme --model digits --dry-run
    """
    models = _models(model or [], every_model=every_model)
    _check_tenant(tenant)
    where = _table(stage, stages, table, region)
    scopes = [it.value for it in scope or [TokenScope.predict]]
    if dry_run:
        where.list()  # the table is there, and can be read
        asked = {"tenant": tenant, "models": models, "scopes": scopes}
        _show_asked({**asked, "days": None if forever else days, "table": where.table}, json_)
        return
    secret, token = where.create(tenant, models, None if forever else days, scopes)
    if json_:
        typer.echo(json.dumps({"token": secret, **_describe(token)}))
        return
    typer.echo(secret)
    typer.echo(
        f"token {token.id} of {tenant}, for {_named(token)}, expires: {_date(token.expires)}; "
        "it will not be shown again",
        err=True,
    )


@tokens.command("list")
def list_(
    stage: Stage = STAGE,
    stages: Stages = STAGES,
    table: Table = None,
    region: Region = None,
    json_: Json = False,
) -> None:
    """List the tokens with their ids, models and states.

    Examples:

        lading tokens list

        lading tokens list --stage prod --json
    """
    found = _table(stage, stages, table, region).list()
    if json_:
        typer.echo(json.dumps([_describe(token) for token in found], indent=2))
    elif not found:
        typer.echo("there are no tokens; run `lading tokens create`")
    else:
        _show(found)


@tokens.command()
def revoke(
    token: Annotated[str, typer.Argument(help="Its id in `lading tokens list`.")],
    dry_run: Annotated[bool, _DRY] = False,
    stage: Stage = STAGE,
    stages: Stages = STAGES,
    table: Table = None,
    region: Region = None,
    json_: Json = False,
) -> None:
    """Revoke a token; the API rejects it from the next request on.

    With `authorizer_cache_s` in the stage, the gateway may accept it for that many more seconds.

    Examples:

        lading tokens revoke 3f2a91c0

        lading tokens revoke 3f2a91c0 --stage prod --json

        lading tokens revoke 3f2a91c0 --dry-run
    """
    where = _table(stage, stages, table, region)
    ended = where.find(token) if dry_run else where.revoke(token)
    if json_:
        document = _describe(ended)
        typer.echo(json.dumps({**document, "dry_run": True} if dry_run else document))
        return
    state = "would be revoked" if dry_run else "is revoked"
    typer.echo(f"token {ended.id} of {ended.tenant}, for {_named(ended)}, {state}")
    if dry_run:
        typer.echo(_NOTHING_CHANGED, err=True)


def _table(stage: str, stages: Path, table: str | None, region: str | None) -> TokenTable:
    """Return the table of a stage; its name follows from the stage, so that no stack is read."""
    deployment = load_deployment(stages, stage)
    regions = deployment.settings.regions
    if region is None and len(regions) > 1:
        raise typer.BadParameter(f"stage '{stage}' has several regions; give --region")
    chosen = region or next(iter(regions), None)
    return TokenTable(table or deployment.names.token_table, deployment.names.api_stack, chosen)


def _models(names: list[str], *, every_model: bool) -> list[str]:
    if every_model == bool(names):
        raise typer.BadParameter("give either --model NAME (repeat for more) or --every-model")
    for name in names:
        if not re.fullmatch(NAME_PATTERN, name):
            raise typer.BadParameter(f"'{name}' is not a valid name of a model")
    return [TOKENS.every_model] if every_model else names


def _check_tenant(tenant: str) -> None:
    if not (tenant.isascii() and tenant.isprintable() and 0 < len(tenant) <= _LONGEST_TENANT):
        raise typer.BadParameter(f"--tenant must be 1 to {_LONGEST_TENANT} printable characters")


def _show_asked(asked: Mapping[str, Any], as_json: bool) -> None:
    """Print the token that `create` would make; it has no secret yet."""
    if as_json:
        typer.echo(json.dumps({**asked, "dry_run": True}))
        return
    days = asked["days"]
    ends = "expires: never" if days is None else f"expires in {days} days"
    opened = "every model" if TOKENS.every_model in asked["models"] else ", ".join(asked["models"])
    typer.echo(
        f"would create a token of {asked['tenant']}, for {opened} ({', '.join(asked['scopes'])}), "
        f"{ends}, in table {asked['table']}"
    )
    typer.echo(_NOTHING_CHANGED, err=True)


def _describe(token: Token) -> dict[str, Any]:
    times = {"created": token.created, "expires": token.expires, "revoked": token.revoked}
    known: dict[str, Any] = {"id": token.id, "tenant": token.tenant, "models": list(token.models)}
    known["scopes"] = list(token.scopes)
    return {**known, "state": token.state, **times}


def _named(token: Token) -> str:
    return "every model" if TOKENS.every_model in token.models else ", ".join(token.models)


def _date(seconds: int | None) -> str:
    return "never" if seconds is None else f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d}"


def _show(found: Sequence[Token]) -> None:
    rows = [
        (
            *(it.id, it.tenant, _named(it), ", ".join(it.scopes)),
            *(it.state, _date(it.created), _date(it.expires)),
        )
        for it in found
    ]
    show_table(("id", "tenant", "models", "for", "state", "created", "expires"), rows)

"""`lading tokens`: bearer tokens of a stage whose API asks for them."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from lading.cli.aws.token_table import Token, TokenTable
from lading.cli.options import Json
from lading.cli.tables import show_table
from lading.functions.contract.names import NAME_PATTERN, TOKENS
from lading.stacks.errors import SettingsError
from lading.stacks.stages.settings import load_deployment

tokens = typer.Typer(
    name="tokens",
    help="Create, list and revoke the bearer tokens of an API with `auth: token`.",
    no_args_is_help=True,
)

Stage = Annotated[str, typer.Option("--stage", envvar="LADING_STAGE", help="Whose tokens.")]
Stages = Annotated[Path, typer.Option("--stages", help="The stages' settings; may be absent.")]
Name = Annotated[
    str | None,
    typer.Option("--table", envvar="LADING_TOKEN_TABLE", help="Another table than the stage's."),
]
Region = Annotated[
    str | None, typer.Option("--region", help="Where; else as stages.yaml or the profile says.")
]

STAGE = "dev"
STAGES = Path("stages.yaml")

_LONGEST_TENANT = 64


@tokens.command()
def create(
    tenant: Annotated[str, typer.Option(help="Whom it is for; in logs and in the model's event.")],
    model: Annotated[list[str] | None, typer.Option(help="A model it opens; repeatable.")] = None,
    every_model: Annotated[
        bool, typer.Option(help="It opens every model, later ones too.")
    ] = False,
    days: Annotated[int, typer.Option(min=1, help="How long it is good for.")] = 365,
    forever: Annotated[bool, typer.Option(help="It never expires.")] = False,
    stage: Stage = STAGE,
    stages: Stages = STAGES,
    table: Name = None,
    region: Region = None,
    json_: Json = False,
) -> None:
    """Make a token. It is shown this once; only its SHA-256 is kept.

    Examples:

        lading tokens create --tenant acme --model digits

        lading tokens create --tenant ops --every-model --stage prod --json
    """
    models = _models(model or [], every_model=every_model)
    _check_tenant(tenant)
    where = _table(stage, stages, table, region)
    secret, token = where.create(tenant, models, None if forever else days)
    if json_:
        typer.echo(json.dumps({"token": secret, **_describe(token)}))
        return
    typer.echo(secret)
    typer.echo(
        f"token {token.id} of {tenant}, for {_named(token)}, until {_date(token.expires)}; "
        "it will not be shown again",
        err=True,
    )


@tokens.command("list")
def list_(
    stage: Stage = STAGE,
    stages: Stages = STAGES,
    table: Name = None,
    region: Region = None,
    json_: Json = False,
) -> None:
    """List the tokens, by their ids."""
    found = _table(stage, stages, table, region).list()
    if json_:
        typer.echo(json.dumps([_describe(token) for token in found], indent=2))
    elif not found:
        typer.echo("there are no tokens; `lading tokens create` makes one")
    else:
        _show(found)


@tokens.command()
def revoke(
    token: Annotated[str, typer.Argument(help="Its id, as `lading tokens list` shows it.")],
    stage: Stage = STAGE,
    stages: Stages = STAGES,
    table: Name = None,
    region: Region = None,
    json_: Json = False,
) -> None:
    """End a token. It is refused from the next request on.

    Where the stage has `authorizer_cache_s`, an answer that is remembered lasts that much longer.
    """
    ended = _table(stage, stages, table, region).revoke(token)
    if json_:
        typer.echo(json.dumps(_describe(ended)))
    else:
        typer.echo(f"token {ended.id} of {ended.tenant} is revoked")


def _table(stage: str, stages: Path, table: str | None, region: str | None) -> TokenTable:
    """The table of a stage; its names follow from the stage's, so that no stack is asked."""
    try:
        deployment = load_deployment(stages, stage)
    except SettingsError as error:
        raise typer.BadParameter(str(error)) from error
    regions = deployment.settings.regions
    if region is None and len(regions) > 1:
        raise typer.BadParameter(f"stage '{stage}' has several regions; give --region")
    chosen = region or next(iter(regions), None)
    return TokenTable(table or deployment.names.token_table, deployment.names.api_stack, chosen)


def _models(names: list[str], *, every_model: bool) -> list[str]:
    if every_model == bool(names):
        raise typer.BadParameter("say which models it opens: --model NAME, or --every-model")
    for name in names:
        if not re.fullmatch(NAME_PATTERN, name):
            raise typer.BadParameter(f"'{name}' is no model's name")
    return [TOKENS.every_model] if every_model else names


def _check_tenant(tenant: str) -> None:
    if not (tenant.isascii() and tenant.isprintable() and 0 < len(tenant) <= _LONGEST_TENANT):
        raise typer.BadParameter(f"--tenant must be 1 to {_LONGEST_TENANT} printable characters")


def _describe(token: Token) -> dict[str, Any]:
    return {
        "id": token.id,
        "tenant": token.tenant,
        "models": list(token.models),
        "state": token.state,
        "created": token.created,
        "expires": token.expires,
        "revoked": token.revoked,
    }


def _named(token: Token) -> str:
    return "every model" if TOKENS.every_model in token.models else ", ".join(token.models)


def _date(seconds: int | None) -> str:
    return (
        "it is revoked" if seconds is None else f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d}"
    )


def _show(found: Any) -> None:
    table = Table(box=None, pad_edge=False)
    for heading in ("id", "tenant", "models", "state", "created", "expires"):
        table.add_column(heading)
    for token in found:
        expires = "never" if token.expires is None else _date(token.expires)
        table.add_row(
            token.id, token.tenant, _named(token), token.state, _date(token.created), expires
        )
    show_table(table)

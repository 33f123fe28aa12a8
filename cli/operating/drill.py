"""`lading drill`: fail on purpose, in the emulated cloud, and measure what callers notice."""

import asyncio
import json
import signal
from contextlib import ExitStack
from dataclasses import asdict, replace
from http import HTTPStatus
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

import typer

from lading.api.caller import Caller
from lading.api.errors import LadingError
from lading.api.progress import show_steps
from lading.cli.commands.tokens import STAGE, STAGES, Stage, Stages
from lading.cli.emulated_stage import create_token, deploy, find_model, lambda_python, project_of
from lading.cli.errors import EXIT
from lading.cli.options import LOCK, MANIFEST, Json, Lock, Manifest
from lading.cli.smoke.checks import call_plainly
from lading.cli.smoke.golden import StableModel
from lading.emulator.cloud.account import EmulatedCloud
from lading.emulator.processes.http_exchange import Address, answers_ok
from lading.emulator.regions.outage import Load, Outage, Outcome, drill_outage
from lading.emulator.regions.resolver import FailoverResolver, HealthRule, ServedRegion
from lading.functions.contract.names import HEALTH_PATH
from lading.stacks.stages.settings import load_deployment

drill = typer.Typer(
    name="drill",
    help="Let something fail on purpose in the emulated cloud, and measure what callers notice.",
    no_args_is_help=True,
)

_FOLDER = Path(".lading/drill")
_NAMES = ("first", "second")
_PROBE_S = 2.0
_ROUTE_53 = (10.0, 60.0)
"""Seconds between two checks of Route 53, at the least; and the time to live of its records for
an API."""
_EVERY = typer.Option("--every", min=0.1, help="Seconds between two health checks of a region.")
_FAILURES = typer.Option(min=1, max=10, help="Failed checks in a row after which it is out.")
_TTL = typer.Option("--ttl", min=0.0, help="Seconds for which a caller keeps a region's address.")
_CALLERS = typer.Option(min=1, max=64, help="Callers at the same time.")
_PAUSE = typer.Option("--pause", min=0.0, help="Seconds between two requests of one caller.")
_ENOUGH = typer.Option(min=1, help="Right answers to wait for, before the stop and after it.")
_LONGEST = typer.Option(min=1, help="Seconds after which the drill is given up.")


@drill.callback()
def _drills() -> None:
    """Keep `failover` a subcommand while it is the only drill."""


@drill.command()
def failover(
    every: Annotated[float, _EVERY] = 1.0,
    failures: Annotated[int, _FAILURES] = 3,
    ttl: Annotated[float, _TTL] = 2.0,
    callers: Annotated[int, _CALLERS] = 4,
    pause: Annotated[float, _PAUSE] = 0.1,
    enough: Annotated[int, _ENOUGH] = 40,
    longest: Annotated[float, _LONGEST] = 300.0,
    stage: Stage = STAGE,
    stages: Stages = STAGES,
    manifest: Manifest = MANIFEST,
    lock: Lock = LOCK,
    json_: Json = False,
) -> None:
    """Stop one of two regions under load: how many requests are lost, and for how long.

    Two emulated clouds stand for two regions. A small router of our own, with the rules of Route
    53's health checks, stands in place of DNS. It needs no AWS account. Checks and addresses are
    ten times faster than Route 53's, so that the drill is short; the options set other times.

    Examples:

        lading drill failover

        lading drill failover --every 10 --ttl 60 --json
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    deployment = load_deployment(stages, stage, local=True)
    public = deployment.settings.model_copy(update={"public_health": True})
    deployment = replace(deployment, settings=public)
    model = find_model(manifest, lock)
    load = Load(callers, pause, ttl, enough, longest)
    with show_steps() as show, ExitStack() as stack:
        tokens: dict[str, str] = {}
        regions, clouds = [], []
        for name in _NAMES:
            project, python = project_of(manifest), lambda_python()
            cloud = EmulatedCloud(_FOLDER / name, show, project=project, lambda_python=python)
            clouds.append(stack.enter_context(cloud))
            cloud.bootstrap()
            url = deploy(cloud, deployment, manifest, lock)
            tokens[url] = create_token(cloud, deployment)
            regions.append(ServedRegion(name, url))
        show("stop the first region under load")
        rule = HealthRule(every, failures)
        with FailoverResolver(regions, is_healthy, rule) as resolver:

            def ask(url: str) -> Outcome:
                return ask_golden(url, model, tokens[url])

            found = drill_outage(regions, resolver, ask, clouds[0].end, load)
    _show(found, rule, ttl, as_json=json_)
    if not found.recovered or found.wrong:
        raise typer.Exit(EXIT.server)


def is_healthy(url: str) -> bool:
    """Return whether the API at a URL answers its public health check with 200, within 2 s.

    >>> is_healthy("http://127.0.0.1:1")
    False
    """
    there = urlsplit(url)
    address = Address(str(there.hostname), int(there.port or 80))
    return asyncio.run(answers_ok(address, f"{there.path}{HEALTH_PATH}", _PROBE_S))


def ask_golden(url: str, model: StableModel, token: str) -> Outcome:
    """Send a golden request; a refusal of a server and silence are both a loss."""
    try:
        reply, wrong = call_plainly(url, model, Caller(token))
    except LadingError:
        return "lost"
    if reply.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return "lost"
    return "wrong" if wrong else "right"


def _show(found: Outage, rule: HealthRule, ttl: float, *, as_json: bool) -> None:
    slower = rule.failures * _ROUTE_53[0] + _ROUTE_53[1]
    if as_json:
        document: dict[str, Any] = asdict(found)
        times = {"every_s": rule.every_s, "failures": rule.failures, "ttl_s": ttl}
        typer.echo(json.dumps({**document, **times, "route_53_s": slower}, indent=2))
        return
    noticed = "never" if found.noticed_s is None else f"after {found.noticed_s:.1f} s"
    answers = ", ".join(f"{name}: {count}" for name, count in found.by_region.items())
    typer.echo(
        f"{found.lost} of {found.requests} requests were lost, {found.wrong} answered wrong.\n"
        f"The stop was noticed {noticed}; the last request that was lost was sent "
        f"{found.last_loss_s:.1f} s after it.\n"
        f"Right answers, by region: {answers or 'none'}.\n"
        f"With Route 53, {rule.failures} checks every {_ROUTE_53[0]:.0f} s and addresses that are "
        f"kept for {_ROUTE_53[1]:.0f} s, callers may lose requests for up to {slower:.0f} s."
    )

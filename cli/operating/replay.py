"""`lading replay`: another version is asked what captured requests asked."""

import json
from collections.abc import Iterator
from typing import Annotated, Any

import typer

from lading.api.locked import chosen_version, open_locked
from lading.api.progress import live_step
from lading.cli.aws.captures import captured_requests, captured_truths
from lading.cli.operating.live_accuracy import HEADINGS, document, shown, summed
from lading.cli.operating.replayed import Replay, Replayed
from lading.cli.options import LOCK, Json, Lock, Name
from lading.cli.tables import show_table
from lading.functions.inference.capture.truths import FeedbackScore
from lading.functions.inference.health.golden import Tolerance
from lading.model_packaging.check.golden import TOLERANCE

_AGREES_TOO_LITTLE = 1
_STEP = 100

CAPTURE = typer.Option("--capture", metavar="PLACE", help="Folder, or s3://bucket/prefix.")
_VERSION = typer.Option(min=1, help="The version to ask; default: the stable one.")
_MOST = typer.Option("--most", min=1, help="Requests to replay: of more, a random sample.")
_RELATIVE = typer.Option(min=0, help="Numbers may differ by so much of the captured one.")
_ABSOLUTE = typer.Option(min=0, help="And by so much.")
_LEAST = typer.Option(min=0, max=1, help="Exit with 1 if a smaller share of the rows agrees.")


def replay(
    name: Name,
    capture: Annotated[str, CAPTURE],
    version: Annotated[int | None, _VERSION] = None,
    most: Annotated[int, _MOST] = 10_000,
    relative: Annotated[float, _RELATIVE] = TOLERANCE["relative"],
    absolute: Annotated[float, _ABSOLUTE] = TOLERANCE["absolute"],
    least: Annotated[float | None, _LEAST] = None,
    lock: Lock = LOCK,
    json_: Json = False,
) -> None:
    """Ask another version what callers asked, and compare its answers with theirs.

    The version runs in this process, from its artifact. Captured are a share of the requests, of a
    model with `capture` in stages.yaml, or of `lading serve --capture FOLDER`. Where truths about
    them are known, both answers are also held against these. Inputs that were not kept cannot be
    replayed.

    Examples:

        lading replay digits --capture captures --version 2

        lading replay digits --capture s3://BUCKET --version 2 --most 1000 --json
    """
    number = chosen_version(lock, name, version)
    model = open_locked(lock, name, number)
    truths = {str(it["id"]): it["truth"] for it in captured_truths(capture, name)}
    asked = Replay(model, Tolerance(relative, absolute), truths)
    with live_step() as show:
        for done, each in enumerate(captured_requests(capture, name, most)):
            if done % _STEP == 0:
                show(f"replay {done:,} requests")
            asked.add(each)
    found = asked.result
    if json_:
        typer.echo(json.dumps(_document(found), indent=2))
    else:
        _show(found)
    if least is not None and found.agreement.estimate < least:
        raise typer.Exit(_AGREES_TOO_LITTLE)


def _document(found: Replayed) -> dict[str, Any]:
    return {
        "model": found.model,
        "version": found.version,
        "requests": found.requests,
        "rows": found.rows,
        "agreement": found.agreement._asdict(),
        "refused": found.refused,
        "outputs": {
            output: {"rows": it.rows, "differ": it.differ, "largest_difference": it.largest}
            for output, it in found.outputs.items()
        },
        "outputs_without_counterpart": sorted(found.unknown),
        "differing": [{"request_id": id_, "how": how} for id_, how in found.differing],
        "truths": [document(each) for each in _accuracies(found)],
    }


def _accuracies(found: Replayed) -> Iterator[FeedbackScore]:
    """Yield how right the captured answers are, by version, and then those of this version."""
    yield from summed(found.before)
    yield from summed(found.after)


def _show(found: Replayed) -> None:
    low, share, high = found.agreement
    typer.echo(
        f"{found.model} version {found.version}: {found.requests:,} captured requests, "
        f"{found.rows:,} rows; {share:.2%} agree ({low:.2%} to {high:.2%})"
    )
    if found.refused:
        typer.echo(f"{found.refused:,} requests are refused")
    if found.unknown:
        names = ", ".join(sorted(found.unknown))
        typer.echo(f"the version does not have: {names}")
    rows = [
        (name, f"{it.differ:,}", "" if it.largest is None else f"{it.largest:.3g}")
        for name, it in found.outputs.items()
    ]
    if rows:
        headings = ("output", "rows that differ", "largest difference")
        show_table(headings, rows, right=headings[1:])
    if found.differing:
        show_table(("request", "differs"), found.differing)
    if found.before:
        typer.echo("\nby the truths that are known: captured answers, then this version's")
        show_table(HEADINGS, [shown(each) for each in _accuracies(found)])

"""`lading feedback`: how right the answers of each version were, by the truths that are known."""

import json
from collections.abc import Mapping
from typing import Annotated, Any

import typer

from lading.api.errors import InputUnreadable
from lading.cli.aws.captures import captured_truths
from lading.cli.errors import NothingCaptured
from lading.cli.operating.live_accuracy import HEADINGS, document, shown, summed
from lading.cli.operating.replay import CAPTURE
from lading.cli.options import Json, Name
from lading.cli.tables import show_table
from lading.functions.inference.capture.truths import FeedbackScore


def feedback(name: Name, capture: Annotated[str, CAPTURE], json_: Json = False) -> None:
    """Show the live accuracy of each version, by the truths that callers sent.

    Truths arrive at POST /feedback/{model}, each counted once. The interval of an accuracy holds
    however often one looks, with 95 %. Rows with a truth are rarely a random sample of all rows.

    Examples:

        lading feedback digits --capture captures

        lading feedback digits --capture s3://BUCKET --json
    """
    found = summed(_score(capture, it) for it in captured_truths(capture, name))
    if not found:
        raise NothingCaptured(capture, f"truths about model '{name}'")
    if json_:
        versions = [document(each) for each in found]
        typer.echo(json.dumps({"model": name, "versions": versions}, indent=2))
    else:
        show_table(HEADINGS, [shown(each) for each in found])


def _score(place: str, truth: Mapping[str, Any]) -> FeedbackScore:
    kept = truth.get("lading", {})
    try:
        return FeedbackScore(**{name: kept[name] for name in FeedbackScore._fields})
    except (KeyError, TypeError) as error:
        reason = f"the truth about '{truth['id']}' has no {error}; the service did not write it"
        raise InputUnreadable(place, reason) from error

"""The section about placement: what serves the model, what that costs, and what was refused."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import escape
from typing import Any

from lading.functions.contract.limits import GATEWAY
from lading.model_packaging.placement.options import MONTH_HOURS
from lading.model_packaging.report.elements import table, undamaged
from lading.model_packaging.report.plots import Bar, bars
from lading.model_packaging.sizes import rounded

_Document = Mapping[str, Any]
_HEADINGS = (
    *("target", "", "size", "answers in", "first answer", "a million requests", "idle month"),
)


def placed(report: _Document) -> Iterable[str]:
    """Yield the section; nothing for a version that does not say why it is served there.

    Raises:
        ValueError: the report is not what packaging writes.
    """
    found = report.get("placement")
    if not found:
        return
    with undamaged():
        yield from [*_section(found)]


def _section(found: _Document) -> Iterator[str]:
    options, prices = found["options"], found["prices"]
    yield "<h2>Placement and cost</h2>"
    yield f"<p>{escape(_chosen(found))}</p>"
    yield table(_HEADINGS, [_row(each, found["target"]) for each in options], numbers=range(3, 7))
    costs = [
        Bar(f"{each['target']}, {each['size']}", dollars, f"${dollars:,.2f}")
        for each in options
        if each["per_million_usd"] is not None
        for dollars in (float(each["per_million_usd"]),)
    ]
    requests = int(found["requests_a_month"])
    if costs:
        yield bars(f"Price of a million requests, at {requests:,} a month", costs)
    refused = [[str(target), str(reason)] for target, reason in found["refused"].items()]
    if refused:
        yield table(("refused", "why"), refused)
    for target, rate in found["break_even_requests_a_month"].items():
        yield f"<p>{escape(_even(str(target), int(rate)))}</p>"
    note = f"Prices of {prices['region']}, {prices['as_of']}; times are estimates from this model."
    yield f'<p class="soft">{escape(note)} lading plan has other rates.</p>'


def _chosen(found: _Document) -> str:
    target, best, why = found["target"], found["options"][0]["target"], found["why"]
    if found["wanted"] == "auto":
        return f"{target}, chosen by target: auto; {why}."
    if target == best:
        return f"{target}, as the manifest says; {why}."
    return f"{target}, as the manifest says. target: auto would choose {best}; {why}."


def _row(option: _Document, target: str) -> Sequence[str]:
    count = int(option["instances"])
    return [
        str(option["target"]),
        "chosen" if option["target"] == target else "",
        f"{count} x {option['size']}" if count > 1 else str(option["size"]),
        _time(option["answers_ms"]),
        _time(option["first_answer_ms"]) if option["target"] == "lambda" else "always on",
        _price(option["per_million_usd"]),
        _price(option["at_rest_usd_a_month"]),
    ]


def _price(dollars: Any) -> str:
    return "not known" if dollars is None else f"${float(dollars):,.2f}"


def _time(milliseconds: Any) -> str:
    return "" if milliseconds is None else f"{float(milliseconds):,.1f} ms"


def _even(target: str, requests: int) -> str:
    """Return from which rate a target costs less; none that an API reaches is never."""
    if requests / (MONTH_HOURS * 3600) > GATEWAY.requests_a_second:
        return f"{target} never costs less than lambda."
    return f"{target} costs less than lambda from {rounded(requests)} requests a month on."

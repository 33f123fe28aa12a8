"""Pictures of dashboards, to be looked at: neither Grafana nor CloudWatch is needed.

    python -m lading.watching.pictures grafana FILE.json PICTURE.png [PROMETHEUS]
    python -m lading.watching.pictures cloudwatch TEMPLATE.json FOLDER

Grafana's panels are drawn with the values of a Prometheus server, if one is named. CloudWatch's are
drawn with the names of their lines and the limits of their alarms. It needs Pillow.
"""

import json
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from textwrap import wrap
from typing import Any, Final, NamedTuple
from urllib.parse import urlencode
from urllib.request import urlopen

from PIL import Image, ImageDraw

_COLUMN, _CELL = 60, 30
_LETTER, _ROW = 6, 15
"""Pixels of a letter's width, and of a row of text."""
_COLORS: Final = ("#3366cc", "#dc3912", "#109618", "#ff9900", "#990099", "#0099c6", "#555555")
_MINUTES, _STEP_S = 5, 5
_CHOSEN: Final = {"$stage": ".*", "$model": ".*", "$__rate_interval": "30s"}
_MOST_NAMED = 6


class Drawn(NamedTuple):
    """A panel on the grid of 24 columns.

    Args:
        title: its title.
        place: x, y, width and height in cells.
        lines: the name and the values of each line.
        limits: values of horizontal lines.
        text: what stands in it.
    """

    title: str
    place: tuple[int, int, int, int]
    lines: Sequence[tuple[str, Sequence[float]]] = ()
    limits: Sequence[float] = ()
    text: str = ""


def grafana(dashboard: Path, prometheus: str = "") -> Iterator[Drawn]:
    """Yield the panels of a dashboard's JSON."""
    for panel in json.loads(dashboard.read_text(encoding="utf-8"))["panels"]:
        at = panel["gridPos"]
        place = (at["x"], at["y"], at["w"], at["h"])
        lines = [
            line for target in panel.get("targets", ()) for line in _queried(target, prometheus)
        ]
        links = ", ".join(link["url"] for link in panel.get("links", ()))
        unit = panel.get("fieldConfig", {}).get("defaults", {}).get("unit", "")
        yield Drawn(
            f"{panel['title']}  [{unit}]" if unit else panel["title"], place, lines, (), links
        )


def _queried(target: dict[str, Any], prometheus: str) -> list[tuple[str, list[float]]]:
    """Return the lines of an expression; without a server its legend alone."""
    query, legend = target["expr"], target["legendFormat"]
    if not prometheus:
        return [(legend, [])]
    query = query.replace('stage="$stage"', 'stage=~"$stage"')
    for name, value in _CHOSEN.items():
        query = query.replace(name, value)
    now = time.time()
    asked = {"query": query, "start": now - _MINUTES * 60, "end": now, "step": _STEP_S}
    with urlopen(f"{prometheus}/api/v1/query_range?{urlencode(asked)}", timeout=10) as answer:  # noqa: S310 the address is the caller's
        found = json.load(answer)["data"]["result"]
    return [
        (_named(legend, series["metric"]), [float(value) for _, value in series["values"]])
        for series in found
    ]


def _named(legend: str, labels: dict[str, str]) -> str:
    for name, value in labels.items():
        legend = legend.replace("{{" + name + "}}", value)
    return legend


def cloudwatch(body: str) -> Iterator[Drawn]:
    """Yield the widgets of a dashboard's body; those without a place follow one another."""
    for widget in json.loads(body)["widgets"]:
        told = widget["properties"]
        names = [_line(metric) for metric in told.get("metrics", ()) if _shown(metric)]
        lines: list[tuple[str, list[float]]] = [(name, []) for name in names]
        limits = [it["value"] for it in told.get("annotations", {}).get("horizontal", ())]
        text = told.get("markdown") or told.get("query", "") or "\n".join(told.get("alarms", ()))
        place = (widget["x"], widget["y"], widget["width"], widget["height"])
        yield Drawn(told.get("title", ""), place, lines, limits, text)


def _shown(metric: list[Any]) -> bool:
    last = metric[-1]
    return not (isinstance(last, dict) and last.get("visible") is False)


def _line(metric: list[Any]) -> str:
    more = metric[-1] if isinstance(metric[-1], dict) else {}
    names = " ".join(str(part) for part in metric if not isinstance(part, dict))
    return str(more.get("label") or more.get("expression") or names)


def draw(panels: Sequence[Drawn], picture: Path) -> None:
    """Draw panels into a PNG file."""
    height = max(panel.place[1] + panel.place[3] for panel in panels)
    image = Image.new("RGB", (24 * _COLUMN, height * _CELL), "#f4f5f5")
    pen = ImageDraw.Draw(image)
    for panel in panels:
        _draw_panel(pen, panel)
    image.save(picture)


def _draw_panel(pen: ImageDraw.ImageDraw, panel: Drawn) -> None:
    x, y, width, height = panel.place
    left, top = x * _COLUMN + 4, y * _CELL + 4
    right, bottom = (x + width) * _COLUMN - 4, (y + height) * _CELL - 4
    pen.rectangle((left, top, right, bottom), "white", "#cccccc")
    pen.text((left + 8, top + 6), panel.title, "black")
    pen.multiline_text((left + 8, top + 22), _fitted(panel), "#777777")
    named = panel.lines[:_MOST_NAMED]
    floor = bottom - 14 * (len(named) + 1)
    values = [it for _, line in panel.lines for it in line if it == it] + [*panel.limits]  # noqa: PLR0124 NaN
    most = max(values, default=0.0) or 1.0
    if panel.lines and height > 1:
        pen.text((left + 8, top + 40), f"{most:.4g}", "#777777")
        for color, (_name, line) in zip(_endless(), panel.lines, strict=False):
            _draw_line(pen, line, most, (left + 60, top + 40, right - 10, floor), color)
        for number, (color, (name, _)) in enumerate(zip(_endless(), named, strict=False)):
            row = floor + 6 + 14 * number
            pen.rectangle((left + 8, row + 3, left + 18, row + 9), color)
            pen.text((left + 24, row), name[:110], "#333333")
    for limit in panel.limits:
        at = floor - (floor - top - 40) * limit / most
        pen.line((left + 60, at, right - 10, at), "#dc3912", 1)
        pen.text((right - 90, at - 12), f"alarm {limit:g}", "#dc3912")


def _fitted(panel: Drawn) -> str:
    """Return the text of a panel in lines that fit into it."""
    _, _, width, height = panel.place
    letters, rows = width * _COLUMN // _LETTER, (height * _CELL - 36) // _ROW
    lines = (wrap(line, letters) or [""] for line in panel.text.splitlines())
    return "\n".join([part for parts in lines for part in parts][: max(rows, 1)])


def _endless() -> Iterator[str]:
    while True:
        yield from _COLORS


def _draw_line(
    pen: ImageDraw.ImageDraw,
    line: Sequence[float],
    most: float,
    box: tuple[float, float, float, float],
    color: str,
) -> None:
    left, top, right, bottom = box
    step = (right - left) / max(_MINUTES * 60 / _STEP_S, 1)
    first = right - step * (len(line) - 1)
    points = [
        (first + step * place, bottom - (bottom - top) * value / most)
        for place, value in enumerate(line)
        if value == value  # noqa: PLR0124 NaN has no place
    ]
    if len(points) > 1:
        pen.line(points, color, 2)


def _bodies(template: Path) -> Iterator[tuple[str, str]]:
    """Yield the name and the body of each dashboard in a template, its references as text."""
    for logical, each in json.loads(template.read_text(encoding="utf-8"))["Resources"].items():
        if each["Type"] == "AWS::CloudWatch::Dashboard":
            body = each["Properties"]["DashboardBody"]
            parts = [body] if isinstance(body, str) else body["Fn::Join"][1]
            yield logical, "".join(it if isinstance(it, str) else "REF" for it in parts)


if __name__ == "__main__":
    kind, source, target, *more = sys.argv[1:]
    if kind == "grafana":
        draw([*grafana(Path(source), *more)], Path(target))
    else:
        for name, body in _bodies(Path(source)):
            draw([*cloudwatch(body)], Path(target) / f"{name}.png")

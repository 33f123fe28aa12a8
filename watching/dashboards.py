"""Grafana's dashboards as JSON, made with Grafana's own library; `make dashboards` writes them.

The library gives panels no ids, and without ids Grafana mistakes one row for another.
"""

import sys
from collections.abc import Iterator, Mapping
from itertools import count
from pathlib import Path
from typing import Final

from grafana_foundation_sdk.builders import common, dashboard, prometheus, timeseries
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.common import LegendDisplayMode, LegendPlacement
from grafana_foundation_sdk.models.dashboard import (
    DashboardLinkType,
    DataSourceRef,
    VariableOption,
    VariableRefresh,
)

from lading.functions.contract.alarms import RUNBOOK, runbook_page
from lading.functions.contract.watched import REQUESTS
from lading.watching.panels import BOARDS, Board, Panel

_DATASOURCE: Final = DataSourceRef(type_val="prometheus", uid="$datasource")
_WIDTH, _HEIGHT = 12, 8


def documents() -> Mapping[str, str]:
    """Return the JSON of each dashboard, by the name of its file."""
    encoder = JSONEncoder(sort_keys=True, indent=2)
    return {f"{board.uid}.json": encoder.encode(_built(board).build()) + "\n" for board in BOARDS}


def _built(board: Board) -> dashboard.Dashboard:
    built = (
        dashboard.Dashboard(board.title)
        .uid(board.uid)
        .tags(["lading"])
        .refresh("30s")
        .time("now-3h", "now")
        .link(_others())
        .with_variable(
            dashboard.DatasourceVariable("datasource").label("Source").type("prometheus")
        )
    )
    for variable in _chosen():
        built = built.with_variable(variable)
    ids: Iterator[int] = count(1)
    for row in board.rows:
        built = built.with_row(dashboard.Row(row.title).id(next(ids)))
        for panel in row.panels:
            built = built.with_panel(_graph(panel).id(next(ids)))
    return built


def _others() -> dashboard.DashboardLink:
    """Return the list of Lading's dashboards, which keeps time and choices."""
    link = dashboard.DashboardLink("Lading").type(DashboardLinkType.DASHBOARDS).tags(["lading"])
    return link.keep_time(True).include_vars(True)


def _chosen() -> Iterator[dashboard.QueryVariable]:
    """Yield what is chosen on the dashboard: one stage, and any of its models."""
    series = f"{REQUESTS.name}_total"
    stages = dashboard.QueryVariable("stage").label("Stage").query(f"label_values({series}, stage)")
    of_stage = f'label_values({series}{{stage="$stage"}}, model)'
    models = dashboard.QueryVariable("model").label("Model").query(of_stage)
    everything = VariableOption(selected=True, text=["All"], value=["$__all"])
    for variable in (
        stages,
        models.multi(True).include_all(True).all_value(".*").current(everything),
    ):
        yield variable.datasource(_DATASOURCE).refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)


def _graph(panel: Panel) -> timeseries.Panel:
    legend = common.VizLegendOptions().show_legend(True)
    built = (
        timeseries.Panel()
        .title(panel.title)
        .unit(panel.unit)
        .min(0)
        .height(_HEIGHT)
        .span(_WIDTH)
        .datasource(_DATASOURCE)
        .legend(legend.display_mode(LegendDisplayMode.LIST).placement(LegendPlacement.BOTTOM))
        .links([_page_link(key) for key in panel.pages])
    )
    if panel.text:
        built = built.description(panel.text)
    for line in panel.lines:
        query = prometheus.Dataquery().expr(line.expression).legend_format(line.legend)
        built = built.with_target(query.exemplar(panel.exemplars))
    return built


def _page_link(key: str) -> dashboard.DashboardLink:
    url = runbook_page(RUNBOOK, key)
    return dashboard.DashboardLink(f"Runbook: {key}").type(DashboardLinkType.LINK).url(url)


def write(folder: Path) -> None:
    """Write the JSON of each dashboard into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in documents().items():
        (folder / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1]))

"""Panels and dashboards, and Grafana's JSON for them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from documents.writing import json_text

Unit = Literal["reqps", "s", "percentunit", "short", "bytes", "ops", "cps", "bool_on_off"]
"""Of Grafana's: requests, operations and things a second, seconds, a share of one, numbers, bytes, and 1 or 0."""
Kind = Literal["timeseries", "stat", "table"]

COLUMNS: Final = 24
HEIGHTS: Final[Mapping[Kind, int]] = {"timeseries": 8, "stat": 4, "table": 8}
WIDTHS: Final[Mapping[Kind, int]] = {"timeseries": 8, "stat": 4, "table": 8}
SOURCE: Final = {"type": "prometheus", "uid": "prometheus"}
RATE: Final = "$__rate_interval"
"""Grafana puts in its place what suits the width of the picture: four times the interval of reading, at least."""


@dataclass(frozen=True)
class Query:
    """`legend` names a series, with its labels in double braces."""

    expression: str
    legend: str = ""


@dataclass(frozen=True)
class Panel:
    """`meaning` is what one sees when pointing at its title."""

    title: str
    unit: Unit
    queries: Sequence[Query]
    meaning: str = ""
    kind: Kind = "timeseries"
    stacked: bool = False


@dataclass(frozen=True)
class Dashboard:
    """`uid` is its name in Grafana's addresses and the name of its file."""

    uid: str
    title: str
    rows: Mapping[str, Sequence[Panel]]
    """Panels below headings."""
    variables: Sequence[Mapping[str, Any]] = field(default_factory=tuple)

    @property
    def panels(self) -> list[Panel]:
        return [panel for panels in self.rows.values() for panel in panels]


def line(title: str, unit: Unit, *queries: tuple[str, str], meaning: str = "", stacked: bool = False) -> Panel:
    """Lines over time; each query with its legend."""
    return Panel(title, unit, [Query(*query) for query in queries], meaning, stacked=stacked)


def number(title: str, unit: Unit, expression: str, meaning: str = "") -> Panel:
    """One number, that of now."""
    return Panel(title, unit, [Query(expression)], meaning, kind="stat")


def quantiles(histogram: str, *by: str, of: str = "", shares: Sequence[float] = (0.5, 0.99)) -> list[tuple[str, str]]:
    """Queries for the values below which these shares of a histogram lie, by some labels."""
    inside = f"{{{selector(of)}}}[{RATE}]"
    return [
        (
            f"histogram_quantile({share}, sum{_by((*by, 'le'))} (rate({histogram}_bucket{inside})))",
            f"p{share * 100:g} {_legend(by)}".strip(),
        )
        for share in shares
    ]


def mean(histogram: str, *by: str, of: str = "") -> tuple[str, str]:
    """A query for the mean of what a histogram has counted."""
    inside = f"{{{selector(of)}}}[{RATE}]"
    sums, counts = (f"sum{_by(by)} (rate({histogram}_{part}{inside}))" for part in ("sum", "count"))
    return f"{sums} / {counts}", _legend(by)


def rate(counter: str, *by: str, of: str = "") -> tuple[str, str]:
    """A query for how fast a counter grows, a second."""
    return f"sum{_by(by)} (rate({counter}{{{selector(of)}}}[{RATE}]))", _legend(by)


def gauge(name: str, *by: str, of: str = "", how: Literal["max", "sum", "min"] = "max") -> tuple[str, str]:
    """A query for the value of now."""
    return f"{how}{_by(by)} ({name}{{{selector(of)}}})", _legend(by)


def _by(labels: Sequence[str]) -> str:
    return f" by ({', '.join(labels)})" if labels else ""


def _legend(labels: Sequence[str]) -> str:
    return " ".join(f"{{{{{label}}}}}" for label in labels)


def selector(of: str) -> str:
    return f'job="muster", {of}' if of else 'job="muster"'


def dashboard_text(dashboard: Dashboard) -> str:
    """The file that Grafana reads."""
    return json_text(
        {
            "uid": f"muster-{dashboard.uid}",
            "title": dashboard.title,
            "tags": ["muster"],
            "editable": False,
            "graphTooltip": 1,
            "schemaVersion": 39,
            "refresh": "30s",
            "time": {"from": "now-1h", "to": "now"},
            "links": [{"type": "dashboards", "tags": ["muster"], "title": "Dashboards", "asDropdown": True}],
            "templating": {"list": [*dashboard.variables]},
            "panels": list(_placed(dashboard)),
        }
    )


def _placed(dashboard: Dashboard) -> Iterator[dict[str, Any]]:
    """From left to right, and on below when the row is full."""
    top, made = 0, 0
    for heading, panels in dashboard.rows.items():
        made += 1
        yield {"id": made, "type": "row", "title": heading, "panels": [], "gridPos": _place(0, top, COLUMNS, 1)}
        left, top, height = 0, top + 1, 0
        for panel in panels:
            width = WIDTHS[panel.kind]
            if left + width > COLUMNS:
                left, top, height = 0, top + height, 0
            made, height = made + 1, max(height, HEIGHTS[panel.kind])
            yield _panel(panel, made, _place(left, top, width, HEIGHTS[panel.kind]))
            left += width
        top += height


def _place(left: int, top: int, width: int, height: int) -> dict[str, int]:
    return {"x": left, "y": top, "w": width, "h": height}


def _panel(panel: Panel, number: int, place: dict[str, int]) -> dict[str, Any]:
    return {
        "id": number,
        "type": panel.kind,
        "title": panel.title,
        "description": panel.meaning,
        "datasource": SOURCE,
        "gridPos": place,
        "fieldConfig": {"defaults": {"unit": panel.unit, "min": 0, "custom": _drawn(panel)}, "overrides": []},
        "options": {"tooltip": {"mode": "multi", "sort": "desc"}} if panel.kind == "timeseries" else {},
        "targets": [_target(panel, query, letter) for query, letter in zip(panel.queries, "ABCDEF", strict=False)],
    }


def _drawn(panel: Panel) -> dict[str, Any]:
    if panel.kind != "timeseries":
        return {}
    stacked = {"stacking": {"mode": "normal"}, "fillOpacity": 20} if panel.stacked else {"fillOpacity": 0}
    return {"lineWidth": 1, "showPoints": "never", **stacked}


def _target(panel: Panel, query: Query, letter: str) -> dict[str, Any]:
    is_now = panel.kind != "timeseries"
    shape = {"instant": True, "format": "table" if panel.kind == "table" else "time_series"} if is_now else {}
    return {"refId": letter, "datasource": SOURCE, "expr": query.expression, "legendFormat": query.legend, **shape}

"""Draws panels of the dashboards from what a Prometheus has, so that one can look at them without Grafana."""

from collections.abc import Mapping, Sequence
from typing import Any, Final
from xml.sax.saxutils import escape

WIDTH, HEIGHT, LEFT, TOP, BELOW = 420, 220, 52, 30, 62
COLUMNS: Final = 3
COLOURS: Final = ("#2563eb", "#dc2626", "#059669", "#d97706", "#7c3aed", "#0891b2", "#be185d", "#4d7c0f")
SHOWN: Final = 6
"""Names of series beneath a picture."""
_STYLE: Final = "text { font: 11px system-ui, sans-serif; fill: #24292f } .t { font-weight: 600; font-size: 13px }"

Series = Mapping[str, Any]
"""As Prometheus answers a range: `metric` has the labels, `values` moments and numbers."""


def page(panels: Mapping[str, Sequence[Series]]) -> str:
    """All panels of a dashboard, by title."""
    rows = -(-len(panels) // COLUMNS)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {COLUMNS * WIDTH} {rows * HEIGHT}">',
        f'<style>{_STYLE}</style><rect width="100%" height="100%" fill="#ffffff"/>',
    ]
    for number, (title, series) in enumerate(panels.items()):
        x, y = number % COLUMNS * WIDTH, number // COLUMNS * HEIGHT
        parts.append(f'<g transform="translate({x} {y})">{_panel(title, series)}</g>')
    return "\n".join([*parts, "</svg>"]) + "\n"


def _panel(title: str, series: Sequence[Series]) -> str:
    points = [[(float(at), float(value)) for at, value in each["values"] if value != "NaN"] for each in series]
    every = [point for line in points for point in line]
    head = f'<text class="t" x="{LEFT}" y="18">{escape(title)}</text>'
    if not every:
        return f'{head}<text x="{LEFT}" y="80">no data</text>'
    first, last = min(at for at, _ in every), max(at for at, _ in every)
    most = max(max(value for _, value in every), 1e-9)
    wide, high = WIDTH - LEFT - 12, HEIGHT - TOP - BELOW

    def place(at: float, value: float) -> str:
        x = LEFT + (at - first) / max(last - first, 1e-9) * wide
        return f"{x:.1f},{TOP + high - max(value, 0.0) / most * high:.1f}"

    lines = [
        f'<polyline fill="none" stroke="{COLOURS[number % len(COLOURS)]}" stroke-width="1.4"'
        f' points="{" ".join(place(*point) for point in line)}"/>'
        for number, line in enumerate(points)
        if line
    ]
    frame = (
        f'<rect x="{LEFT}" y="{TOP}" width="{wide}" height="{high}" fill="none" stroke="#d0d7de"/>'
        f'<text x="{LEFT - 4}" y="{TOP + 9}" text-anchor="end">{most:.3g}</text>'
        f'<text x="{LEFT - 4}" y="{TOP + high}" text-anchor="end">0</text>'
    )
    return head + frame + "".join(lines) + _names(series)


def _names(series: Sequence[Series]) -> str:
    texts = []
    for number, each in enumerate(series[:SHOWN]):
        labels = {name: value for name, value in each["metric"].items() if name not in ("job", "__name__")}
        name = ", ".join(labels.values())[:34] or "all"
        x, y = LEFT + number % 2 * 180, HEIGHT - BELOW + 14 + number // 2 * 14
        colour = COLOURS[number % len(COLOURS)]
        texts.append(f'<text x="{x}" y="{y}" style="fill:{colour}">{escape(name)}</text>')
    if len(series) > SHOWN:
        texts.append(f'<text x="{LEFT}" y="{HEIGHT - 4}">and {len(series) - SHOWN} more</text>')
    return "".join(texts)

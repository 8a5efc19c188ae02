"""The routes that the gateway is asked for most."""

from collections.abc import Sequence

from rich.table import Table

from stack.metrics import names, words
from stack.metrics.differences import Window
from stack.metrics.observed import Observed

ROUTE_WIDTH = 45


def busiest(processes: Sequence[Observed], most: int) -> Table | None:
    """A line each, at most so many; None when nobody asked for anything."""
    windows = [each.window for each in processes if each.name == "gateway" and each.window is not None]
    rates = sorted(_rates(windows[0]).items(), key=lambda item: -item[1]) if windows else []
    if not rates:
        return None
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False, header_style="bold")
    table.add_column("route", width=ROUTE_WIDTH, no_wrap=True, overflow="ellipsis")
    for column in ("method", "  req/s", "    p50", "    p99"):
        table.add_column(column, justify="right", no_wrap=True)
    for (route, method), rate in rates[:most]:
        quantiles = (windows[0].quantile(share, names.REQUESTS, route=route, method=method) for share in (0.5, 0.99))
        table.add_row(route, method, words.rate(rate), *map(words.duration, quantiles))
    return table


def _rates(window: Window) -> dict[tuple[str, str], float]:
    rates: dict[tuple[str, str], float] = {}
    for labels, growth in (window.grown(f"{names.REQUESTS}_count") or {}).items():
        own = dict(labels)
        if growth > 0 and window.seconds > 0:
            key = own["route"], own["method"]
            rates[key] = rates.get(key, 0.0) + growth / window.seconds
    return rates

"""Processes as `./dev top` sees them, made of what they might answer."""

import io
from collections.abc import Mapping

from rich.console import Console, RenderableType

from stack.metrics.differences import Reading, Window
from stack.metrics.exposition import parse
from stack.metrics.names import WANTED
from stack.metrics.observed import Observed, State

WINDOW_SECONDS = 5.0


def observed(
    name: str,
    later: Mapping[str, float] | None,
    earlier: Mapping[str, float] | None = None,
    *,
    state: State = "up",
    measured: bool = True,
) -> Observed:
    """`later` and `earlier` are what it answers, values by series; None when it does not answer."""
    first = Reading(0.0, parse(_text(earlier or {}), WANTED))
    reading = None if later is None else Reading(WINDOW_SECONDS, parse(_text(later), WANTED))
    window = Window(first, reading) if reading else None
    up = state == "up"
    return Observed(
        name, state, 65.0 if up else None, 0.41 if up else None, 112 * 2**20 if up else None, measured, reading, window
    )


def _text(series: Mapping[str, float]) -> str:
    return "".join(f"{name} {value}\n" for name, value in series.items())


def rendered(what: RenderableType, width: int = 80, *, colours: bool = False) -> str:
    """As a terminal of this width shows it."""
    out = io.StringIO()
    console = Console(file=out, width=width, force_terminal=colours, color_system="standard" if colours else None)
    console.print(what)
    return out.getvalue()

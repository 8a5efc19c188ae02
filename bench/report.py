"""What people look at: a table, a list of results as JSON, and a picture for the README."""

import json
from collections.abc import Sequence
from pathlib import Path

from rich.table import Table

from bench.picture import picture
from bench.results import Result, Samples


def table(results: Sequence[Result], title: str) -> Table:
    """A line for each result, medians with the lowest and highest round."""
    shown = Table(title=title, caption="medians; range: lowest to highest round")
    shown.add_column("what")
    for name in ("ours", "range", "peer", "range"):
        shown.add_column(name, justify="right")
    shown.add_column("against")
    for name in ("ratio", "goal", "met"):
        shown.add_column(name, justify="right")
    for each in results:
        shown.add_row(*_cells(each))
    return shown


def _cells(result: Result) -> list[str]:
    peer = result.peer
    return [
        result.name,
        f"{_figure(result.ours.median)} {result.unit}",
        _range(result.ours),
        "" if peer is None else _figure(peer.median),
        "" if peer is None else _range(peer),
        result.peer_name,
        "" if result.ratio is None else f"{result.ratio:.2f}",
        result.goal,
        "[green]yes[/]" if result.met else "[red]no[/]",
    ]


def line(result: Result) -> str:
    """A result in one line, as it comes."""
    against = "" if result.ratio is None else f", {result.ratio:.2f} of {result.peer_name}"
    verdict = "met" if result.met else "not met"
    return f"{result.name}: {_figure(result.ours.median)} {result.unit}{against}; {result.goal} {verdict}"


def _range(samples: Samples) -> str:
    return f"{_figure(samples.low)}–{_figure(samples.high)}"


def _figure(value: float) -> str:
    """Three digits or all before the point: `0.123`, `12.3`, `12,345`."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}" if abs(value) >= 1 else f"{value:.3f}"


def write(results: Sequence[Result], data: Path, drawing: Path) -> None:
    """Puts the results in the place of those of the same name, and draws all of them.

    Each is of one run, but not all need be of the same: those that were not measured again stay.
    """
    kept = {result.name: result for result in read(data)} | {result.name: result for result in results}
    text = json.dumps([result.as_json() for result in kept.values()], indent=2, ensure_ascii=False) + "\n"
    for path, content in ((data, text), (drawing, picture(list(kept.values())))):
        draft = path.with_name(f"{path.name}.new")
        draft.write_text(content, encoding="utf-8")
        draft.replace(path)


def read(data: Path) -> list[Result]:
    """Those written before; none where there is no such file."""
    return [Result.from_json(row) for row in json.loads(data.read_text(encoding="utf-8"))] if data.exists() else []

"""One frame of `./dev top`: 80 columns and 24 lines, in colours only where something is wrong."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from stack.metrics import names, words
from stack.metrics.observed import Observed
from stack.metrics.routes import busiest
from stack.metrics.summary import reached, summary

BAD, WORRYING, ABSENT = "bold red", "yellow", "dim"
LONG_WAIT: Final = 30.0
"""Seconds that an event has waited after which something is wrong: usually it is less than one."""
NEARLY: Final = 0.8
"""Of the requests that a process takes at once."""
LINES: Final = 24
"""Of a frame without routes, for five services."""


def frame(processes: Sequence[Observed], now: datetime, lines: int = LINES) -> Group:
    """What there is room for: a terminal with more lines shows the busiest routes too."""
    parts: list[RenderableType] = [
        _heading(processes, now),
        _processes(processes),
        Text(),
        _events(processes),
        Text(),
        *summary(processes),
    ]
    room = lines - LINES - 2
    if room > 0 and (routes := busiest(processes, room)) is not None:
        parts += [Text(), routes]
    return Group(*parts)


def _heading(processes: Sequence[Observed], now: datetime) -> Text:
    answering = [each for each in processes if each.measured and each.reading is not None]
    measured = [each for each in processes if each.measured]
    heading = Text(f"Muster  {now:%H:%M:%S} UTC  ", no_wrap=True, overflow="ellipsis")
    style = "" if len(answering) == len(measured) else BAD
    heading.append(f"{len(answering)} of {len(measured)} processes answer", style)
    for gateway in (each for each in measured if each.name == "gateway"):
        heading.append(" · ").append_text(reached(gateway))
    return heading


def _table(first: str, *columns: str) -> Table:
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False, header_style="bold")
    table.add_column(f"{first:<10}", no_wrap=True)
    for column in columns:
        table.add_column(column, justify="right", no_wrap=True)
    return table


def _processes(processes: Sequence[Observed]) -> Table:
    table = _table(
        "process", " up since", " memory", "  cpu", " req/s", "   p50", "   p99", " 5xx/s", "in flight", "  late"
    )
    for each in processes:
        table.add_row(each.name, *_process_cells(each))
    return table


def _process_cells(each: Observed) -> Iterator[Text]:
    yield _state(each)
    yield _cell(words.size(each.memory))
    yield _cell(words.share(each.cpu))
    if not each.measured:
        return
    yield _cell(words.rate(each.rate(f"{names.REQUESTS}_count")))
    yield _cell(words.duration(each.quantile(0.5, names.REQUESTS)))
    yield _cell(words.duration(each.quantile(0.99, names.REQUESTS)))
    failed = each.failed()
    yield _cell(words.rate(failed), BAD if failed else "")
    running, limit = each.now(names.IN_FLIGHT), each.now(names.IN_FLIGHT_LIMIT)
    yield _cell(words.count(running), WORRYING if running and limit and running >= NEARLY * limit else "")
    yield _cell(words.duration(each.quantile(0.99, names.LOOP_LAG)))


def _state(each: Observed) -> Text:
    if each.state == "up":
        return _cell("no answer", BAD) if each.silent else _cell(words.age(each.age))
    return _cell(each.state, {"ended": BAD, "stopped": WORRYING}.get(each.state, ""))


def _events(processes: Sequence[Observed]) -> Table:
    table = _table("events", "   outbox", " oldest", "  sent/s", "  queue", "applied/s", "lag p99", "  dead", "broker")
    for each in processes:
        if each.measured and each.name != "gateway":
            table.add_row(each.name, *_event_cells(each))
    return table


def _event_cells(each: Observed) -> Iterator[Text]:
    yield _cell(words.count(each.now(names.OUTBOX_WAITING)))
    oldest, lag = each.most(names.OUTBOX_OLDEST), each.quantile(0.99, names.PROJECTION_LAG)
    yield _cell(words.waiting(oldest), BAD if oldest and oldest > LONG_WAIT else "")
    yield _cell(words.rate(each.rate(names.PUBLISHED)))
    yield _cell(words.count(each.now(names.QUEUE)))
    yield _cell(words.rate(each.rate(names.APPLIED)))
    yield _cell(words.duration(lag), BAD if lag and lag > LONG_WAIT else "")
    dead = each.now(names.DEAD_LETTERS)
    yield _cell(words.count(dead), BAD if dead else "")
    yield _broker(each)


def _broker(each: Observed) -> Text:
    connected = [each.now(name) for name in (names.RELAY_CONNECTED, names.CONSUMER_CONNECTED)]
    known = [value for value in connected if value is not None]
    if not known:
        return _cell(words.MISSING)
    return _cell("there") if all(known) else _cell("gone", BAD)


def _cell(text: str, style: str = "") -> Text:
    return Text(text, style=ABSENT if text == words.MISSING else style, no_wrap=True)

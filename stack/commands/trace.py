"""`./dev trace`: where the time of a request went."""

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from stack.errors import StackError
from stack.paths import STACK_DIRECTORY, Layout
from stack.processes.span_files import Span, read_spans, tree

LAST: Final = 20
SETTLED: Final = 2.0
"""Seconds after which what a request has caused at once is written."""
POLL_SECONDS: Final = 0.2
_MS: Final = 1_000_000
HOW_TO_ASK: Final = """\
One request in a hundred is traced, those that fail, and those of an administrator with the header X-Trace: on:

  . .stack/env
  curl -i -H "Authorization: Bearer $TOKEN" -H 'X-Trace: on' $GATEWAY_URL/api/v1/training/courses

TRACE_SAMPLE_RATIO=1 ./dev up traces all."""


def trace(request_id: str | None) -> int:
    """Print the tree of a request, or without one the last requests that were traced.

    Returns 0; raises StackError when there is nothing to print, and says why.
    """
    directory, console = Layout(STACK_DIRECTORY).spans, Console(soft_wrap=False)
    if not directory.is_dir():
        raise StackError("The stack has not traced anything here yet: start it with ./dev up")
    if request_id is None:
        console.print(overview(_requests(read_spans(directory))))
        return 0
    for root, spans in _found(directory, request_id):
        console.print(picture(root, spans))
    return 0


def overview(requests: Sequence[Span]) -> Table:
    """The last requests; raises StackError where there are none."""
    if not requests:
        raise StackError(f"No request has been traced yet. {HOW_TO_ASK}")
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("TIME", "REQUEST ID", "REQUEST"):
        table.add_column(name, overflow="fold")
    table.add_column("MS", justify="right")
    for span in requests[-LAST:]:
        at = datetime.fromtimestamp(span.began / 1e9, UTC)
        table.add_row(f"{at:%H:%M:%S}", span.request_id, _name(span), _milliseconds(span.ended - span.began))
    return table


def picture(root: Span, spans: Sequence[Span]) -> Table:
    """The tree: when each span began after the request did, and how long it took."""
    at = datetime.fromtimestamp(root.began / 1e9, UTC)
    title = f"{root.request_id}   {at:%Y-%m-%d %H:%M:%S} UTC\ntrace {root.trace_id}"
    table = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("SPAN", overflow="fold")
    table.add_column("PROCESS")
    table.add_column("AFTER MS", justify="right")
    table.add_column("TOOK MS", justify="right")
    for placed in tree(root, spans):
        span = placed.span
        name = Text(placed.guides, "dim") + _name(span)
        table.add_row(
            name, span.process, _milliseconds(span.began - root.began), _milliseconds(span.ended - span.began)
        )
    return table


def _name(span: Span) -> Text:
    name = Text(span.name)
    if span.linked:
        name.append(f" (with {len(span.linked)} more)", "dim")
    if span.error is not None:
        name.append(f" {span.error or 'failed'}", "red")
    return name


def _found(directory: Path, request_id: str) -> list[tuple[Span, list[Span]]]:
    """Each time that the id was used, once all that came of it at once is written. Raises StackError for none."""
    give_up = time.monotonic() + SETTLED
    while True:
        spans = read_spans(directory)
        roots = [span for span in _requests(spans) if span.request_id == request_id]
        if roots and max(root.ended for root in roots) / 1e9 + SETTLED < time.time():
            return [(root, spans) for root in roots]
        if not roots and time.monotonic() > give_up:
            raise StackError(
                f"There is no trace of a request {request_id!r}: it was not sampled, or is too long ago."
                f" ./dev trace lists those that are there.\n{HOW_TO_ASK}"
            )
        time.sleep(POLL_SECONDS)


def _requests(spans: Sequence[Span]) -> list[Span]:
    return [span for span in spans if span.is_request_of_gateway]


def _milliseconds(nanoseconds: int) -> str:
    return f"{nanoseconds / _MS:.1f}"

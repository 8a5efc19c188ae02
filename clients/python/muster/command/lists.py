"""`muster courses list`, `muster people show 7`: rows as the server has them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final

import typer

from muster.command.common import DONE, STATUS, AsJson, Common, Filters, Id, Session
from muster.command.output import Columns, Row
from muster.errors import Unexpected
from muster.exporting import filters_of
from muster.transport import Query, Transport

LIMIT: Final = 100
PAGE: Final = 100
"""Rows of one request."""


@dataclass(frozen=True)
class Listed:
    """A list: its name in `muster NAME list`, its address, and what a table has of it."""

    name: str
    help: str
    path: str
    columns: Columns


PEOPLE: Final = {"id": "id", "number": "employee_id", "name": "full_name", "company": "company.name"}
LISTS: Final = (
    Listed(
        "courses",
        "Courses",
        "/api/v1/training/courses",
        {
            "id": "id",
            "title": "title",
            "category": "category",
            "delivery": "delivery_mode",
            "hours": "duration_hours",
            "sessions": "total_sessions",
        },
    ),
    Listed(
        "sessions",
        "Sessions of courses",
        "/api/v1/training/sessions",
        {
            "id": "id",
            "course": "course.title",
            "name": "session_name",
            "start": "start_date",
            "location": "location",
            "free": "available_spots",
            "status": "status",
        },
    ),
    Listed("people", "Employees and workers of contractors", "/api/v1/employees", PEOPLE),
    Listed("staff", "Staff", "/api/v1/staff", PEOPLE),
    Listed(
        "enrollments",
        "Enrollments in sessions",
        "/api/v1/training/enrollments",
        {
            "id": "id",
            "person": "employee.id",
            "name": "employee.full_name",
            "course": "session.course.title",
            "start": "session.start_date",
            "status": "status",
            "score": "score",
        },
    ),
)
Limit = Annotated[int, typer.Option("--limit", "-n", min=1, help="At most so many rows")]
All = Annotated[bool, typer.Option("--all", "-a", help="All rows, however many there are")]


def add_lists(app: typer.Typer) -> None:
    for listed in LISTS:
        app.add_typer(_commands_of(listed), name=listed.name, help=f"{listed.help}: list, show")


def _commands_of(listed: Listed) -> typer.Typer:
    commands = typer.Typer(no_args_is_help=True)

    @commands.command("list", epilog=STATUS, help=f"List {listed.name}.")
    def list_(
        context: typer.Context,
        filters: Filters = None,
        limit: Limit = LIMIT,
        all_: All = False,
        as_json: AsJson = False,
    ) -> None:
        common: Common = context.obj
        wanted = None if all_ else limit
        common.run(
            lambda session: show_list(session, listed.path, filters_of(filters or ()), listed.columns, wanted),
            as_json=as_json,
        )

    @commands.command("show", epilog=STATUS, help=f"Show one of the {listed.name}, everything that there is of it.")
    def show(context: typer.Context, id_: Id, as_json: AsJson = False) -> None:
        common: Common = context.obj
        common.run(lambda session: show_row(session, f"{listed.path}/{id_}"), as_json=as_json)

    return commands


def show_list(session: Session, path: str, filters: Query, columns: Columns, limit: int | None) -> int:
    """So many rows; says if there are more."""
    walk = Walk(session.transport, path, filters, limit)
    session.output.rows(walk, columns)
    if walk.has_more:
        session.screen.note(f"There are more than these {limit:,} rows: --limit N, or --all.")
    return DONE


def show_row(session: Session, path: str) -> int:
    session.output.row(data_of(session.transport.request("GET", path).data))
    return DONE


class Walk:
    """The rows of a list, asked for as they are wanted; at most so many of them."""

    def __init__(self, transport: Transport, path: str, filters: Query, limit: int | None) -> None:
        self._transport = transport
        self._path = path
        self._filters = filters
        self._limit = limit
        self.has_more = False

    def __iter__(self) -> Iterator[Row]:
        left, cursor = self._limit, ""
        while True:
            size = PAGE if left is None else min(left, PAGE)
            query = {**self._filters, "cursor": cursor, "per_page": size}
            rows, following = _step(self._transport.request("GET", self._path, query).data)
            yield from rows
            left = None if left is None else left - len(rows)
            if following is None or left == 0:
                self.has_more = following is not None
                return
            cursor = following


def _step(data: Any) -> tuple[list[Row], str | None]:
    try:
        rows, following = data["data"], data["meta"]["next_cursor"]
    except (KeyError, TypeError):
        raise Unexpected("The server's answer is none of a list.") from None
    if not isinstance(rows, list) or not all(isinstance(row, Mapping) for row in rows):
        raise Unexpected("The server's answer is none of a list.")
    return rows, following


def data_of(answer: Any) -> Row:
    """What an answer is about."""
    data = answer.get("data") if isinstance(answer, dict) else None
    if not isinstance(data, Mapping):
        raise Unexpected("The server's answer is not one of Muster's.")
    return data

"""`muster events tail`: what happens, as it happens, from the feed of events (the API's contract, section 8)."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from muster.command.common import DONE, STATUS, AsJson, Common, Session
from muster.command.output import Columns, Row
from muster.errors import ApiError, BadInput, CutShort, MusterError, Unexpected, Unreachable
from muster.transport import Query

EVENTS: Final = "/api/v1/events"
AT_ONCE: Final = 1000
WAIT_SECONDS: Final = 20
LONGEST_PAUSE: Final = 30.0
"""Seconds between two tries while the server does not answer."""
RARE_TYPE: Final = "training.webhook.disabled.v1"
"""Who asks for such events alone gets to the end of the feed within a few answers."""
COLUMNS: Final[Columns] = {"time": "time", "type": "type", "subject": "subject"}


def add_events(app: typer.Typer) -> None:
    commands = typer.Typer(no_args_is_help=True)
    commands.command("tail", epilog=STATUS)(tail)
    app.add_typer(commands, name="events", help="Events: tail")


def tail(
    context: typer.Context,
    types: Annotated[
        list[str] | None, typer.Option("--types", "-t", help="training.enrollment.*, training.session.saved.v1, …")
    ] = None,
    after: Annotated[str | None, typer.Option(metavar="CURSOR", help="Go on after this cursor")] = None,
    beginning: Annotated[bool, typer.Option("--beginning", help="Begin with the oldest event, of 30 days")] = False,
    keep: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Keep the cursor there, and go on from it the next time")
    ] = None,
    once: Annotated[bool, typer.Option("--once", help="End when there are no more, instead of waiting")] = False,
    as_json: AsJson = False,
) -> None:
    """Show events as they happen, from now on; it goes on after the connection was lost."""
    common: Common = context.obj

    def work(session: Session) -> int:
        if after and beginning:
            raise BadInput("Give --after or --beginning, not both.")
        kept = Kept(keep)
        cursor = after or (None if beginning else kept.load())
        feed = Feed(session, {"types": ",".join(types)} if types else {}, cursor)
        try:
            if cursor is None and not beginning:
                kept.save(feed.skip())
            feed.show(kept.save, once=once)
        finally:
            if feed.cursor is not None:
                session.screen.note(f"Event cursor: {feed.cursor}")
        return DONE

    common.run(work, as_json=as_json)


@dataclass(frozen=True)
class Kept:
    """A file with a cursor, or none."""

    file: Path | None

    def load(self) -> str | None:
        """Raises `BadInput` if it cannot be read."""
        try:
            return None if self.file is None else self.file.read_text(encoding="ascii").strip() or None
        except FileNotFoundError:
            return None
        except (OSError, UnicodeDecodeError) as error:
            raise BadInput(f"{self.file} cannot be read: {error}.") from error

    def save(self, cursor: str) -> None:
        """What was there before stays until the new one is whole."""
        if self.file is None:
            return
        part = self.file.with_name(f"{self.file.name}.part")
        try:
            part.write_text(f"{cursor}\n", encoding="ascii")
            os.replace(part, self.file)
        except OSError as error:
            raise BadInput(f"{self.file} cannot be written: {error.strerror}.") from error


class Feed:
    """Where somebody is in the feed: `cursor` is after the last event that was shown."""

    def __init__(self, session: Session, types: Query, cursor: str | None) -> None:
        self._session = session
        self._types = types
        self._was_answered = False
        self.cursor = cursor

    def skip(self) -> str:
        """To its end: the cursor there."""
        while True:
            page = self._page({"types": RARE_TYPE, "limit": AT_ONCE})
            self.cursor = following = str(page["next"])
            if not page["has_more"]:
                return following

    def show(self, save: Callable[[str], None], *, once: bool) -> None:
        """Until Ctrl-C; with `once`, to its end. `save` gets the cursor after what was shown."""
        wait = 0
        heading = True
        while True:
            page = self._page({**self._types, "limit": AT_ONCE, "wait": wait})
            if page["data"]:
                self._session.output.rows(page["data"], COLUMNS, heading=heading)
                heading = False
            if page["next"] != self.cursor:
                self.cursor = page["next"]
                save(page["next"])
            if once and not page["has_more"]:
                return
            wait = 0 if page["has_more"] or once else WAIT_SECONDS

    def _page(self, query: Query) -> Row:
        """The next events. An interruption is waited for, once there was an answer at all."""
        query = {**query, **({} if self.cursor is None else {"after": self.cursor})}
        pause = 1.0
        while True:
            try:
                page = self._session.transport.request("GET", EVENTS, query).data
                self._was_answered = True
                return _checked(page)
            except (Unreachable, CutShort, ApiError) as error:
                if not self._was_answered or not _passes(error):
                    raise
                self._session.screen.note(f"{error}\nThe next try is in {pause:g} s.")
            self._session.transport.wait(pause)
            pause = min(2 * pause, LONGEST_PAUSE)


def _passes(error: MusterError) -> bool:
    """Whether it may be over after a while."""
    return not isinstance(error, ApiError) or error.status >= 500 or error.status == 429


def _checked(page: Any) -> Row:
    if isinstance(page, dict) and isinstance(page.get("next"), str) and isinstance(page.get("data"), list):
        return {"has_more": False, **page}
    raise Unexpected("The server's answer is none of a feed of events.")

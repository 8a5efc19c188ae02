"""Calendars as programs that show them read them."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import icalendar

from tests.support.client import Answer, Client
from tests.support.stack import Stack
from tests.support.world import CALENDARS


@dataclass(frozen=True)
class Shown:
    """An event, as icalendar reads it. A session's UID has the organisation, the session and maybe a meeting in it."""

    uid: str
    sequence: int
    summary: str
    start: datetime
    end: datetime
    stamp: datetime
    location: str | None
    status: str
    transparency: str

    @property
    def ids(self) -> list[int]:
        return [int(each) for each in self.uid.partition("@")[0].split("-")[1:]]

    @property
    def session(self) -> int:
        return self.ids[1]


def shown_in(text: str) -> list[Shown]:
    """In their order."""
    calendar: Any = icalendar.Calendar.from_ical(text)
    found = [_shown(event) for event in calendar.events]
    assert len({event.uid for event in found}) == text.count("BEGIN:VEVENT")
    return found


def _shown(event: Any) -> Shown:
    location = event.get("LOCATION")
    return Shown(
        uid=str(event["UID"]),
        sequence=int(event["SEQUENCE"]),
        summary=str(event["SUMMARY"]),
        start=event.start,
        end=event.end,
        stamp=event.DTSTAMP,
        location=None if location is None else str(location),
        status=str(event["STATUS"]),
        transparency=str(event["TRANSP"]),
    )


async def new_calendar(client: Client, **fields: Any) -> tuple[int, str]:
    """Its id, and the path that its address leads to."""
    answer = await client.post(CALENDARS, fields)
    assert answer.status == 201, answer.text
    return int(answer.data["id"]), urlsplit(answer.data["address"]).path


async def read(stack: Stack, path: str, **headers: str) -> Answer:
    """By somebody without a token."""
    return await stack.anonymous().request("GET", path, headers=headers)


async def events(stack: Stack, path: str) -> list[Shown]:
    answer = await read(stack, path)
    assert (answer.status, answer.headers["Content-Type"]) == (200, "text/calendar; charset=utf-8"), answer.text
    return shown_in(answer.text)


async def only_event(stack: Stack, path: str) -> Shown:
    found = await events(stack, path)
    assert len(found) == 1, found
    return found[0]

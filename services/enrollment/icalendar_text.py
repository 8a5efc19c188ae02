"""Calendars as they go over the wire (RFC 5545).

Every line is made here, since escaping and folding are all there is to it: a library takes ten times as long for it,
and calendars are asked for by programs that come again every hour.
"""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Final

from services.enrollment.calendars import Calendar, Occurrence

CONTENT_TYPE: Final = "text/calendar; charset=utf-8"
_LONGEST: Final = 75
"""Octets of a line, without its end (section 3.1)."""
_ESCAPES: Final = str.maketrans(
    {
        "\\": "\\\\",
        ";": "\\;",
        ",": "\\,",
        "\n": "\\n",
        **{chr(code): None for code in range(0x20) if chr(code) not in "\t\n"},
        "\x7f": None,
    }
)
"""Section 3.3.11; other control characters may not be in a text."""
_BEGINNING: Final = (
    "BEGIN:VCALENDAR",
    "VERSION:2.0",
    "PRODID:-//Muster//Training//EN",
    "CALSCALE:GREGORIAN",
    "REFRESH-INTERVAL;VALUE=DURATION:PT1H",
    "X-PUBLISHED-TTL:PT1H",
)


def calendar_text(calendar: Calendar, occurrences: Iterable[Occurrence]) -> str:
    """The whole calendar. What it is called names no person: it may be read by whoever sees the screen."""
    name = text(calendar.of_name or "Training")
    lines = [*_BEGINNING, f"NAME:{name}", f"X-WR-CALNAME:{name}"]
    for each in occurrences:
        lines += _event(calendar.installation, each)
    lines.append("END:VCALENDAR")
    return "".join(f"{folded(line)}\r\n" for line in lines)


def _event(installation: str, occurrence: Occurrence) -> Iterator[str]:
    yield "BEGIN:VEVENT"
    yield f"UID:{text(_uid(installation, occurrence))}"
    yield f"DTSTAMP:{_moment(occurrence.saved_at)}"
    yield f"SEQUENCE:{occurrence.version}"
    yield f"SUMMARY:{text(_summary(occurrence))}"
    yield f"DTSTART:{_moment(occurrence.start_date)}"
    yield f"DTEND:{_moment(occurrence.end_date)}"
    if occurrence.location:
        yield f"LOCATION:{text(occurrence.location)}"
    yield f"STATUS:{_status(occurrence)}"
    yield f"TRANSP:{'TRANSPARENT' if _takes_no_time(occurrence) else 'OPAQUE'}"
    yield "END:VEVENT"


def _uid(installation: str, occurrence: Occurrence) -> str:
    """The same in every calendar that shows it, whenever it is asked for and wherever it was moved."""
    meeting = "" if occurrence.meeting_id is None else f"-{occurrence.meeting_id}"
    return f"session-{occurrence.organisation_id}-{occurrence.session_id}{meeting}@{installation}"


def _summary(occurrence: Occurrence) -> str:
    names = dict.fromkeys(name for name in (occurrence.title, occurrence.session_name) if name)
    return ": ".join(names) or "Training"


def _status(occurrence: Occurrence) -> str:
    if occurrence.cancelled:
        return "CANCELLED"
    return "TENTATIVE" if occurrence.tentative else "CONFIRMED"


def _takes_no_time(occurrence: Occurrence) -> bool:
    return occurrence.cancelled or occurrence.tentative or occurrence.standing


def _moment(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")


def text(value: str) -> str:
    """A value of type TEXT."""
    return value.replace("\r\n", "\n").replace("\r", "\n").translate(_ESCAPES)


def folded(line: str) -> str:
    """In parts of at most 75 octets, between which no character is divided."""
    octets = line.encode()
    if len(octets) <= _LONGEST:
        return line
    parts, start, room = [], 0, _LONGEST
    while len(octets) - start > room:
        end = start + room
        while octets[end] & 0xC0 == 0x80:  # within a character
            end -= 1
        parts.append(octets[start:end])
        start, room = end, _LONGEST - 1  # behind the blank that begins every further part
    return b"\r\n ".join([*parts, octets[start:]]).decode()

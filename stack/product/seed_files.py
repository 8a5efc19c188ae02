"""The rows of `./dev seed` in a size, as files for the import: the same ones every time, so that a second run adds what
a larger size has, and nothing else."""

import json
import random
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

FIRST_PERSON: Final = 1_000_000
MODES: Final = ("in_person", "online", "hybrid", "self_paced")
CATEGORIES: Final = ("technical", "safety", "compliance")
NAMES: Final = ("Ava", "Ben", "Chloe", "Dan", "Ella", "Finn", "Grace", "Hugo"), ("Nguyen", "Smith", "Rossi", "Khan")
SPREAD_DAYS: Final = 360
COMPANIES: Final = 40
ROOMS: Final = 40

Row = Mapping[str, Any]


def course_title(number: int) -> str:
    return f"Course {number:05}"


def courses(count: int) -> Iterator[Row]:
    for number in range(count):
        chance = _chance("course", number)
        yield {
            "external_id": f"seed-course-{number:05}",
            "title": course_title(number),
            "category": chance.choice(CATEGORIES),
            "delivery_mode": chance.choice(MODES),
            "duration_hours": 8,
            "pass_score": 60,
            "validity_months": 24,
        }


def sessions(count: int, course_ids: list[int], places: int, now: datetime) -> Iterator[Row]:
    """Of these courses in turn, within a year of the first of this month."""
    month = now.replace(day=1, hour=9, minute=0, second=0, microsecond=0)
    for number in range(count):
        start = month + timedelta(days=_chance("session", number).randint(-SPREAD_DAYS, SPREAD_DAYS))
        yield {
            "external_id": f"seed-session-{number:06}",
            "course_id": course_ids[number % len(course_ids)],
            "session_name": f"Session {number:06}",
            "start_date": start.isoformat(),
            "end_date": (start + timedelta(hours=8)).isoformat(),
            "location": f"Room {number % ROOMS}",
            "facilitator": {"id": 10, "full_name": "Sarah Williams"},
            "max_participants": places,
        }


def people(count: int) -> Iterator[Row]:
    """Every second one works for a contractor."""
    for number in range(count):
        chance, company = _chance("person", number), 1 + number % COMPANIES
        yield {
            "id": FIRST_PERSON + number,
            "employee_id": f"P-{number:06}",
            "full_name": f"{chance.choice(NAMES[0])} {chance.choice(NAMES[1])}",
            "company": {"id": company, "name": f"Contractor {company}"} if number % 2 else None,
        }


def write_files(folder: Path, name: str, rows: Iterable[Row], most_bytes: int) -> list[Path]:
    """NDJSON in one file, or in several where one would be longer than that."""
    files: list[Path] = []
    written = 0
    with ExitStack() as opened:
        for line in (json.dumps(row) + "\n" for row in rows):
            if not files or written + len(line) > most_bytes:
                opened.close()
                files.append(folder / f"{name}-{len(files) + 1}.ndjson")
                file, written = opened.enter_context(files[-1].open("w", encoding="utf-8")), 0
            written += file.write(line)
    return files


def _chance(kind: str, number: int) -> random.Random:
    """Of each row its own, so that it is the same in any size."""
    return random.Random(f"{kind} {number}")  # noqa: S311 - the same rows every time

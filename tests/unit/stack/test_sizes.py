import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from stack.product.seed_files import courses, people, sessions, write_files
from stack.product.seeding import Size, Sizes, read_progress


def test_nothing_asked_for_is_the_demonstration() -> None:
    assert Size().is_demonstration
    assert not Size(people=1).is_demonstration


@pytest.mark.parametrize("enrollments", [1, 7, 100, 20_000, 1_000_000])
def test_there_are_at_least_as_many_places_as_enrollments(enrollments: int) -> None:
    sizes = Size(enrollments=enrollments).resolved()
    assert sizes.sessions * sizes.places >= enrollments


@pytest.mark.parametrize("enrollments", [1, 7, 100, 20_000, 1_000_000])
def test_nobody_has_to_be_enrolled_twice_in_a_session(enrollments: int) -> None:
    sizes = Size(enrollments=enrollments).resolved()
    assert sizes.people * sizes.sessions >= enrollments


def test_what_is_asked_for_stays() -> None:
    size = Size(people=2000, enrollments=20_000, courses=5, sessions=900, places=40)
    assert size.resolved() == Sizes(people=2000, enrollments=20_000, courses=5, sessions=900, places=40)


@pytest.mark.parametrize(
    ("line", "progress"),
    [
        ("enrollments 1500/20000", (1500, 20_000)),
        ("1,500 of 20,000 people", (1500, 20_000)),
        ("Applying people/12: 34 %, 1,500 lines", (34, 100)),
        ("done", None),
        ("", None),
    ],
)
def test_progress_is_read_from_a_line(line: str, progress: tuple[int, int] | None) -> None:
    assert read_progress(line) == progress


def test_rows_are_the_same_in_any_size() -> None:
    now = datetime(2026, 11, 29, 13, tzinfo=UTC)
    assert list(courses(9))[:5] == list(courses(5))
    assert list(people(9))[:5] == list(people(5))
    assert list(sessions(9, [1, 2], 30, now))[:5] == list(sessions(5, [1, 2], 30, now + timedelta(hours=10)))


def test_files_are_no_longer_than_an_import_may_be(tmp_path: Path) -> None:
    files = write_files(tmp_path, "people", people(100), 5_000)
    assert len(files) > 1
    assert all(0 < file.stat().st_size <= 5_000 for file in files)
    lines = [line for file in files for line in file.read_text().splitlines()]
    assert [json.loads(line) for line in lines] == list(people(100))

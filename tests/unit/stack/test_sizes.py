import pytest

from stack.product.seeding import Size, read_progress


def numbers(options: list[str]) -> dict[str, int]:
    return {name.removeprefix("--"): int(value) for name, _, value in (option.partition("=") for option in options)}


def test_nothing_asked_for_is_the_demonstration() -> None:
    assert Size().is_demonstration
    assert not Size(people=1).is_demonstration


@pytest.mark.parametrize("enrollments", [1, 7, 100, 20_000, 1_000_000])
def test_there_are_at_least_as_many_places_as_enrollments(enrollments: int) -> None:
    catalog = numbers(Size(enrollments=enrollments).catalog_options())
    assert catalog["sessions"] * catalog["places"] >= enrollments


@pytest.mark.parametrize("enrollments", [1, 7, 100, 20_000, 1_000_000])
def test_nobody_has_to_be_enrolled_twice_in_a_session(enrollments: int) -> None:
    size = Size(enrollments=enrollments)
    people = numbers(size.enrollment_options())["people"]
    assert people * numbers(size.catalog_options())["sessions"] >= enrollments


def test_what_is_asked_for_stays() -> None:
    size = Size(people=2000, enrollments=20_000, courses=5, sessions=900, places=40)
    assert numbers(size.catalog_options()) == {"courses": 5, "sessions": 900, "places": 40}
    assert numbers(size.enrollment_options()) == {"people": 2000, "enrollments": 20_000}


@pytest.mark.parametrize(
    ("line", "progress"),
    [
        ("enrollments 1500/20000", (1500, 20_000)),
        ("1,500 of 20,000 people", (1500, 20_000)),
        ("done", None),
        ("", None),
    ],
)
def test_progress_is_read_from_a_line(line: str, progress: tuple[int, int] | None) -> None:
    assert read_progress(line) == progress

"""The sizes of data sets, what counts as the same answer, and the command line."""

from typing import Any

import pytest

from bench.__main__ import MEASUREMENTS, main
from bench.dataset import Size
from bench.mainstream import comparable
from bench.settings import Effort, quick


def test_data_set_at_scale_one() -> None:
    assert Size.of(1) == Size(courses=2_000, sessions=20_000, people=100_000, veterans=800, enrollments=1_000_000)


@pytest.mark.parametrize("scale", [0.001, 0.02, 0.37, 10])
def test_every_veteran_has_fifty_records_at_any_scale(scale: float) -> None:
    size = Size.of(scale)
    assert 2 * size.sessions == 50 * size.veterans
    assert size.enrollments == 50 * size.sessions
    assert 0 < size.veterans < size.people - 48  # so many enroll in one session beside veterans


@pytest.mark.parametrize(
    ("ours", "peer"),
    [
        ({"created_at": "2026-05-15T09:00:00.000000Z"}, {"created_at": "2026-05-15T09:00:00Z"}),
        ({"score": 70, "rows": [{"valid_until": None}]}, {"score": 70.0, "rows": [{"valid_until": None}]}),
        ({"start_date": "2026-05-15"}, {"start_date": "2026-05-15T09:00:00Z"}),
        ({"status": "enrolled"}, {"status": "enrolled", "waitlist_position": None}),
        ({"first": "http://127.0.0.1:1/x?page=1"}, {"first": "http://127.0.0.1:2/x?page=1"}),
    ],
)
def test_answers_may_differ_in_form(ours: Any, peer: Any) -> None:
    assert comparable(ours) == comparable(peer)


@pytest.mark.parametrize(
    ("ours", "peer"),
    [
        ({"created_at": "2026-05-15T09:00:01.000000Z"}, {"created_at": "2026-05-15T09:00:00Z"}),
        ({"waitlist_position": 1}, {"waitlist_position": None}),
        ({"first": "http://127.0.0.1:1/x?page=1"}, {"first": "http://127.0.0.1:2/x?page=2"}),
        ({"data": [1, 2]}, {"data": [2, 1]}),
    ],
)
def test_answers_may_not_differ_in_what_they_say(ours: Any, peer: Any) -> None:
    assert comparable(ours) != comparable(peer)


def test_quick_is_small_and_short() -> None:
    assert quick(Effort()).scale < Effort().scale
    assert quick(Effort(scale=0.001)).scale == 0.001


def test_help_names_every_measurement(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0
    said = capsys.readouterr().out
    assert all(name in said for name in MEASUREMENTS)


@pytest.mark.parametrize("arguments", [["--scale", "0"], ["--rounds", "0"], ["--only", "everything"], ["--fast"]])
def test_wrong_arguments_are_refused_before_anything_is_started(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2

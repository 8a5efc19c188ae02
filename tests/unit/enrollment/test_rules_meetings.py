"""Check-ins at the meetings of a session (contract, section 4)."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.enrollment import transitions
from services.enrollment.errors import CheckInKept, EnrollmentClosed, MeetingNotSelectable, MeetingRequired
from services.enrollment.meetings import attended, check_meeting
from services.enrollment.schemas import CheckIn
from services.enrollment.transitions import check_in_removed, checked_in, marked_absent, reopened, transferred
from shared.errors import Conflict
from shared.events.states import EnrollmentState
from tests.unit.enrollment.test_rules_transitions import HERE, NEW_THERE, THERE, enrollment

NOW = datetime(2026, 5, 15, 9, tzinfo=UTC)
MEETINGS = (1, 2, 3)


def hours(count: int) -> datetime:
    return NOW + timedelta(hours=count)


def at(meeting_id: int | None, hour: int | None = None, method: Any = "manual") -> CheckIn:
    time = None if hour is None else hours(hour)
    return CheckIn(method=method, meeting_id=meeting_id, checked_in_at=time)


def after(*check_ins: CheckIn, **changes: Any) -> EnrollmentState:
    state = enrollment(**changes)
    for each in check_ins:
        state = checked_in(state, each, NOW, MEETINGS)
    return state


def told(state: EnrollmentState) -> list[tuple[int, int, str]]:
    """Meeting, hour and method of each check-in."""
    return [
        (each.meeting_id, round((each.checked_in_at - NOW) / timedelta(hours=1)), each.check_in_method)
        for each in state.attendance
    ]


def first(state: EnrollmentState) -> tuple[datetime | None, str | None]:
    return state.checked_in_at, state.check_in_method


def test_each_meeting_has_a_check_in_and_the_first_is_the_enrollment_s() -> None:
    state = after(at(3, 5, "kiosk"), at(1, 2, "qr_code"), at(2, 4))
    assert told(state) == [(1, 2, "qr_code"), (2, 4, "manual"), (3, 5, "kiosk")]
    assert first(state) == (hours(2), "qr_code")
    assert state.version == 4


def test_a_check_in_without_a_time_is_now() -> None:
    assert told(after(at(2))) == [(2, 0, "manual")]


def test_who_was_at_one_meeting_is_checked_in_at_another_without_a_time() -> None:
    assert told(after(at(1, 2), at(2))) == [(1, 2, "manual"), (2, 0, "manual")]


def test_another_check_in_corrects_only_with_a_time_of_its_own() -> None:
    before = after(at(1, 2), at(2, 4))
    assert checked_in(before, at(1, method="kiosk"), NOW, MEETINGS) == before
    corrected = checked_in(before, at(1, 6, "kiosk"), NOW, MEETINGS)
    assert told(corrected) == [(1, 6, "kiosk"), (2, 4, "manual")]
    assert first(corrected) == (hours(4), "manual")
    assert checked_in(corrected, at(1, 6, "kiosk"), NOW, MEETINGS).version == corrected.version


@pytest.mark.parametrize(
    ("meeting_id", "meetings", "refusal"),
    [(None, MEETINGS, MeetingRequired), (4, MEETINGS, MeetingNotSelectable), (1, (), MeetingNotSelectable)],
)
def test_a_check_in_names_a_meeting_if_there_are_any(
    meeting_id: int | None, meetings: tuple[int, ...], refusal: type[Exception]
) -> None:
    with pytest.raises(refusal) as raised:
        checked_in(enrollment(), at(meeting_id), NOW, meetings)
    assert list(vars(raised.value)["details"]["errors"]) == ["meeting_id"]


def test_of_meetings_one_is_named_and_without_any_none_is() -> None:
    check_meeting(2, MEETINGS)
    check_meeting(None, ())
    assert [attended(after(at(2, 4)), each) for each in MEETINGS] == [False, True, False]


def test_what_forbids_a_check_in_is_told_before_its_meeting() -> None:
    with pytest.raises(EnrollmentClosed):
        checked_in(enrollment(status="absent"), at(None), NOW, MEETINGS)
    with pytest.raises(CheckInKept):
        check_in_removed(enrollment(status="absent"), 9, MEETINGS)


def test_one_check_in_is_removed_or_all() -> None:
    state = after(at(1, 2, "kiosk"), at(2, 4))
    one = check_in_removed(state, 1, MEETINGS)
    assert told(one) == [(2, 4, "manual")]
    assert first(one) == (hours(4), "manual")
    none = check_in_removed(one, 2, MEETINGS)
    assert (told(none), *first(none)) == ([], None, None)
    assert check_in_removed(state, meeting_ids=MEETINGS) == none.model_copy(update={"version": state.version + 1})
    assert check_in_removed(state, 3, MEETINGS) == state


def test_a_meeting_that_is_no_more_keeps_its_check_in_until_it_is_removed() -> None:
    state = after(at(1, 2), at(2, 4))
    assert told(check_in_removed(state, 1, (2,))) == [(2, 4, "manual")]
    with pytest.raises(MeetingNotSelectable):
        check_in_removed(state, 3, (1, 2))


def test_a_check_in_from_before_there_were_meetings_counts_for_the_first() -> None:
    before = checked_in(enrollment(), at(None, 1, "kiosk"), NOW)
    state = checked_in(before, at(2, 4), NOW, MEETINGS)
    assert first(state) == (hours(1), "kiosk")
    assert first(checked_in(state, at(2, 5), NOW, MEETINGS)) == (hours(1), "kiosk")
    assert first(checked_in(state, at(1, 0), NOW, MEETINGS)) == (hours(0), "manual")
    assert first(check_in_removed(state, 2, MEETINGS)) == (hours(1), "kiosk")


def test_who_attended_a_meeting_is_not_absent() -> None:
    with pytest.raises(Conflict):
        marked_absent(after(at(2, 4)), HERE)
    assert marked_absent(check_in_removed(after(at(2, 4)), 2, MEETINGS), HERE).status == "absent"


def test_reopening_keeps_attendance_and_a_transfer_leaves_it_behind() -> None:
    state = after(at(2, 4), status="completed")
    assert reopened(state, HERE, NEW_THERE).attendance == state.attendance
    moved = transferred(after(at(2, 4)), THERE, NEW_THERE)
    assert (moved.attendance, *first(moved)) == ((), None, None)


def test_control_without_the_check_of_the_meeting_any_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transitions, "check_meeting", lambda *_: None)
    assert told(after(at(9, 2))) == [(9, 2, "manual")]

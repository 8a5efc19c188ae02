"""How a completion is judged, how long it certifies, and when notices of its expiry are due: values in, values out."""

import calendar
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from services.enrollment.errors import CompletedAtNotPossible
from shared.events.states import Judgement


def judged(judge: Judgement, score: Decimal | None, completed_at: datetime) -> dict[str, Any]:
    """What a completion's result is, and how long it certifies that its person holds the course."""
    passed = None if score is None or judge.pass_score is None else score >= judge.pass_score
    certifies = passed is True or judge.pass_score is None
    return {
        "passed": passed,
        "status": "failed" if passed is False else "completed",
        "completed_at": completed_at,
        "valid_until": end_of_validity(judge, completed_at) if certifies else None,
        "judged_by": judge,
        "certifies": certifies,
    }


def end_of_validity(judge: Judgement, completed_at: datetime) -> datetime | None:
    """Until when a completion certifies: one that renews what was held is counted from the end of that."""
    if judge.validity_months is None:
        return None
    zone, beginning = ZoneInfo(judge.time_zone), completed_at
    if judge.held_until is not None and judge.renewal_window_days is not None:
        held = judge.held_until.astimezone(zone)
        if held - timedelta(days=judge.renewal_window_days) <= completed_at <= held:
            beginning = held
    return add_months(beginning.astimezone(zone), judge.validity_months).astimezone(UTC)


def check_completed_at(completed_at: datetime, session_start: datetime, now: datetime, zone: ZoneInfo) -> None:
    """Not before the day of the session's start, nor before today if that is yet to come; raises a refusal."""
    if completed_at > now:
        raise CompletedAtNotPossible("must not be in the future")
    first_day = min(session_start, now).astimezone(zone).date()
    if completed_at.astimezone(zone).date() < first_day:
        raise CompletedAtNotPossible(f"must not be before {first_day}")


def add_months(moment: datetime, months: int) -> datetime:
    """Calendar months; a day that the month does not have becomes its last (31 January + 1 → 28 February)."""
    years, month = divmod(moment.month - 1 + months, 12)
    year = moment.year + years
    last_day = calendar.monthrange(year, month + 1)[1]
    return moment.replace(year=year, month=month + 1, day=min(moment.day, last_day))


def plan_notice(
    valid_until: datetime, notice_days: Sequence[int], told_at: datetime | None, now: datetime
) -> tuple[bool, datetime | None]:
    """Whether a notice of a completion's expiry is due now, and when to check again; `None` for never.

    Notices are sent so many days before, and one at the expiry itself. Those that were missed become one.
    """
    moments = sorted(valid_until - timedelta(days=days) for days in {*notice_days, 0})
    is_due = any(moment <= now and (told_at is None or moment > told_at) for moment in moments)
    return is_due, next((moment for moment in moments if moment > now), None)


def days_left(valid_until: datetime, now: datetime) -> int:
    """Whole days until the end, rounded up; 0 once it has come."""
    return max(0, -((now - valid_until) // timedelta(days=1)))

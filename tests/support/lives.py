"""Random lives of an enrollment, and a model of what becomes of it (contract, section 4)."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from services.enrollment.validity import add_months

Step = tuple[str, Any]

NOON = datetime(2026, 5, 15, 12, tzinfo=UTC)
_HOURS = st.integers(-60, 60)
_SCORES = st.sampled_from([None, *map(Decimal, ("0", "49.99", "50", "70", "100"))])
_COURSES = st.tuples(st.sampled_from([None, Decimal(50), Decimal(70)]), st.sampled_from([None, 1, 24]))
_COMPLETIONS = st.fixed_dictionaries(
    {}, optional={"score": _SCORES, "feedback": st.sampled_from([None, "Well done"]), "completed_at": _HOURS}
)
_RESULTS = st.one_of(
    st.tuples(st.just("complete"), _COMPLETIONS),
    st.tuples(st.just("reopen"), st.none()),
)
_OTHERS = st.one_of(
    st.tuples(st.sampled_from(["absent", "cancel", "check_in", "remove_check_in", "transfer"]), st.none()),
    st.tuples(st.just("course"), _COURSES),
    st.tuples(st.just("title"), st.sampled_from(["First aid", "Fire safety"])),
    st.tuples(st.just("company"), st.sampled_from([None, 1, 2])),
    st.tuples(st.just("now"), st.integers(1, 50)),
    st.tuples(st.just("start"), _HOURS),
)


def lives(steps: int) -> st.SearchStrategy[list[Step]]:
    """What happens, one after the other: half of it to the result. Hours count from the clock as it is then."""
    step: st.SearchStrategy[Step] = st.booleans().flatmap(lambda result: _RESULTS if result else _OTHERS)
    return st.lists(step, min_size=1, max_size=steps)


class Refused(Exception):
    """The contract forbids the step."""


@dataclass
class Model:
    """What is true of course, session and person, and what the record of the enrollment says."""

    course: tuple[Decimal | None, int | None] = (Decimal(70), 12)
    title: str = "First aid"
    company: int | None = None
    now: datetime = NOON
    start: datetime = NOON - timedelta(hours=4)
    session: int = 1
    state: str = "enrolled"
    score: Decimal | None = None
    feedback: str | None = None
    completed_at: datetime | None = None
    judge: tuple[Decimal | None, int | None] | None = None
    checked_in: bool = False
    remembered: tuple[str, int | None] | None = None

    @property
    def passed(self) -> bool | None:
        mark = self.judge and self.judge[0]
        return None if mark is None or self.score is None else self.score >= mark

    @property
    def status(self) -> str:
        return "failed" if self.state == "completed" and self.passed is False else self.state

    @property
    def certifies(self) -> bool:
        return self.judge is not None and (self.judge[0] is None or self.passed is True)

    @property
    def valid_until(self) -> datetime | None:
        months = self.judge and self.judge[1]
        return add_months(self.completed_at, months) if self.completed_at and months and self.certifies else None

    def take(self, what: str, value: Any) -> None:
        """Changes the world, or the record; raises `Refused`."""
        if what in ("now", "start"):
            setattr(self, what, self.now + timedelta(hours=value))
        elif what in ("course", "title", "company"):
            setattr(self, what, value)
        else:
            getattr(self, what)(*([] if value is None else [self.given(value)]))

    def given(self, completion: dict[str, Any]) -> dict[str, Any]:
        """The fields of a completion, its hours counted from the clock."""
        hours = completion.get("completed_at")
        return completion if hours is None else completion | {"completed_at": self.now + timedelta(hours=hours)}

    def allow(self, *states: str) -> None:
        if self.state not in states:
            raise Refused

    def close(self, state: str) -> None:
        if self.state == "enrolled":
            self.remembered = self.title, self.company
        self.state = state

    def complete(self, given: dict[str, Any]) -> None:
        self.allow("enrolled", "completed")
        at = given.get("completed_at", self.completed_at)
        first_day = min(self.start, self.now).date()
        if at is not None and at != self.completed_at and (at > self.now or at.date() < first_day):
            raise Refused
        self.score, self.feedback = given.get("score", self.score), given.get("feedback", self.feedback)
        self.completed_at, self.judge = at or self.now, self.judge or self.course
        self.close("completed")

    def reopen(self) -> None:
        self.allow("enrolled", "completed", "absent")
        self.state, self.remembered = "enrolled", None
        self.score = self.feedback = self.completed_at = self.judge = None

    def absent(self) -> None:
        self.allow("enrolled", "absent")
        if self.state == "enrolled" and self.checked_in:
            raise Refused
        self.close("absent")

    def cancel(self) -> None:
        self.allow("enrolled", "cancelled")
        self.close("cancelled")

    def check_in(self) -> None:
        self.allow("enrolled", "completed")
        self.checked_in = True

    def remove_check_in(self) -> None:
        self.allow("enrolled", "completed")
        self.checked_in = False

    def transfer(self) -> None:
        self.allow("enrolled")
        self.session, self.checked_in = 3 - self.session, False

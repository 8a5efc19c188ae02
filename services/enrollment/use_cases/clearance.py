"""Who is cleared: what is asked of people, held against what they hold (contract, section 4)."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Final

from services.enrollment import clearance_answers as answers
from services.enrollment.clearance import Held, Standing, standing
from services.enrollment.errors import DayIsPast, PersonNotFound
from services.enrollment.roster import Asked, Day, day_asked, has_turned, is_cleared, longest
from services.enrollment.schemas_clearance import ClearanceQuery, ClearanceQuestion, RosterQuery
from services.enrollment.store import clearance as store
from services.enrollment.store import roster_filter, rosters
from services.enrollment.store.known_then import completions_known
from services.enrollment.store.people import merged_into
from services.enrollment.store.roster_filter import Kept
from shared.auth.sight import Sight
from shared.postgres.batched_reads import Row
from shared.postgres.pool import Connection

LOOKED_AT: Final = 2000
"""People among whom one step of a walk seeks those who are cleared, or are not: it may show fewer than asked for."""
_AT_ONCE: Final = 500
_TURN: Final = 100
"""People after whom others have their turn."""


@dataclass(frozen=True, slots=True)
class Who:
    """One person of the path."""

    organisation_id: int
    type: str
    id: int


async def clearance(connection: Connection, who: Who, query: ClearanceQuery, sight: Sight) -> str:
    """In a transaction where a day is asked about, which may be past. Raises `PersonNotFound`."""
    question = await store.question(connection, who.organisation_id, query.project_id)
    day = day_asked(query.on, question.now, question.zone)
    member = await _member(connection, who, day)
    if member is None or not sight.holds(who.id, member.person.company_id):
        raise await _not_found(connection, who, sight)
    standings = _standings(question, query.project_id, day, member)
    if day.is_past:
        then = await _known_then(connection, who, question, query.project_id, day, member)
        return answers.of_one(member.employee, query.project_id, day.date, answers.known(standings, {}), then)
    until = day.moment if day.moment > question.now else None
    known = answers.known(standings, await _sessions(connection, who, standings, until))
    return answers.of_one(member.employee, query.project_id, day.date, known)


async def _member(connection: Connection, who: Who, day: Day) -> store.Member | None:
    """With what counts on the day by what is known now."""
    if day.is_past:
        return await store.member_then(connection, who.organisation_id, who.type, who.id, day.moment)
    return await store.member(connection, who.organisation_id, who.type, who.id)


def _standings(question: store.Question, project_id: int | None, day: Day, member: store.Member) -> list[Standing]:
    requirements = [each.with_courses_of(member.labels) for each in question.needs]
    asked = Asked(requirements, project_id, day.moment, question.zone)
    return [standing(each, member.person, member.held, day.moment, question.zone) for each in asked.of(member.person)]


async def _known_then(
    connection: Connection, who: Who, question: store.Question, project_id: int | None, day: Day, member: store.Member
) -> str:
    """What was known by the end of a day that is past."""
    known = await completions_known(connection, who.organisation_id, [who.id], day.moment)
    held = longest(
        Held(each.course_id, each.id, each.is_record, each.completed_at, each.valid_until)
        for each in known
        if each.completed_at <= day.moment
    )
    labels = await store.labels_of(connection, who.organisation_id, list(held)) if question.has_labels else {}
    return answers.known(_standings(question, project_id, day, replace(member, held=held, labels=labels)), {})


async def _not_found(connection: Connection, who: Who, sight: Sight) -> PersonNotFound:
    """Who may see everybody learns whom somebody turned out to be."""
    if not sight.everybody:
        return PersonNotFound()
    return PersonNotFound(await merged_into(connection, who.organisation_id, who.id))


async def _sessions(
    connection: Connection, who: Who, standings: Iterable[Standing], until: datetime | None
) -> dict[int, list[str]]:
    """Those that would give what is missing, and end by then."""
    missing = [each.requirement.id for each in standings if each.state != "met"]
    if not missing:
        return {}
    return await store.sessions_to_come(connection, who.organisation_id, missing, until)


@dataclass(slots=True)
class _Gate:
    """What is asked of many people, of whom some are held against it at a time."""

    connection: Connection
    organisation_id: int
    project_id: int | None
    question: store.Question
    day: Day
    texts: answers.MissingTexts

    @classmethod
    async def open(
        cls, connection: Connection, organisation_id: int, project_id: int | None, on: date | None
    ) -> "_Gate":
        """Raises `DayIsPast`."""
        question = await store.question(connection, organisation_id, project_id)
        day = day_asked(on, question.now, question.zone)
        if day.is_past:
            raise DayIsPast
        return cls(connection, organisation_id, project_id, question, day, answers.MissingTexts())

    async def looked_at(self, people: Sequence[store.Holder]) -> AsyncIterator[tuple[store.Holder, Sequence[Standing]]]:
        """Each of them with what they lack, or are in grace for."""
        labels = {}
        if self.question.has_labels:
            courses = set().union(*(each.courses for each in people))
            labels = await store.labels_of(self.connection, self.organisation_id, list(courses))
        requirements = [each.with_courses_of(labels) for each in self.question.needs]
        asked = Asked(requirements, self.project_id, self.day.moment, self.question.zone)
        for place, each in enumerate(people, 1):
            yield each, asked.missing(each.person, each.courses)
            if place % _TURN == 0:
                await asyncio.sleep(0)


async def clearance_of_many(
    connection: Connection, organisation_id: int, asked: ClearanceQuestion, sight: Sight
) -> str:
    """In the order asked; who is nobody whom the caller may see is not cleared. Raises `DayIsPast`."""
    gate = await _Gate.open(connection, organisation_id, asked.project_id, asked.on)
    found = await store.holders(connection, organisation_id, asked.employee_ids, gate.day.moment)
    seen = [each for each in found.values() if sight.holds(each.person.id, each.person.company_id)]
    results = {
        each.person.id: answers.result(each.person.id, each.employee, gate.texts.members(missing))
        async for each, missing in gate.looked_at(seen)
    }
    others = [each for each in asked.employee_ids if each not in results]
    merged = await store.merged(connection, organisation_id, others) if others and sight.everybody else {}
    results |= {each: answers.nobody(each, merged.get(each)) for each in others}
    return answers.of_many(asked.project_id, gate.day.date, [results[each] for each in asked.employee_ids])


async def roster(connection: Connection, organisation_id: int, query: RosterQuery, sight: Sight) -> Row:
    """How many people there are, if that is asked for, and those of a page, or of a step with the key of its last one.

    Raises `DayIsPast`.
    """
    gate = await _Gate.open(connection, organisation_id, query.project_id, query.on)
    sought = await _sought(gate, query, sight)
    total = None
    if query.window.is_counted:
        total = await rosters.people_total(connection, organisation_id, sought)
    items, last = await (_page(gate, sought) if query.cleared is None else _filtered(gate, sought, query.cleared))
    text = "\n".join(items) if query.window.as_lines else f"[{', '.join(items)}]"
    return total, text, last


async def _sought(gate: _Gate, query: RosterQuery, sight: Sight) -> rosters.Sought:
    companies = None if query.company_id is None else [query.company_id]
    if not sight.everybody:
        companies = [each for each in sight.companies if query.company_id in (None, each)]
    changes = await _changes(gate, query) if query.window.is_since else None
    return rosters.Sought(companies, changes, query.window, query.place)


async def _changes(gate: _Gate, query: RosterQuery) -> rosters.Changes:
    since, question = query.place[2], gate.question
    requirements = [each.requirement for each in question.needs]
    labels = {label for each in question.needs for label in each.label_ids}
    courses = {course for each in requirements for course in each.courses}
    if labels:
        courses.update(await rosters.carriers(gate.connection, gate.organisation_id, labels))
    everybody = has_turned(requirements, since, question.now, question.zone) or await rosters.is_asked_anew(
        gate.connection, gate.organisation_id, since
    )
    grace_days = {each.grace_days for each in requirements if each.grace_days is not None}
    return rosters.Changes(everybody, sorted(courses), sorted(grace_days))


async def _page(gate: _Gate, sought: rosters.Sought) -> tuple[list[str], int | None]:
    people = await rosters.people_page(gate.connection, gate.organisation_id, sought, gate.day.moment)
    shown = people[: sought.place[0]]
    items = [answers.item(each.employee, gate.texts.members(missing)) async for each, missing in gate.looked_at(shown)]
    return items, shown[-1].person.id if len(people) > len(shown) else None


async def _filtered(gate: _Gate, sought: rosters.Sought, cleared: bool) -> tuple[list[str], int | None]:
    """A step of those who are cleared, or of those who are not, found by looking at one after the other."""
    per_page, after, *_ = sought.place
    kept = await _kept(gate, sought, cleared)
    last, items = after, list[str]()
    for _ in range(LOOKED_AT // _AT_ONCE):
        people, reach = await _next_people(gate, sought, kept, after, per_page + 1 - len(items))
        async for each, missing in gate.looked_at(people):
            if is_cleared(missing) is not cleared:
                continue
            if len(items) == per_page:
                return items, last
            items.append(answers.item(each.employee, gate.texts.members(missing)))
            last = each.person.id
        if reach is None:
            return items, None
        after = reach
    return items, after


async def _kept(gate: _Gate, sought: rosters.Sought, cleared: bool) -> Kept | None:
    """By what a step finds whom to look at; by nothing on a later day, or while everybody is being looked at anew."""
    moment = gate.question.now
    if gate.day.moment != moment or sought.changes is not None:
        return None
    unsure = await roster_filter.unsure(gate.connection, gate.organisation_id, moment)
    if unsure is None:
        return None
    return Kept(not cleared, [each.requirement.id for each in gate.question.needs], sought.companies, unsure)


async def _next_people(
    gate: _Gate, sought: rosters.Sought, kept: Kept | None, after: int, count: int
) -> tuple[Sequence[store.Holder], int | None]:
    """The next to look at, and how far they reach if others follow; `count` are still sought."""
    connection, organisation_id, moment = gate.connection, gate.organisation_id, gate.day.moment
    if kept is not None:
        step = await roster_filter.step(connection, organisation_id, kept, after, min(count, _AT_ONCE))
        found = await store.holders(connection, organisation_id, step.people, moment)
        return [found[each] for each in step.people if each in found and kept.is_of(found[each].person)], step.reach
    window = replace(sought.window, longest=_AT_ONCE)
    part = replace(sought, window=window, place=(_AT_ONCE, after, *sought.place[2:]))
    people = await rosters.people_page(connection, organisation_id, part, moment)
    here = people[:_AT_ONCE]
    return here, here[-1].person.id if len(people) > len(here) else None

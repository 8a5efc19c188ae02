"""What clients are answered about clearance, as JSON texts (contract, section 4): values in, texts out."""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

from services.enrollment.clearance import Requirement, Standing
from services.enrollment.errors import PersonNotFound
from services.enrollment.roster import is_cleared


def of_one(employee: str, project_id: int | None, on: date, known: str, known_then: str | None = None) -> str:
    """The clearance of one person; what is `known` now, and was then, as the function of that name makes it."""
    then = "" if known_then is None else f', "known_then": {{{known_then}}}'
    return f'{{"employee": {employee}, {_asked(project_id, on)}, {known}{then}}}'


def of_many(project_id: int | None, on: date, results: Iterable[str]) -> str:
    """What became of each id that was asked about."""
    return f'{{{_asked(project_id, on)}, "results": [{", ".join(results)}]}}'


def _asked(project_id: int | None, on: date) -> str:
    return f'"project_id": {json.dumps(project_id)}, "on": "{on}"'


def result(person_id: int, employee: str, missing: str) -> str:
    """Of one of many; `missing` as `MissingTexts` makes it."""
    return f'{{"employee_id": {person_id}, "employee": {employee}, {missing}}}'


def item(employee: str, missing: str) -> str:
    """A line of the roster."""
    return f'{{"employee": {employee}, {missing}}}'


def known(standings: Sequence[Standing], sessions: Mapping[int, Sequence[str]]) -> str:
    """Whether somebody is cleared, and by what, as members of an object; `sessions` by requirement."""
    listed = ", ".join(_of_person(each, sessions.get(each.requirement.id, ())) for each in standings)
    return f'"cleared": {json.dumps(is_cleared(standings))}, "requirements": [{listed}]'


def _of_person(standing: Standing, sessions: Sequence[str]) -> str:
    held = standing.held
    shown = {
        "requirement": _named(standing.requirement),
        "status": standing.state,
        "course_id": held and held.course_id,
        "enrollment_id": held.of if held and not held.is_record else None,
        "record_id": held.of if held and held.is_record else None,
        "valid_until": _moment(held.valid_until if held else None),
        "grace_until": _moment(standing.until if standing.state == "grace" else None),
    }
    return f'{_text(shown)[:-1]}, "sessions": [{", ".join(sessions)}]}}'


class MissingTexts:
    """What people miss, as texts, each of which is made once."""

    def __init__(self) -> None:
        self._lacking: dict[int, str] = {}

    def members(self, standings: Sequence[Standing]) -> str:
        """Whether somebody is cleared who misses this, and what, as members of an object."""
        listed = ", ".join(map(self._missing, standings))
        return f'"cleared": {json.dumps(is_cleared(standings))}, "missing": [{listed}]'

    def _missing(self, standing: Standing) -> str:
        if standing.state != "lacking":
            return _missing(standing)
        text = self._lacking.get(standing.requirement.id)
        if text is None:
            text = self._lacking[standing.requirement.id] = _missing(standing)
        return text


def _missing(standing: Standing) -> str:
    shown = {"requirement": _named(standing.requirement), "status": standing.state}
    return _text({**shown, "grace_until": _moment(standing.until)})


def nobody(person_id: int, merged_into: int | None) -> str:
    """The result of an id that is nobody's whom the caller may see."""
    error = PersonNotFound(merged_into)
    shown = {"code": error.code, "message": error.message, **error.details}
    return _text({"employee_id": person_id, "cleared": False, "error": shown})


def _named(requirement: Requirement) -> dict[str, Any]:
    return {"id": requirement.id, "name": requirement.name}


def _moment(moment: datetime | None) -> str | None:
    return None if moment is None else f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}Z"


def _text(shown: Mapping[str, Any]) -> str:
    return json.dumps(shown, ensure_ascii=False)

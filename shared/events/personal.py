"""What the states of events say of people in words, which an erasure makes blank (decision 30).

What happened stays: ids, dates, scores, states. So do the names of whoever decided, who is another person.
"""

from collections.abc import Mapping
from typing import Any, Final

BLANK: Final[Mapping[str, Mapping[str, Any]]] = {
    "employee": {"employee_id": "", "full_name": "", "company": None},
    "enrollment": {"feedback": None, "certificate_url": None},
    "record": {
        "training_name": "",
        "provider": "",
        "certificate_url": None,
        "evidence": None,
        "submitted_by": {"subject": "", "name": ""},
        "reason": None,
        "key": None,
    },
}
"""By what the routing keys of their events begin with: the members of a state, and what becomes of them."""
KINDS: Final = tuple(BLANK)
REMEMBERED: Final = "remembered"


def kind_of(qualified_type: str) -> str:
    """`employee` of `training.employee.saved.v1`."""
    return qualified_type.split(".")[1] if qualified_type.count(".") > 1 else ""


def person_of(kind: str, data: Mapping[str, Any]) -> int | None:
    """The id of the person whom a state of this kind is about; None where it has nothing of a person to blank."""
    found = data.get("id" if kind == "employee" else "employee_id") if kind in BLANK else None
    return found if isinstance(found, int) and not isinstance(found, bool) else None


def blanked(kind: str, data: Mapping[str, Any]) -> dict[str, Any]:
    """The state without what it says of a person. Members that it does not have stay missing, and nulls are null.

    What a record of no course remembers of its training's name is the text that somebody wrote.
    """
    blank = {name: value for name, value in BLANK[kind].items() if data.get(name) is not None}
    remembered = data.get(REMEMBERED)
    if kind == "record" and "training_name" in blank and isinstance(remembered, Mapping):
        blank[REMEMBERED] = {**remembered, "training_name": ""}
    return {**data, **blank}

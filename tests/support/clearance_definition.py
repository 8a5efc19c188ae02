"""Who is cleared, by the definition alone: ten lines over the log of events, without a thought for speed."""

import json
from collections.abc import Mapping
from datetime import datetime, time, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

import asyncpg

from tests.support.stack import Stack

Last = Mapping[str, Mapping[int, Mapping[str, Any]]]
"""By kind and id, the last state of each row."""
_BODIES: Final = "SELECT body FROM outbox WHERE organisation_id = $1"


async def last_states(stack: Stack, organisation: int) -> Last:
    """Of all that catalog and enrollment have ever published of the organisation."""
    last: dict[str, dict[int, Any]] = {}
    for url in (stack.catalog_database_url, stack.enrollment_database_url):
        connection = await asyncpg.connect(url)
        try:
            for row in await connection.fetch(_BODIES, organisation):
                event = json.loads(row["body"])
                _, kind, *_ = event["type"].split(".")
                rows, state = last.setdefault(kind, {}), event["data"]
                if kind != "certification" and rows.get(state["id"], state)["version"] <= state["version"]:
                    rows[state["id"]] = state
        finally:
            await connection.close()
    return last


def lacking(last: Last, person_id: int, project_id: int | None, moment: datetime, zone: ZoneInfo) -> set[int]:
    """The requirements that keep somebody from being cleared at a moment."""
    person, day = last["employee"][person_id], f"{moment.astimezone(zone):%Y-%m-%d}"
    company = (person["company"] or {}).get("id")
    about = {
        "project_ids": project_id,
        "company_ids": company,
        "person_types": person["type"],
        "employee_ids": person_id,
    }
    completions = [each for kind in ("enrollment", "record") for each in last.get(kind, {}).values()]
    valid = {each["course_id"] for each in completions if each["employee_id"] == person_id and _is_valid(each, moment)}
    asked = [each for each in last["requirement"].values() if not each["removed"]]
    asked = [each for each in asked if (each["from"] or "") <= day <= (each["until"] or "9")]
    asked = [each for each in asked if all(_names(each, name, value) for name, value in about.items())]
    return {each["id"] for each in asked if not (_courses(last, each) & valid or moment < _grace(each, person, zone))}


def _is_valid(completion: Mapping[str, Any], moment: datetime) -> bool:
    until = completion["valid_until"]
    return (
        completion["certifies"]
        and datetime.fromisoformat(completion["completed_at"]) <= moment
        and (until is None or moment < datetime.fromisoformat(until))
    )


def _names(requirement: Mapping[str, Any], name: str, value: Any) -> bool:
    listed = requirement["applies_to"].get(name)
    return listed is None or value in listed


def _courses(last: Last, requirement: Mapping[str, Any]) -> set[int]:
    choices = requirement["needs"].get("any_of") or [requirement["needs"]]
    labels = {each.get("label_id") for each in choices} - {None}
    carrying = {
        course["id"]
        for course in last["course"].values()
        if not course.get("removed") and labels & {label["id"] for label in course["labels"]}
    }
    return carrying | {each.get("course_id") for each in choices} - {None}


def _grace(requirement: Mapping[str, Any], person: Mapping[str, Any], zone: ZoneInfo) -> datetime:
    """The end of it."""
    if requirement["grace_days"] is None:
        return datetime.min.replace(tzinfo=zone)
    begin = datetime.fromisoformat(requirement["created_at"])
    if requirement["from"] is not None:
        begin = datetime.combine(datetime.fromisoformat(requirement["from"]), time(), zone)
    begin = max(begin, datetime.fromisoformat(person["created_at"]))
    return begin.astimezone(zone) + timedelta(days=requirement["grace_days"])

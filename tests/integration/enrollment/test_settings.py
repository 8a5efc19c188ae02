"""What an organisation sets for itself: the time zone of its days, years and months of validity."""

import asyncio
from typing import Any

import pytest

from services.enrollment.store import settings as store
from tests.support.client import Client, new_organisation
from tests.support.copies import execute
from tests.support.races import hold_after
from tests.support.stack import Stack
from tests.support.world import ENROLLMENTS, SETTINGS, UNNAMED, new_enrollment


async def test_an_organisation_sets_its_time_zone(stack: Stack, admin: Client) -> None:
    assert (await admin.get(SETTINGS)).data["time_zone"] == "UTC"
    answer = await admin.put(SETTINGS, {"time_zone": "Australia/Sydney"})
    assert (answer.status, answer.data) == (200, {"time_zone": "Australia/Sydney", "booking_clash": "warn", **UNNAMED})
    assert (await admin.get(SETTINGS)).data == answer.data
    assert (await stack.client(new_organisation()).get(SETTINGS)).data["time_zone"] == "UTC"


@pytest.mark.parametrize("body", [{}, {"time_zone": None}, {"time_zone": "Mars/Olympus"}, {"time_zone": ""}])
async def test_a_time_zone_that_nobody_knows_is_refused(admin: Client, body: dict[str, Any]) -> None:
    answer = await admin.put(SETTINGS, body)
    assert (answer.status, list(answer.json["errors"])) == (422, ["time_zone"])


async def test_of_two_changes_of_one_version_at_once_one_is_refused(
    admin: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = {"If-Match": (await admin.get(SETTINGS)).headers["ETag"]}
    hold_after(monkeypatch, store, "settings", parties=2)
    zones = ("Australia/Sydney", "Europe/Berlin")
    answers = await asyncio.gather(
        *(admin.request("PUT", SETTINGS, json={"time_zone": zone}, headers=read) for zone in zones)
    )
    assert sorted(answer.status for answer in answers) == [200, 412]


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("US/Pacific", "Must be the canonical name of this time zone: America/Los_Angeles."),
        ("localtime", "Must be a time zone of the IANA database, like Australia/Sydney."),
        ("Factory", "Must be a time zone of the IANA database, like Australia/Sydney."),
        ("EST5EDT", "Must be a time zone of the IANA database, like Australia/Sydney."),
    ],
)
async def test_a_name_that_is_not_canonical_is_refused(admin: Client, name: str, reason: str) -> None:
    answer = await admin.put(SETTINGS, {"time_zone": name})
    assert (answer.status, answer.json["errors"]) == (422, {"time_zone": [reason]})
    assert (await admin.get(SETTINGS)).data["time_zone"] == "UTC"


async def test_a_zone_that_the_database_does_not_know_yet_is_refused(
    admin: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "_IS_KNOWN", "SELECT known_zone($1 || '/Nowhere') = $1")
    answer = await admin.put(SETTINGS, {"time_zone": "Europe/Berlin"})
    reason = "The time zone is not known to the database server yet."
    assert (answer.status, answer.json["errors"]) == (422, {"time_zone": [reason]})


@pytest.mark.parametrize("name", ["localtime", "Factory", "Mars/Olympus"])
async def test_what_was_saved_before_stays_readable_and_can_be_replaced(
    stack: Stack, admin: Client, organisation: int, name: str
) -> None:
    await execute(
        stack,
        "enrollment",
        "INSERT INTO organisation_settings (organisation_id, time_zone) VALUES ($1, $2)",
        organisation,
        name,
    )
    await new_enrollment(admin)
    assert (await admin.get(SETTINGS)).data["time_zone"] == name
    assert (await admin.get(ENROLLMENTS, year=2026)).status == 200
    assert (await admin.get(ENROLLMENTS)).data[0]["session"]["start_date"] == "2030-05-15"
    assert (await admin.put(SETTINGS, {"time_zone": "Europe/Berlin"})).data["time_zone"] == "Europe/Berlin"

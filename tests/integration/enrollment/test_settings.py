"""What an organisation sets for itself: the time zone in which the months of validity are counted."""

import asyncio
from typing import Any

import pytest

from services.enrollment.store import settings as store
from tests.support.client import Client, new_organisation
from tests.support.races import hold_after
from tests.support.stack import Stack
from tests.support.world import SETTINGS


async def test_an_organisation_sets_its_time_zone(stack: Stack, admin: Client) -> None:
    assert (await admin.get(SETTINGS)).data == {"time_zone": "UTC"}
    answer = await admin.put(SETTINGS, {"time_zone": "Australia/Sydney"})
    assert (answer.status, answer.data) == (200, {"time_zone": "Australia/Sydney"})
    assert (await admin.get(SETTINGS)).data == {"time_zone": "Australia/Sydney"}
    assert (await stack.client(new_organisation()).get(SETTINGS)).data == {"time_zone": "UTC"}


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

"""The settings that a new organisation begins with, as accounts tells enrollment (contract, section 6)."""

from collections.abc import AsyncIterator

import pytest

from services.enrollment.store import settings as settings_store
from services.enrollment.use_cases import settings
from shared.events.states import BookingClash, OrganisationState
from shared.events.types import OrganisationCreated
from shared.observability import Trace
from shared.postgres.pool import Pool, connection_pool, transaction
from tests.support.client import Client
from tests.support.guards import without
from tests.support.stack import Stack
from tests.support.subscriber import subscriber
from tests.support.world import SETTINGS, UNNAMED

SYDNEY = "Australia/Sydney"
TRACE = Trace("request-0001", "")


@pytest.fixture
async def pool(stack: Stack) -> AsyncIterator[Pool]:
    """As the service connects."""
    url = stack.settings["enrollment"].database_url.get_secret_value()
    async with connection_pool(url, name="test", size=1) as pool:
        yield pool


async def told(
    pool: Pool, organisation: int, zone: str = SYDNEY, clash: BookingClash = "refuse", *, times: int = 1
) -> None:
    state = OrganisationState(id=organisation, version=1, name="Acme", time_zone=zone, booking_clash=clash)
    async with transaction(pool, [organisation]) as connection:
        await settings.begin(connection, [OrganisationCreated(organisation, state, TRACE)] * times)


async def test_they_are_those_that_it_was_made_with(stack: Stack, admin: Client, organisation: int, pool: Pool) -> None:
    unset = await admin.get(SETTINGS)
    async with subscriber(stack.settings["enrollment"].exchange, organisation) as events:
        await told(pool, organisation)
        state = (await events.event("settings.saved"))["data"]
    assert (state["time_zone"], state["booking_clash"], state["version"]) == (SYDNEY, "refuse", "2")
    answer = await admin.get(SETTINGS)
    assert answer.data == {"time_zone": SYDNEY, "booking_clash": "refuse", **UNNAMED}
    assert answer.headers["ETag"] != unset.headers["ETag"]
    [entry] = (await admin.get(f"{SETTINGS}/audit")).data
    assert entry["changed_by"] == {"subject": "accounts", "name": "Accounts"}
    assert (entry["version"], entry["action"], entry["request_id"]) == (2, "settings.saved", "request-0001")
    assert entry["changes"] == {
        "time_zone": {"from": "UTC", "to": SYDNEY},
        "booking_clash": {"from": "warn", "to": "refuse"},
    }


async def test_they_can_be_changed_afterwards(admin: Client, organisation: int, pool: Pool) -> None:
    await told(pool, organisation)
    await admin.put(SETTINGS, {"time_zone": "Europe/Berlin"})
    await told(pool, organisation, times=2)
    assert (await admin.get(SETTINGS)).data == {"time_zone": "Europe/Berlin", "booking_clash": "warn", **UNNAMED}
    assert [entry["version"] for entry in (await admin.get(f"{SETTINGS}/audit")).data] == [2, 3]


async def test_what_it_has_set_already_stays(admin: Client, organisation: int, pool: Pool) -> None:
    await admin.put(SETTINGS, {"time_zone": "Europe/Berlin"})
    await told(pool, organisation)
    assert (await admin.get(SETTINGS)).data["time_zone"] == "Europe/Berlin"


async def test_control_an_event_that_comes_again_would_undo_a_change(
    admin: Client, organisation: int, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    again = "DO UPDATE SET time_zone = excluded.time_zone, version = organisation_settings.version + 1"
    without(monkeypatch, settings_store, "_BEGIN", "DO NOTHING", again)
    await admin.put(SETTINGS, {"time_zone": "Europe/Berlin"})
    await told(pool, organisation)
    assert (await admin.get(SETTINGS)).data["time_zone"] == SYDNEY


async def test_an_event_that_comes_twice_at_once_is_followed_once(admin: Client, organisation: int, pool: Pool) -> None:
    await told(pool, organisation, times=2)
    assert len((await admin.get(f"{SETTINGS}/audit")).data) == 1


async def test_what_every_organisation_begins_with_is_no_change(admin: Client, organisation: int, pool: Pool) -> None:
    unset = await admin.get(SETTINGS)
    await told(pool, organisation, "UTC", "warn")
    assert (await admin.get(SETTINGS)).headers["ETag"] == unset.headers["ETag"]
    assert (await admin.get(f"{SETTINGS}/audit")).data == []


async def test_a_time_zone_that_postgresql_does_not_know_is_utc(admin: Client, organisation: int, pool: Pool) -> None:
    await told(pool, organisation, "Mars/Olympus")
    assert (await admin.get(SETTINGS)).data == {"time_zone": "UTC", "booking_clash": "refuse", **UNNAMED}

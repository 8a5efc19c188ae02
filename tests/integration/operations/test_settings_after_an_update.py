"""Settings that were saved before their event existed reach the copies by themselves."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from services.enrollment.app import MIGRATIONS
from services.enrollment.store.snapshots import SNAPSHOTS
from shared.events.types import SettingsSaved, SettingsState
from shared.postgres.migrations import migrate
from shared.postgres.pool import connected, connection_pool
from shared.projections import settings_copy
from shared.projections.keys import FIRST
from shared.projections.snapshot import SnapshotClient
from shared.service.chassis import build_app
from shared.service.projection_commands import connected_owners
from stack.config.ports import reserve_port
from tests.support.copies import copies_of, execute, rebuild, verify
from tests.support.databases import fresh_database
from tests.support.eventually import eventually
from tests.support.services import DECLARED, PROJECTIONS
from tests.support.stack import Stack, serving

OLD = "INSERT INTO organisation_settings (organisation_id, time_zone) VALUES ($1, 'Australia/Sydney')"
"""As a process of the previous version saves them: without an event."""
COPYING = ["catalog", "history"]


@pytest.fixture(autouse=True)
async def as_before(served: Stack, organisation: int) -> AsyncIterator[None]:
    yield
    await execute(served, "enrollment", "DELETE FROM organisation_settings WHERE organisation_id = $1", organisation)
    for service in COPYING:
        assert (await rebuild(served, service)).status == 0


async def copied(served: Stack, service: str, organisation: int) -> list[str]:
    rows = (await copies_of(served, service))["organisation_settings"]
    return [row for row in rows if row.startswith(f"({organisation},")]


@pytest.mark.parametrize("service", COPYING)
async def test_a_worker_copies_them_when_it_starts(served: Stack, organisation: int, service: str) -> None:
    await execute(served, "enrollment", OLD, organisation)
    assert await copied(served, service, organisation) == []
    app = build_app(DECLARED[service], served.settings[service], "worker")
    async with serving(app, reserve_port()):

        async def there() -> bool:
            return await copied(served, service, organisation) == [
                f"({organisation},{organisation},2,Australia/Sydney)"
            ]

        await eventually(there)
    assert (await verify(served, service)).status == 0


@pytest.mark.parametrize("service", COPYING)
async def test_verify_finds_what_was_not_copied_and_rebuild_copies_it(
    served: Stack, organisation: int, service: str
) -> None:
    await execute(served, "enrollment", OLD, organisation)
    found = await verify(served, service)
    assert (found.status, f"organisation_settings of organisation {organisation}" in found.output) == (1, True)
    assert (await rebuild(served, service)).status == 0
    assert (await verify(served, service)).status == 0


async def test_newer_settings_are_not_replaced_by_older_ones(served: Stack, organisation: int) -> None:
    await execute(served, "enrollment", OLD, organisation)
    newer = SettingsSaved(organisation, SettingsState(id=organisation, version=3, time_zone="Europe/Berlin"))
    async with (
        connected_owners(served.settings["catalog"], "catalog", PROJECTIONS["catalog"]) as owners,
        connection_pool(served.catalog_database_url, name="test", size=2) as pool,
    ):
        async with connected(pool) as connection:
            await settings_copy.save_settings(connection, [newer])
        await settings_copy.catch_up(pool, owners["enrollment"])
    assert await copied(served, "catalog", organisation) == [f"({organisation},{organisation},3,Europe/Berlin)"]


async def test_an_owner_that_is_not_there_yet_is_asked_until_it_answers(
    served: Stack, organisation: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.projections.snapshot.ATTEMPTS", 1)
    monkeypatch.setattr(settings_copy, "LONGEST_PAUSE", 0.1)
    await execute(served, "enrollment", OLD, organisation)
    async with (
        connected_owners(served.settings["catalog"], "catalog", PROJECTIONS["catalog"]) as owners,
        connection_pool(served.catalog_database_url, name="test", size=2) as pool,
    ):
        late = _Late(owners["enrollment"])
        await settings_copy.catch_up(pool, late)
    assert late.refusals == 2
    assert len(await copied(served, "catalog", organisation)) == 1


class _Late(SnapshotClient):
    """Enrollment of the previous version, which has no such snapshot, and then of this one."""

    def __init__(self, owner: SnapshotClient) -> None:
        super().__init__(owner._service)
        self.refusals = 0

    async def page(self, kind: str, after: tuple[int, int], limit: int = 500) -> list[SettingsSaved]:  # type: ignore[override]
        if self.refusals < 2:
            self.refusals += 1
            await super().page("what_there_is_not", after, limit)
        return [event for event in await super().page(kind, after, limit) if isinstance(event, SettingsSaved)]


async def test_settings_of_the_previous_version_are_in_the_snapshot(tmp_path: Path) -> None:
    for migration in sorted(MIGRATIONS.glob("000*_*.sql")):
        (tmp_path / migration.name).write_text(migration.read_text())
    async with fresh_database("enrollment") as url:
        await migrate(url, tmp_path)
        async with connection_pool(url, name="test", size=2) as pool, connected(pool) as connection:
            await connection.execute(OLD, 7)
        await migrate(url, MIGRATIONS)
        async with connection_pool(url, name="test", size=2) as pool, connected(pool) as connection:
            told = await SNAPSHOTS["settings"].page(connection, FIRST, 10)
            await connection.execute(OLD, 8)  # a process of the previous version, beside this one
    assert told == [SettingsSaved(7, SettingsState(id=7, version=2, time_zone="Australia/Sydney"))]

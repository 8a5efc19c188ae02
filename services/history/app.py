"""History's process: what it is made of."""

from collections.abc import AsyncIterator
from pathlib import Path

from aiohttp import web

from services.history.api import ROUTES
from services.history.handlers import SUBSCRIPTIONS
from services.history.projection import PROJECTION
from services.history.settings import HistorySettings
from shared.auth.signing import InternalSigner
from shared.concurrency.tasks import background
from shared.http.service_client import connect_to_service
from shared.projections.settings_copy import catch_up
from shared.projections.snapshot import SnapshotClient
from shared.service.chassis import POOL, Service

MIGRATIONS = Path(__file__).parent / "migrations"


async def copied_settings(settings: HistorySettings, app: web.Application) -> AsyncIterator[None]:
    """Copies the settings of organisations that were saved before history followed them, if enrollment can be asked."""
    if not settings.enrollment_url:
        yield
        return
    signer = InternalSigner("history", settings.internal_keys_file)
    async with (
        connect_to_service(settings.enrollment_url, name="enrollment", asking="history", signer=signer) as client,
        background(catch_up(app[POOL], SnapshotClient(client)), name="settings"),
    ):
        yield


SERVICE = Service(
    name="history",
    settings=HistorySettings,
    migrations=MIGRATIONS,
    routes=ROUTES,
    subscriptions=SUBSCRIPTIONS,
    projection=PROJECTION,
    worker_contexts=[copied_settings],
)

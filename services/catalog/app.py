"""The catalog's process: what it is made of."""

from collections.abc import AsyncIterator
from pathlib import Path

from aiohttp import web

from services.catalog.api import ENROLLMENT, ROUTES
from services.catalog.api_imports import KINDS
from services.catalog.demonstration import SEED
from services.catalog.enrollment_client import EnrollmentClient
from services.catalog.handlers import SUBSCRIPTIONS
from services.catalog.projection import PROJECTION
from services.catalog.settings import CatalogSettings
from shared.auth.signing import InternalSigner
from shared.http.service_client import connect_to_service
from shared.imports.context import import_worker
from shared.service.chassis import Service

MIGRATIONS = Path(__file__).parent / "migrations"


async def enrollment_client(settings: CatalogSettings, app: web.Application) -> AsyncIterator[None]:
    """Enrollment, which owns the seats of the catalog's sessions."""
    signer = InternalSigner("catalog", settings.internal_keys_file)
    async with connect_to_service(
        settings.enrollment_url, name="enrollment", asking="catalog", signer=signer
    ) as client:
        app[ENROLLMENT] = EnrollmentClient(client)
        yield


SERVICE = Service(
    name="catalog",
    settings=CatalogSettings,
    migrations=MIGRATIONS,
    routes=ROUTES,
    subscriptions=SUBSCRIPTIONS,
    outbox=True,
    projection=PROJECTION,
    event_cursors=True,
    api_contexts=[enrollment_client],
    worker_contexts=[import_worker(KINDS)],
    commands=[SEED],
)

"""Puts the enrollment service's process together."""

from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

from aiohttp import web

from services.enrollment.api import CATALOG, ENROLLMENT_BATCHER, ROUTES
from services.enrollment.catalog_client import CatalogClient
from services.enrollment.handlers import SUBSCRIPTIONS
from services.enrollment.settings import EnrollmentSettings
from services.enrollment.use_cases.certifications import send_expiry_notices
from services.enrollment.use_cases.enroll import EnrollmentBatcher, enroll_together
from shared.auth.signing import internal_signer
from shared.concurrency.tasks import background
from shared.http.routing import add_routes
from shared.http.service_client import connected_peer
from shared.service.chassis import POOL, Role, consumer, create_service, reading, relay

MIGRATIONS = Path(__file__).parent / "migrations"


def build_app(settings: EnrollmentSettings, role: Role = "all") -> web.Application:
    app = create_service("enrollment", settings)
    if role != "worker":
        add_routes(app, ROUTES)
        app.cleanup_ctx.append(reading("enrollment", settings))
        app.cleanup_ctx.append(partial(_batcher, settings))
    if role != "api":
        app.cleanup_ctx.append(relay("enrollment", settings))
        app.cleanup_ctx.append(consumer("enrollment", settings, SUBSCRIPTIONS))
        app.cleanup_ctx.append(partial(_ends_of_completions, settings))
    return app


async def _ends_of_completions(settings: EnrollmentSettings, app: web.Application) -> AsyncIterator[None]:
    async with background(send_expiry_notices(app[POOL], settings.expiry_notice_days), name="ends of completions"):
        yield


async def _batcher(settings: EnrollmentSettings, app: web.Application) -> AsyncIterator[None]:
    signer = internal_signer("enrollment", settings.internal_keys_file, settings.internal_token_secret)
    async with connected_peer(settings.catalog_url, name="catalog", asking="enrollment", signer=signer) as catalog:
        app[CATALOG] = CatalogClient(catalog)
        app[ENROLLMENT_BATCHER] = EnrollmentBatcher(
            partial(enroll_together, app[POOL]),
            size=settings.seat_batch_size,
            concurrency=settings.seat_batches_at_once,
        )
        yield
        await app[ENROLLMENT_BATCHER].drain()

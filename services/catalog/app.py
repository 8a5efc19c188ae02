"""Puts the catalog's process together."""

from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

from aiohttp import web

from services.catalog.api import ENROLLMENT, ROUTES
from services.catalog.enrollment_client import EnrollmentClient
from services.catalog.handlers import SUBSCRIPTIONS
from services.catalog.settings import CatalogSettings
from shared.auth.signing import internal_signer
from shared.http.routing import add_routes
from shared.http.service_client import connected_peer
from shared.service.chassis import Role, consumer, create_service, reading, relay

MIGRATIONS = Path(__file__).parent / "migrations"


def build_app(settings: CatalogSettings, role: Role = "all") -> web.Application:
    app = create_service("catalog", settings)
    if role != "worker":
        add_routes(app, ROUTES)
        app.cleanup_ctx.append(reading("catalog", settings))
        app.cleanup_ctx.append(partial(_enrollment, settings))
    if role != "api":
        app.cleanup_ctx.append(relay("catalog", settings))
        app.cleanup_ctx.append(consumer("catalog", settings, SUBSCRIPTIONS))
    return app


async def _enrollment(settings: CatalogSettings, app: web.Application) -> AsyncIterator[None]:
    signer = internal_signer("catalog", settings.internal_keys_file, settings.internal_token_secret)
    async with connected_peer(settings.enrollment_url, name="enrollment", asking="catalog", signer=signer) as peer:
        app[ENROLLMENT] = EnrollmentClient(peer)
        yield

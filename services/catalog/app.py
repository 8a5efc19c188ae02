"""Puts the catalog's process together."""

from pathlib import Path

from aiohttp import web

from services.catalog.api import ROUTES
from services.catalog.handlers import SUBSCRIPTIONS
from services.catalog.settings import CatalogSettings
from shared.http.routing import add_routes
from shared.service import Role, consumer, create_service, relay

MIGRATIONS = Path(__file__).parent / "migrations"


def build_app(settings: CatalogSettings, role: Role = "all") -> web.Application:
    app = create_service("catalog", settings)
    if role != "worker":
        add_routes(app, ROUTES)
    if role != "api":
        app.cleanup_ctx.append(relay("catalog", settings))
        app.cleanup_ctx.append(consumer("catalog", settings, SUBSCRIPTIONS))
    return app

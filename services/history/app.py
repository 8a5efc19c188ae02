"""Puts the history's process together."""

from pathlib import Path

from aiohttp import web

from services.history.api import ROUTES
from services.history.handlers import SUBSCRIPTIONS
from services.history.settings import HistorySettings
from shared.http.routing import add_routes
from shared.service.chassis import Role, consumer, create_service, reading

MIGRATIONS = Path(__file__).parent / "migrations"


def build_app(settings: HistorySettings, role: Role = "all") -> web.Application:
    app = create_service("history", settings)
    if role != "worker":
        add_routes(app, ROUTES)
        app.cleanup_ctx.append(reading("history", settings))
    if role != "api":
        app.cleanup_ctx.append(consumer("history", settings, SUBSCRIPTIONS))
    return app

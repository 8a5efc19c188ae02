"""History's process: what it is made of."""

from pathlib import Path

from services.history.api import ROUTES
from services.history.handlers import SUBSCRIPTIONS
from services.history.owners import owners
from services.history.projection import PROJECTION
from services.history.settings import HistorySettings
from shared.service.chassis import Service

MIGRATIONS = Path(__file__).parent / "migrations"


SERVICE = Service(
    name="history",
    settings=HistorySettings,
    migrations=MIGRATIONS,
    routes=ROUTES,
    subscriptions=SUBSCRIPTIONS,
    projection=PROJECTION,
    event_cursors=True,
    api_contexts=[owners],
)

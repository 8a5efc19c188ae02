"""The process of delivery: what it is made of."""

from pathlib import Path

from services.delivery.api import ROUTES
from services.delivery.feed import FEED
from services.delivery.sending.context import sending
from services.delivery.settings import DeliverySettings
from shared.service.chassis import Service

MIGRATIONS = Path(__file__).parent / "migrations"


SERVICE = Service(
    name="delivery",
    settings=DeliverySettings,
    migrations=MIGRATIONS,
    routes=ROUTES,
    takes=FEED,
    worker_contexts=[sending],
)

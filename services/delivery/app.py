"""The process of delivery: what it is made of."""

from pathlib import Path

from services.delivery.api import ROUTES
from services.delivery.commands import COMMANDS
from services.delivery.feed import Feed
from services.delivery.keeping import keep_feed, prepare_feed
from services.delivery.sending.context import sending
from services.delivery.settings import DeliverySettings
from services.delivery.watch import feed_watch
from services.delivery.webhook_context import webhook_context
from shared.service.chassis import Service

MIGRATIONS = Path(__file__).parent / "migrations"


SERVICE = Service(
    name="delivery",
    settings=DeliverySettings,
    migrations=MIGRATIONS,
    routes=ROUTES,
    takes=Feed,
    outbox=True,
    after_migrations=prepare_feed,
    api_contexts=[feed_watch, webhook_context],
    worker_contexts=[keep_feed, sending],
    commands=COMMANDS,
)

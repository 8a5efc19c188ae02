"""The process of accounts: what it is made of."""

from pathlib import Path

from services.accounts.api import ROUTES
from services.accounts.commands import COMMANDS
from services.accounts.context import accounts_context
from services.accounts.housekeeping import pruning
from services.accounts.settings import AccountsSettings
from shared.service.chassis import Service

MIGRATIONS = Path(__file__).parent / "migrations"


SERVICE = Service(
    name="accounts",
    settings=AccountsSettings,
    migrations=MIGRATIONS,
    routes=ROUTES,
    subscriptions={},
    outbox=True,
    api_contexts=[accounts_context],
    worker_contexts=[pruning],
    commands=COMMANDS,
)

"""How private signing keys are encrypted in the database."""

from typing import Final

from services.accounts.settings import AccountsSettings
from shared.auth.secrets_at_rest import SealedKind, Sealer

SIGNING_KEYS: Final = SealedKind("ACCOUNTS_SECRET", "muster accounts: signing keys", "the private half of key")


def sealer_of(settings: AccountsSettings) -> Sealer:
    """The one that this installation's secret makes."""
    return Sealer(SIGNING_KEYS, settings.accounts_secret, settings.accounts_secret_previous)

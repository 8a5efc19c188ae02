"""How the private keys of credentials are encrypted in the database."""

from typing import Final

from services.enrollment.settings import EnrollmentSettings
from shared.auth.secrets_at_rest import SealedKind, Sealer

CREDENTIAL_KEYS: Final = SealedKind(
    "ENROLLMENT_SECRET", "muster enrollment: keys of credentials", "the private half of key"
)


def sealer_of(settings: EnrollmentSettings) -> Sealer:
    """The one that this installation's secret makes."""
    return Sealer(CREDENTIAL_KEYS, settings.enrollment_secret, settings.enrollment_secret_previous)


def about_key(organisation_id: int, key_id: str) -> str:
    """What a sealed key is about."""
    return f"{organisation_id}/{key_id}"

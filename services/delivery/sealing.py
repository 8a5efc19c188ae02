"""How the secrets of webhooks are encrypted in the database."""

from typing import Final

from services.delivery.settings import DeliverySettings
from shared.auth.secrets_at_rest import SealedKind, Sealer

WEBHOOK_SECRETS: Final = SealedKind("DELIVERY_SECRET", "muster delivery: secrets of webhooks", "the secret of webhook")


def sealer_of(settings: DeliverySettings) -> Sealer:
    """The one that this installation's secret makes."""
    return Sealer(WEBHOOK_SECRETS, settings.delivery_secret, settings.delivery_secret_previous)


def secret_of(organisation_id: int, webhook_id: int) -> str:
    """What a webhook's `secret` and `previous_secret` are about: `whsec_` and the bytes in base64."""
    return f"{organisation_id}/{webhook_id}"


def signing_key_of(organisation_id: int, webhook_id: int) -> str:
    """What its `signing_key` is about: `whsk_` and the 32 bytes of the private half and 32 of the public in base64."""
    return f"{organisation_id}/{webhook_id} v1a"

"""What the routes of webhooks need beside the database."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final

from aiohttp import web

from services.delivery.sealing import sealer_of
from services.delivery.sending.addresses import AddressRefused, destination, is_literal, is_local_name, is_public
from services.delivery.settings import DeliverySettings
from shared.auth.secrets_at_rest import Sealer
from shared.errors import ValidationFailed


@dataclass(frozen=True, slots=True)
class WebhookContext:
    """What encrypts secrets, and the hosts that may be private."""

    sealer: Sealer
    private_hosts: frozenset[str]

    def check_url(self, url: str) -> None:
        """Raises `ValidationFailed` for one that nothing would be sent to, whatever its name leads to.

        Names are looked up when a message is sent: what they lead to now says nothing of then.
        """
        try:
            to = destination(url, self.private_hosts)
        except AddressRefused as error:
            raise ValidationFailed({"url": [f"Nothing can be sent there: {error}."]}) from None
        if "#" in url:
            raise ValidationFailed({"url": ["Must not contain a fragment, which is never sent."]})
        if not to.may_be_private and not _may_be_public(to.host):
            raise ValidationFailed({"url": ["Nothing can be sent there: the address is not public."]})


def _may_be_public(host: str) -> bool:
    return is_public(host) if is_literal(host) else not is_local_name(host)


WEBHOOKS: Final = web.AppKey("webhooks", WebhookContext)


async def webhook_context(settings: DeliverySettings, app: web.Application) -> AsyncIterator[None]:
    app[WEBHOOKS] = WebhookContext(sealer_of(settings), settings.webhook_private_hosts)
    yield

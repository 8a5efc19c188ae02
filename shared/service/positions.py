"""Asks delivery and the owners of copied rows how far events are (decision 27)."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from shared.auth.trust import POSITION
from shared.errors import Unavailable
from shared.http.service_client import ServiceClient
from shared.messaging.outbox import Outbox

OUTBOX_PATH = "/internal/outbox"
POSITION_PATH = "/internal/position"


@dataclass(frozen=True, slots=True)
class Positions:
    delivery: ServiceClient
    owners: Mapping[str, ServiceClient]

    async def feed_position(self) -> int:
        position: int = json.loads(await _asked(self.delivery, POSITION_PATH))["position"]
        return position

    async def outboxes(self) -> Mapping[str, Outbox]:
        return {name: Outbox(**json.loads(await _asked(owner, OUTBOX_PATH))) for name, owner in self.owners.items()}


async def _asked(service: ServiceClient, path: str) -> str:
    """Raises `Unavailable`, for a service of the version before too."""
    answer = await service.request("GET", path, 0, POSITION)
    if answer.status != 200:
        raise Unavailable(f"{path} was answered with {answer.status}")
    return answer.text

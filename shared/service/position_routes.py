"""What a service tells others of its events: whether all queues have them (decision 27)."""

import json
from typing import Any

from shared.auth.trust import POSITION
from shared.http.models import Body, Query
from shared.http.representation import Representation
from shared.http.responses import Answer
from shared.http.routing import Call, Route
from shared.messaging import outbox
from shared.postgres.pool import transaction
from shared.postgres.row_security import EVERY_ORGANISATION
from shared.service.chassis import POOL
from shared.service.positions import OUTBOX_PATH


class OutboxEnds(Representation):
    last: int
    oldest: int | None


async def outbox_ends(call: Call[Query, Body]) -> Answer:
    async with transaction(call.app[POOL], EVERY_ORGANISATION) as connection:
        ends = await outbox.ends(connection)
    return Answer(json.dumps(ends._asdict()))


def outbox_route(owner: str) -> Route[Any, Any]:
    """The last event of the owner's outbox, and the oldest that a queue may lack."""
    return Route(
        "GET",
        OUTBOX_PATH,
        outbox_ends,
        {200: OutboxEnds},
        permissions=[POSITION],
        summary=f"Read how far the outbox of {owner} is published",
    )

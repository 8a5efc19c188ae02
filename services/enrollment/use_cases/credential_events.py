"""That a credential was issued or revoked is published, once (contract, section 6).

Who issues one publishes it in the same transaction. Triggers revoke credentials, whatever changes the record
(decision 33), so a worker looks for what was revoked, and for what processes of the release before have issued.
"""

import asyncio
from collections.abc import Iterator
from functools import partial

from services.enrollment.store import credential_events as store
from services.enrollment.store.credential_events import ISSUED, REVOKED, ToTell
from services.enrollment.use_cases import SOURCE
from shared.concurrency.backoff import Backoff
from shared.events.types import CredentialIssued, CredentialRevoked
from shared.messaging import outbox
from shared.messaging.retrying import retry_forever
from shared.observability import Trace, own_trace
from shared.postgres.pool import Pool, transaction
from shared.postgres.row_security import EVERY_ORGANISATION

BATCH = 200
LOOK_INTERVAL = 1.0
"""Seconds between two looks for credentials of which something is to be published."""


async def publish_credentials(pool: Pool) -> None:
    """Runs until cancelled. Any number of workers may run it, and end at any moment."""
    await retry_forever(partial(_publish, pool), "publishing events of credentials", longest_pause=30.0)


async def _publish(pool: Pool, backoff: Backoff) -> None:
    while True:
        while await publish_batch(pool):
            pass
        backoff.reset()
        await asyncio.sleep(LOOK_INTERVAL)


async def publish_batch(pool: Pool) -> bool:
    """Whether there was anything to publish."""
    async with transaction(pool, EVERY_ORGANISATION) as connection:
        found = await store.lock_to_tell(connection, BATCH)
        if not found:
            return False
        await store.mark_told(connection, found)
        trace = own_trace()
        events = [event for each in found for event in _events(each, trace)]
        await outbox.add(connection, SOURCE, events)
        return True


def _events(found: ToTell, trace: Trace) -> Iterator[CredentialIssued | CredentialRevoked]:
    """Of the versions that are not published yet."""
    state = found.state
    if found.told < ISSUED:
        issued = state.model_copy(update={"version": ISSUED, "revoked_at": None})
        yield CredentialIssued(found.organisation_id, issued, trace)
    if state.version == REVOKED:
        yield CredentialRevoked(found.organisation_id, state, trace)

"""Stores what came of requests. No endpoint holds up another: what cannot be stored of one leaves the others' alone."""

import logging
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Final

from services.delivery.sending import schedule
from services.delivery.sending.turns import Endpoint
from services.delivery.store import sending
from services.delivery.store.sending import Attempt, Failing
from shared.errors import Unavailable
from shared.postgres.audit import AuditEntry
from shared.postgres.errors import LockNotFree, StatementTooSlow
from shared.postgres.pool import Connection, savepoint

log = logging.getLogger(__name__)

LOCK_WAIT: Final = 10
"""Milliseconds for a row that somebody else is changing, who may take seconds: all endpoints would wait."""

IN_THE_WAY: Final = (LockNotFree, StatementTooSlow)
"""What keeps the outcomes of one endpoint from being stored now, and those of others not."""

Disable = Callable[[Connection, Failing, schedule.DisabledReason], Awaitable[AuditEntry | None]]
"""Disables an endpoint, and tells its organisation; None where it was disabled already."""


@dataclass
class Settled:
    """`later`: those that somebody else is in the way of; `disabled`: what the trails say of endpoints that are now."""

    later: list[Attempt] = field(default_factory=list)
    disabled: list[AuditEntry] = field(default_factory=list)


async def settle(connection: Connection, ended: Sequence[Attempt], disable: Disable) -> Settled:
    """Stores them within the transaction: all together, or where that fails each endpoint's alone.

    What a defect keeps from being stored is logged, and its messages are sent again once their claims are over. Raises
    `DatabaseUnavailable`.
    """
    settled = Settled()
    if not ended:
        return settled
    try:
        await _store(connection, ended, disable, settled)
    except IN_THE_WAY:
        await _store_one_by_one(connection, ended, disable, settled)
    except Unavailable:
        raise
    except Exception as error:
        log.warning("what came of messages is stored for one webhook after the other: %r", error)
        await _store_one_by_one(connection, ended, disable, settled)
    return settled


async def _store_one_by_one(
    connection: Connection, ended: Iterable[Attempt], disable: Disable, settled: Settled
) -> None:
    for endpoint, attempts in _by_endpoint(ended):
        try:
            await _store(connection, attempts, disable, settled)
        except IN_THE_WAY:
            settled.later += attempts
        except Unavailable:
            raise
        except Exception:
            log.exception("what came of messages of a webhook cannot be stored", extra=endpoint._asdict())


def _by_endpoint(ended: Iterable[Attempt]) -> Iterable[tuple[Endpoint, list[Attempt]]]:
    def endpoint(attempt: Attempt) -> Endpoint:
        return Endpoint(attempt.organisation_id, attempt.webhook_id)

    return [(place, list(attempts)) for place, attempts in groupby(sorted(ended, key=endpoint), endpoint)]


async def _store(connection: Connection, attempts: Sequence[Attempt], disable: Disable, settled: Settled) -> None:
    async with savepoint(connection, lock_wait=LOCK_WAIT):
        found = await sending.settle(connection, attempts)
    for failing in found:
        if reason := schedule.reason_to_disable(failing.failing_since, failing.now, gone=failing.gone):
            entry = await _disabled(connection, failing, reason, disable)
            settled.disabled += [] if entry is None else [entry]


async def _disabled(
    connection: Connection, failing: Failing, reason: schedule.DisabledReason, disable: Disable
) -> AuditEntry | None:
    """One that somebody else is changing, or that cannot be disabled, is left until it fails again."""
    try:
        async with savepoint(connection, lock_wait=LOCK_WAIT):
            return await disable(connection, failing, reason)
    except IN_THE_WAY:
        return None
    except Unavailable:
        raise
    except Exception:
        which = (failing.webhook_id, failing.organisation_id)
        log.exception("webhook %s of organisation %s cannot be disabled", *which)
        return None

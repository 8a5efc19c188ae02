"""`python -m tests.support.late_events`: an enrollment service that has lost its outbox, for a control.

Its events are written after the answer, in a transaction of their own: the process may be gone by then.
"""

import asyncio
from collections.abc import Sequence

from services.enrollment.app import SERVICE
from shared.events.states import State
from shared.events.types import Event
from shared.messaging import outbox
from shared.postgres.audit import AuditEntry
from shared.postgres.pool import Connection
from shared.service.chassis import run_service

LATE = 3600.0
"""Seconds; longer than any test lives."""


def add_late() -> None:
    """From now on no event joins its transaction."""
    waiting = set()

    async def add(
        connection: Connection, source: str, events: Sequence[Event[State]], trail: Sequence[AuditEntry] = ()
    ) -> None:
        waiting.add(asyncio.create_task(asyncio.sleep(LATE)))

    outbox.add = add


if __name__ == "__main__":
    add_late()
    run_service(SERVICE)

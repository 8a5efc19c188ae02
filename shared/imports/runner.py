"""Carries out the imports of a service, two at once in each process; any number of processes beside each other."""

import asyncio
import contextlib
import logging
from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from typing import Any, Final

from prometheus_client import Gauge

from shared.concurrency.backoff import Backoff
from shared.concurrency.fairness import current_organisation
from shared.errors import Unavailable
from shared.imports import work_store
from shared.imports.job import Job, JobLost
from shared.imports.kind import ImportKind
from shared.imports.upload import UPLOAD_SECONDS
from shared.imports.work import Ending, Work
from shared.messaging.retrying import retry_forever
from shared.metrics.housekeeping import finished
from shared.metrics.imports import ImportMetrics
from shared.observability import NO_TRACE, current_trace, new_uuid
from shared.postgres.pool import Pool, transaction
from shared.postgres.row_security import EVERY_ORGANISATION
from shared.tracing.spans import hop

log = logging.getLogger(__name__)

AT_ONCE: Final = 2
POLL_INTERVAL: Final = 1.0
"""Seconds between two looks for an import that another process has received."""
KEEP_INTERVAL: Final = 60.0
"""Seconds between two looks for what is kept no longer."""
ABANDONED_AFTER: Final = timedelta(seconds=UPLOAD_SECONDS + 300)
_ABANDONED: Final = "The file did not arrive whole. Nothing of it was applied."
_DEFECT: Final = "An internal error occurred. What is done by then stays done. Report it with the import's id."


class Runner:
    """`wake` is set when there may be something to do; `most_removed` is the share of the rows that mode `complete` may
    end."""

    def __init__(
        self,
        pool: Pool,
        kinds: Sequence[ImportKind[Any]],
        most_removed: float,
        wake: asyncio.Event,
        metrics: ImportMetrics | None = None,
    ) -> None:
        self._pool = pool
        self._kinds = {kind.name: kind for kind in kinds}
        self._most_removed = most_removed
        self._wake = wake
        self._metrics = metrics or ImportMetrics()

    async def run(self) -> None:
        """Works on one import after the other until it is cancelled, through any outage of the database."""
        await retry_forever(self._work, "imports")

    async def measure(self) -> None:
        """How many imports are not done, when the metrics are read."""
        async with transaction(self._pool, EVERY_ORGANISATION) as connection:
            self._metrics.show(self._kinds, await work_store.to_do(connection))

    async def keep(self, task: Gauge) -> None:
        """Deletes what is kept no longer, until it is cancelled."""
        await retry_forever(partial(self._keep, task), "keeping of imports", longest_pause=KEEP_INTERVAL)

    async def _work(self, backoff: Backoff) -> None:
        while True:
            job = await self._claim()
            backoff.reset()
            if job is None:
                await self._woken()
            else:
                await self._carry_out(job)

    async def _woken(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(POLL_INTERVAL):
                await self._wake.wait()
        self._wake.clear()

    async def _claim(self) -> Job | None:
        current_organisation.set(None)
        current_trace.set(NO_TRACE)
        try:
            async with transaction(self._pool, EVERY_ORGANISATION) as connection:
                return await work_store.claim(connection, self._kinds, new_uuid())
        except work_store.BUSY:
            return None

    async def _carry_out(self, job: Job) -> None:
        current_organisation.set(job.organisation_id)
        current_trace.set(job.actor.trace)
        work = Work(self._pool, self._kinds[job.kind], job, self._most_removed, self._metrics)
        log.info("import %s of %s is taken up after %s lines", job.id, job.kind, job.lines, extra=_extra(job))
        try:
            with hop(f"import {job.kind}"):
                ending = await self._ending(work, job)
            finished = await work.finish(ending)
        except JobLost:
            log.info("import %s of %s was cancelled, or is another's", job.id, job.kind, extra=_extra(job))
        except BaseException:
            await asyncio.shield(self._release(job))
            raise
        else:
            extra = {**_extra(job), "figures": finished._asdict()}
            log.info("import %s of %s has %s", job.id, job.kind, ending.status, extra=extra)

    async def _ending(self, work: Work, job: Job) -> Ending:
        """A defect ends the import: tried again it would come to the same line."""
        try:
            return await work.carry_out()
        except JobLost:
            raise
        except Exception:
            log.exception("import %s of %s failed", job.id, job.kind, extra=_extra(job))
            return Ending("failed", _DEFECT)

    async def _release(self, job: Job) -> None:
        with contextlib.suppress(Unavailable):
            async with transaction(self._pool, [job.organisation_id]) as connection:
                await work_store.release(connection, job)

    async def _keep(self, task: Gauge, backoff: Backoff) -> None:
        while True:
            async with transaction(self._pool, EVERY_ORGANISATION) as connection:
                await work_store.abandon(connection, ABANDONED_AFTER, _ABANDONED)
            more = True
            while more:
                async with transaction(self._pool, EVERY_ORGANISATION) as connection:
                    more = await work_store.prune(connection)
            finished(task)
            backoff.reset()
            await asyncio.sleep(KEEP_INTERVAL)


def _extra(job: Job) -> dict[str, object]:
    return {"import_id": job.id, "kind": job.kind, "organisation_id": job.organisation_id}

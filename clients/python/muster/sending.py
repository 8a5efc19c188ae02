"""Imports, until they have ended."""

from collections.abc import AsyncIterator, Iterator
from typing import Final

from muster.asking import Asked, request_of, row_of
from muster.async_resource import AsyncResource
from muster.imports import FIRST_PAUSE, GROWTH, LONGEST_PAUSE, PATH
from muster.models.imports import ImportItem
from muster.resource import Resource

_ENDED: Final = frozenset({"completed", "failed", "cancelled"})


def _look(job: ImportItem) -> tuple[str, Asked]:
    return f"{PATH}/{{kind}}/{{id}}", {"ids": {"kind": job.kind, "id": job.id}}


class Following(Resource):
    """Methods of `client.imports` beside those of the API's document."""

    def follow(self, job: ImportItem) -> Iterator[ImportItem]:
        """It again and again, until it has ended."""
        pause = FIRST_PAUSE
        yield job
        while job.status not in _ENDED:
            self._transport.wait(pause)
            pause = min(pause * GROWTH, LONGEST_PAUSE)
            path, asked = _look(job)
            job = row_of(ImportItem, self._transport.ask(request_of("GET", path, asked)), asked)
            yield job

    def wait(self, job: ImportItem) -> ImportItem:
        """As it has ended."""
        for each in self.follow(job):
            job = each
        return job


class AsyncFollowing(AsyncResource):
    """As `Following`."""

    async def follow(self, job: ImportItem) -> AsyncIterator[ImportItem]:
        """It again and again, until it has ended."""
        pause = FIRST_PAUSE
        yield job
        while job.status not in _ENDED:
            await self._transport.wait(pause)
            pause = min(pause * GROWTH, LONGEST_PAUSE)
            path, asked = _look(job)
            job = row_of(ImportItem, await self._transport.ask(request_of("GET", path, asked)), asked)
            yield job

    async def wait(self, job: ImportItem) -> ImportItem:
        """As it has ended."""
        async for each in self.follow(job):
            job = each
        return job

"""The work on imports beside the other work of a service's process."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from typing import Any, Protocol

from aiohttp import web

from shared.concurrency.tasks import background
from shared.imports.api import WAKE
from shared.imports.kind import ImportKind
from shared.imports.runner import AT_ONCE, Runner
from shared.service.chassis import POOL, Context


class ImportSettings(Protocol):
    """What a service's settings say about imports."""

    @property
    def import_most_removed(self) -> float: ...


def import_worker(kinds: Sequence[ImportKind[Any]]) -> Context[Any]:
    """A part of a service's worker, which carries out imports of these kinds."""

    async def imports(settings: ImportSettings, app: web.Application) -> AsyncIterator[None]:
        app[WAKE] = asyncio.Event()
        runner = Runner(app[POOL], kinds, settings.import_most_removed, app[WAKE])
        async with AsyncExitStack() as exits:
            for number in range(AT_ONCE):
                await exits.enter_async_context(background(runner.run(), name=f"imports {number}"))
            await exits.enter_async_context(background(runner.keep(), name="keeping of imports"))
            yield

    return imports

"""The work on imports beside the other work of a service's process."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack
from typing import Any, TypeVar

from aiohttp import web

from shared.concurrency.tasks import background
from shared.imports.api import WAKE
from shared.imports.kind import ImportKind
from shared.imports.runner import AT_ONCE, Runner
from shared.metrics.imports import ImportMetrics
from shared.metrics.registry import METRICS
from shared.service.chassis import HOUSEKEEPING, POOL, Context
from shared.settings import ServiceSettings

S = TypeVar("S", bound=ServiceSettings)


def _none(_: ServiceSettings) -> float:
    return 0.0


def import_worker(kinds: Sequence[ImportKind[Any]], most_removed: Callable[[S], float] = _none) -> Context[S]:
    """A part of a service's worker, which carries out imports of these kinds.

    `most_removed` is the share of the rows that mode `complete` may end, where a kind has it.
    """

    async def imports(settings: S, app: web.Application) -> AsyncIterator[None]:
        app[WAKE] = asyncio.Event()
        metrics = ImportMetrics(app[METRICS].registry)
        runner = Runner(app[POOL], kinds, most_removed(settings), app[WAKE], metrics)
        app[METRICS].sample("imports", runner.measure)
        async with AsyncExitStack() as exits:
            for number in range(AT_ONCE):
                await exits.enter_async_context(background(runner.run(), name=f"imports {number}"))
            keeping = runner.keep(app[HOUSEKEEPING].task("imports"))
            await exits.enter_async_context(background(keeping, name="keeping of imports"))
            yield

    return imports

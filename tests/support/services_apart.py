"""Services that cannot reach each other."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import services.catalog.app
from services.catalog.settings import CatalogSettings
from shared.service.chassis import build_app
from stack.config.ports import reserve_port
from tests.support.stack import Stack, serving


@asynccontextmanager
async def catalog_without_enrollment(stack: Stack) -> AsyncIterator[str]:
    """The address of a second catalog on the same rows: where it looks for enrollment, nobody is."""
    nowhere = f"http://127.0.0.1:{reserve_port()}"
    settings = stack.settings["catalog"].model_copy(update={"enrollment_url": nowhere})
    assert isinstance(settings, CatalogSettings)
    async with serving(build_app(services.catalog.app.SERVICE, settings, "api")) as url:
        yield url

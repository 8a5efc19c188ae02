"""An engine for each service's database, and a session for each request."""

import os
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import Depends
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine

POOL_SIZE = 10
"""As the services'."""


def _sessions(service: str) -> async_sessionmaker[AsyncSession]:
    url = os.environ[f"{service.upper()}_DATABASE_URL"].replace("postgresql://", "postgresql+asyncpg://")
    engine = create_async_engine(
        url, pool_size=POOL_SIZE, max_overflow=0, connect_args={"server_settings": {"timezone": "UTC", "jit": "off"}}
    )
    return async_sessionmaker(engine, expire_on_commit=False)


_CATALOG, _ENROLLMENT, _HISTORY = _sessions("catalog"), _sessions("enrollment"), _sessions("history")


async def catalog_session() -> AsyncIterator[AsyncSession]:
    async with _CATALOG() as session:
        yield session


async def enrollment_session() -> AsyncIterator[AsyncSession]:
    async with _ENROLLMENT() as session:
        yield session


async def history_session() -> AsyncIterator[AsyncSession]:
    async with _HISTORY() as session:
        yield session


CatalogSession = Annotated[AsyncSession, Depends(catalog_session)]
EnrollmentSession = Annotated[AsyncSession, Depends(enrollment_session)]
HistorySession = Annotated[AsyncSession, Depends(history_session)]

"""Asks the catalog for a session that its events have not brought yet."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import aiohttp
from pydantic import BaseModel

from shared.errors import Unavailable
from shared.events import CourseSaved, CourseState, SessionSaved, SessionState
from shared.identity import API_ACCESS, INTERNAL, Caller, mint_internal_token

TIMEOUT = aiohttp.ClientTimeout(total=2, connect=0.5)
MAX_CONNECTIONS = 20


class _Answer(BaseModel):
    session: SessionState
    courses: list[CourseState]


@dataclass(frozen=True, slots=True)
class FoundSession:
    """A session with its course and that course's prerequisites, as their events would have told of them."""

    session: SessionSaved
    courses: list[CourseSaved]


class CatalogClient:
    def __init__(self, http: aiohttp.ClientSession, url: str, secret: str) -> None:
        self._http = http
        self._url = url
        self._secret = secret

    async def session(self, organisation_id: int, session_id: int) -> FoundSession | None:
        """The session, if the organisation has it; raises `Unavailable` when the catalog cannot be asked."""
        caller = Caller(organisation_id, "enrollment", "enrollment", "service", frozenset({API_ACCESS, INTERNAL}))
        headers = {"Authorization": f"Bearer {mint_internal_token(caller, self._secret)}"}
        try:
            async with self._http.get(f"{self._url}/internal/sessions/{session_id}", headers=headers) as response:
                if response.status == 404:
                    return None
                response.raise_for_status()
                answer = _Answer.model_validate_json(await response.read())
        except (aiohttp.ClientError, TimeoutError) as error:
            raise Unavailable("The session is not known here yet, and the catalog cannot be asked.") from error
        return FoundSession(
            SessionSaved(organisation_id, answer.session),
            [CourseSaved(organisation_id, course) for course in answer.courses],
        )


@asynccontextmanager
async def catalog_client(url: str, secret: str) -> AsyncIterator[CatalogClient]:
    connector = aiohttp.TCPConnector(limit=MAX_CONNECTIONS)
    async with aiohttp.ClientSession(connector=connector, timeout=TIMEOUT, trust_env=False) as http:
        yield CatalogClient(http, url, secret)

"""Asks enrollment, which owns the seats, before a session gets fewer of them or is deleted."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

from services.catalog.errors import CapacityBelowEnrolled, ChangedMeanwhile, HasEnrollments
from shared.errors import Unavailable
from shared.identity import API_ACCESS, INTERNAL, Caller, mint_internal_token

TIMEOUT = aiohttp.ClientTimeout(total=2, connect=0.5)
MAX_CONNECTIONS = 20


class EnrollmentClient:
    def __init__(self, http: aiohttp.ClientSession, url: str, secret: str) -> None:
        self._http = http
        self._url = url
        self._secret = secret

    async def agree_capacity(self, organisation_id: int, session_id: int, version: int, capacity: int) -> None:
        """Enrollment gives out no more than `capacity` seats from now on, if it has not done so already.

        `version` is that of the session with this capacity. Raises `CapacityBelowEnrolled`, `ChangedMeanwhile` if
        the session was deleted, or `Unavailable`.
        """
        path, body = f"/internal/sessions/{session_id}/capacity", {"max_participants": capacity, "version": version}
        status, answer = await self._ask(organisation_id, path, body)
        if status == 422:
            raise CapacityBelowEnrolled(answer["enrolled"])

    async def close_sessions(self, organisation_id: int, versions: Mapping[int, int]) -> None:
        """Nobody can enroll any more in the sessions, which are given with their versions.

        Raises `HasEnrollments` if somebody has, `ChangedMeanwhile` if one was deleted, or `Unavailable`.
        """
        body = {"sessions": [{"id": session_id, "version": version} for session_id, version in versions.items()]}
        status, _ = await self._ask(organisation_id, "/internal/sessions/close", body)
        if status == 409:
            raise HasEnrollments

    async def _ask(self, organisation_id: int, path: str, body: dict[str, Any]) -> tuple[int, Any]:
        caller = Caller(organisation_id, "catalog", "catalog", "service", frozenset({API_ACCESS, INTERNAL}))
        headers = {"Authorization": f"Bearer {mint_internal_token(caller, self._secret)}"}
        try:
            async with self._http.post(self._url + path, json=body, headers=headers) as response:
                if response.status == 404:
                    raise ChangedMeanwhile
                if response.status not in (200, 409, 422):
                    response.raise_for_status()
                    raise Unavailable
                return response.status, await response.json()
        except (aiohttp.ClientError, TimeoutError) as error:
            raise Unavailable("The seats cannot be asked for right now. Try again soon.") from error


@asynccontextmanager
async def enrollment_client(url: str, secret: str) -> AsyncIterator[EnrollmentClient]:
    connector = aiohttp.TCPConnector(limit=MAX_CONNECTIONS)
    async with aiohttp.ClientSession(connector=connector, timeout=TIMEOUT, trust_env=False) as http:
        yield EnrollmentClient(http, url, secret)

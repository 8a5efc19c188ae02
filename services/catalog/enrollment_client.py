"""Asks enrollment, which owns the seats, before a session gets fewer of them or is deleted."""

import json
from collections.abc import Mapping
from typing import Any

from services.catalog.errors import CapacityBelowEnrolled, ChangedMeanwhile, HasEnrollments
from shared.auth.trust import SEATS
from shared.errors import Unavailable
from shared.http.service_client import ServiceClient, ServiceResponse

MAX_SENT_AS_OBJECTS = 500
"""More sessions than these are sent as columns."""


class EnrollmentClient:
    def __init__(self, enrollment: ServiceClient) -> None:
        self._enrollment = enrollment

    async def agree_capacity(self, organisation_id: int, session_id: int, version: int, capacity: int) -> None:
        """From now on enrollment assigns no more than `capacity` seats, unless it has done so already.

        `version` is that of the session with this capacity. Raises `CapacityBelowEnrolled`, `ChangedMeanwhile` if
        the session was deleted, or `Unavailable`.
        """
        path, body = f"/internal/sessions/{session_id}/capacity", {"max_participants": capacity, "version": version}
        answer = await self._ask(organisation_id, path, body)
        if answer.status == 422:
            raise CapacityBelowEnrolled(json.loads(answer.text)["enrolled"])

    async def close_sessions(self, organisation_id: int, versions: Mapping[int, int]) -> None:
        """Nobody can enroll any more in the sessions, which are given with their versions.

        Raises `HasEnrollments` if somebody has, `ChangedMeanwhile` if one was deleted, or `Unavailable`.
        """
        answer = await self._ask(organisation_id, "/internal/sessions/close", _closing(versions))
        if answer.status == 409:
            raise HasEnrollments

    async def _ask(self, organisation_id: int, path: str, body: dict[str, Any]) -> ServiceResponse:
        answer = await self._enrollment.request("POST", path, organisation_id, SEATS, body)
        if answer.status == 404:
            raise ChangedMeanwhile
        if answer.status not in (200, 409, 422):
            raise Unavailable
        return answer


def _closing(versions: Mapping[int, int]) -> dict[str, Any]:
    """Objects are what an enrollment of an earlier version reads as well; hardly any course has more."""
    if len(versions) <= MAX_SENT_AS_OBJECTS:
        return {"sessions": [{"id": session_id, "version": version} for session_id, version in versions.items()]}
    return {"ids": list(versions), "versions": list(versions.values())}

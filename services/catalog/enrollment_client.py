"""Asks enrollment, which owns the seats, before a session gets fewer of them, is closed or is deleted.

Enrollment is notified of every other change before the client gets its response (decision 4).
"""

import json
import logging
from collections.abc import Mapping, Sequence
from typing import Any

from services.catalog.errors import CapacityBelowEnrolled, ChangedMeanwhile, HasEnrollments
from shared.auth.trust import SEATS
from shared.errors import ApiError, Unavailable
from shared.events.states import CourseState, SessionState, State
from shared.http.service_client import ServiceClient, ServiceResponse

log = logging.getLogger(__name__)

NOTIFY_WITHIN = 0.25
"""Seconds that a response waits at most for enrollment to follow a change, whose event arrives in any case."""


class EnrollmentClient:
    def __init__(self, enrollment: ServiceClient) -> None:
        self._enrollment = enrollment

    async def agree_change(
        self, organisation_id: int, session_id: int, version: int, capacity: int, status: str | None = None
    ) -> None:
        """From now on enrollment assigns no more than `capacity` seats, and none where `status` closes the session.

        `version` is that of the session with this capacity and status. Raises `CapacityBelowEnrolled` if more seats
        are taken, `ChangedMeanwhile` if the session was deleted, or `Unavailable`.
        """
        path = f"/internal/sessions/{session_id}/capacity"
        wanted: dict[str, Any] = {"max_participants": capacity, "version": version}
        answer = await self._ask(organisation_id, path, wanted if status is None else {**wanted, "status": status})
        if answer.status == 422:
            refusal = json.loads(answer.text)
            if "enrolled" in refusal:
                raise CapacityBelowEnrolled(refusal["enrolled"])
            raise Unavailable

    async def close_sessions(self, organisation_id: int, versions: Mapping[int, int]) -> None:
        """Nobody can enroll any more in the sessions, which are given with their versions.

        Raises `HasEnrollments` if somebody has, `ChangedMeanwhile` if one was deleted, or `Unavailable`.
        """
        body = {"ids": list(versions), "versions": list(versions.values())}
        answer = await self._ask(organisation_id, "/internal/sessions/close", body)
        if answer.status == 409:
            raise HasEnrollments

    async def notify(
        self, organisation_id: int, *, courses: Sequence[CourseState] = (), sessions: Sequence[SessionState] = ()
    ) -> Mapping[int, int]:
        """Enrollment obeys these changes, which are committed, from now on, unless it does not respond in time.

        How many wait for those of the sessions that have begun and have a free seat, as far as it says so.
        """
        body = {"courses": _json(courses), "sessions": _json(sessions)}
        try:
            answer = await self._enrollment.request(
                "POST", "/internal/changes", organisation_id, SEATS, body, within=NOTIFY_WITHIN
            )
            if answer.status == 200:
                return _waiting(answer.text)
            reason = f"status {answer.status}"
        except ApiError as error:
            reason = error.code
        log.warning("enrollment could not be notified of a change (%s): it will follow the event", reason)
        return {}

    async def _ask(self, organisation_id: int, path: str, body: dict[str, Any]) -> ServiceResponse:
        answer = await self._enrollment.request("POST", path, organisation_id, SEATS, body)
        if answer.status == 404:
            raise ChangedMeanwhile
        if answer.status not in (200, 409, 422):
            raise Unavailable
        return answer


def _waiting(text: str) -> Mapping[int, int]:
    """By session; an enrollment of the version before has no data."""
    data = json.loads(text).get("data") or {}
    return {each["session_id"]: each["waiting"] for each in data.get("waiting", ())}


def _json(states: Sequence[State]) -> list[dict[str, Any]]:
    return [state.model_dump(mode="json") for state in states]

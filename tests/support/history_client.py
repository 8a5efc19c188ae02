"""A person who attends sessions, and the history that comes of it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.support.client import Answer, Client
from tests.support.eventually import eventually
from tests.support.world import EMPLOYEES, enroll, new_course, new_session


def history_of(path: str, person: int) -> str:
    return f"{path}/{person}/training"


@dataclass
class Attendee:
    """One person and what they attend."""

    client: Client
    id: int
    path: str = EMPLOYEES

    async def attends(self, course: dict[str, Any] | None = None, **session: Any) -> int:
        """The id of a new enrollment, in a session of a course that are new too."""
        course_id = await new_course(self.client, **(course or {}))
        session_id = await new_session(self.client, course_id, **session)
        [enrollment_id] = await enroll(self.client, session_id, self.id)
        return enrollment_id

    async def ask(self, **query: Any) -> Answer:
        return await self.client.get(history_of(self.path, self.id), **query)

    async def found(self, **query: Any) -> list[int]:
        answer = await self.ask(**query)
        assert answer.status == 200, answer.text
        return [record["id"] for record in answer.data]

    async def records(self, count: int, wanted: Callable[[dict[str, Any]], bool] = lambda _: True) -> None:
        """Returns once so many records have come, and all are as wanted."""

        async def come() -> bool:
            answer = await self.ask()
            assert answer.status == 200
            return answer.json["meta"]["total"] == count and all(map(wanted, answer.data))

        await eventually(come)

    async def record(self, enrollment_id: int, **expected: Any) -> dict[str, Any]:
        """The record, once it says what is expected."""

        async def come() -> dict[str, Any]:
            answer = await self.ask()
            assert answer.status == 200
            [record] = [record for record in answer.data if record["id"] == enrollment_id]
            assert {name: record[name] for name in expected} == expected
            return dict(record)

        async def attempt() -> dict[str, Any]:
            try:
                return await come()
            except ValueError as error:
                raise AssertionError("the record has not come") from error

        return await eventually(attempt)

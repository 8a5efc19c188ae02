"""Histories and audit trails, as walks go through them."""

import itertools
from collections.abc import Awaitable, Callable
from typing import Any

from tests.support.client import Client
from tests.support.eventually import eventually
from tests.support.history_client import history_of
from tests.support.walked_lists import Scene, Walked, deleted
from tests.support.world import (
    BEGUN,
    EMPLOYEES,
    ENROLLMENTS,
    SESSIONS,
    TRAININGS,
    enroll,
    new_course,
    new_employee,
    new_session,
)


def history(path: str, add_person: Callable[[Client], Awaitable[int]], listed: str | None = None) -> Scene:
    """Of one person, in their own history unless `listed` is where else their records are."""

    async def scene(client: Client) -> Walked:
        course, person = await new_course(client), await add_person(client)
        records = listed or history_of(path, person)

        async def add() -> int:
            [enrollment] = await enroll(client, await new_session(client, course, **BEGUN), person)
            await known(enrollment, "confirmed")
            return enrollment

        async def leave(row: int) -> None:
            assert (await client.patch(f"{ENROLLMENTS}/{row}/cancel")).status == 200
            await known(row, "cancelled")

        async def move(row: int) -> None:
            """To the day of its completion."""
            assert (await client.patch(f"{ENROLLMENTS}/{row}/complete", {"score": None})).status == 200
            await known(row, "completed")

        async def known(row: int, status: str) -> None:
            await eventually(lambda: _has(client, records, row, status))

        return Walked(client, records, add, move=move)

    return scene


async def trainings(client: Client) -> Walked:
    """Sessions of one course, once they are known, and until they are known to be gone."""
    course, days = await new_course(client), itertools.count(1)

    async def listed() -> dict[int, str]:
        items = (await client.get(TRAININGS, per_page=100)).data
        return {int(item["id"][1:]): item["date"] for item in items}

    async def add() -> int:
        session = await new_session(client, course)
        await until(lambda there: session in there)
        return session

    async def leave(row: int) -> None:
        await deleted(client, SESSIONS)(row)
        await until(lambda there: row not in there)

    async def move(row: int) -> None:
        day = f"2029-01-{next(days):02}"
        body = {"start_date": f"{day}T09:00:00Z", "end_date": f"{day}T17:00:00Z"}
        assert (await client.patch(f"{SESSIONS}/{row}", body)).status == 200
        await until(lambda there: there.get(row, "").startswith(day))

    async def until(holds: Callable[[dict[int, str]], bool]) -> None:
        async def found() -> bool:
            return holds(await listed())

        await eventually(found)

    return Walked(client, TRAININGS, add, leave, move, key=lambda item: int(item["id"][1:]))


async def _has(client: Client, path: str, row: int, status: str) -> bool:
    answer = await client.get(path, per_page=100)
    return answer.status == 200 and (row, status) in [(item["id"], item["status"]) for item in answer.data]


Put = Callable[[Client, str, str], Awaitable[Any]]


def patched(name: str) -> Put:
    return lambda client, path, text: client.patch(path, {name: text})


def put_person(client: Client, path: str, text: str) -> Awaitable[Any]:
    return client.put(path, {"employee_id": text, "full_name": "John Doe"})


def put_settings(client: Client, path: str, text: str) -> Awaitable[Any]:
    return client.put(path, {"time_zone": "UTC" if int(text, 16) % 2 else "Australia/Sydney"})


def completed(client: Client, path: str, text: str) -> Awaitable[Any]:
    return client.patch(f"{path}/complete", {"score": None, "feedback": text})


async def reassigned(client: Client, path: str, text: str) -> Any:
    """Its person is merged into another."""
    person, other = (await client.get(path)).data["employee"]["id"], await new_employee(client, employee_id=text)
    merged = f"{EMPLOYEES}/{person}/merge"
    return await client.request("POST", merged, json={"into": other}, headers={"If-Match": "*"})


def trail(path: str, scene: Scene | None, change: Put) -> Scene:
    """Of one row of a list, which each change makes longer."""

    async def of_one_row(client: Client) -> Walked:
        one = path if scene is None else f"{path}/{await (await scene(client)).add()}"
        texts = itertools.count(0x10000)

        async def add() -> int:
            answer = await change(client, one, f"{next(texts):x}")
            assert answer.status in (200, 201), answer.text
            return int((await client.get(f"{one}/audit", per_page=100)).data[-1]["version"])

        return Walked(client, f"{one}/audit", add, key=lambda entry: int(entry["version"]))

    return of_one_row

"""What a walk goes through: rows of every list, which come, move and go while it is under way."""

import itertools
import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from services.accounts.schemas_clients import ClientFields
from services.accounts.schemas_organisations import OrganisationFields
from services.accounts.schemas_users import UserFields
from services.delivery.schemas_webhooks import WebhookFields
from shared.http.pagination import PagedQuery
from tests.support.client import Client
from tests.support.eventually import eventually
from tests.support.external_records import decided, known_course, submitted
from tests.support.history_client import history_of
from tests.support.importing import FILES, ended_import
from tests.support.requirements import new_requirement
from tests.support.routes import PUBLIC, example_body, renewed
from tests.support.world import (
    BEGUN,
    CALENDARS,
    CLIENTS,
    COURSES,
    EMPLOYEES,
    ENROLLMENTS,
    IMPORTS,
    ORGANISATIONS,
    RECORDS,
    REQUIREMENTS,
    SESSIONS,
    SETTINGS,
    STAFF,
    SUBMISSIONS,
    TRAININGS,
    USERS,
    WEBHOOK_MESSAGES,
    WEBHOOKS,
    enroll,
    new_course,
    new_employee,
    new_session,
    new_staff,
)

PATHS = [declared.route.path for declared in PUBLIC if issubclass(declared.route.query, PagedQuery)]
"""Of all lists."""

Change = Callable[[int], Awaitable[Any]]


@dataclass
class Walked:
    """One list. `add` makes a row that is in it, and says its key; `leave` takes one out of it, by deleting or by
    changing it; `move` changes one so that a page has it elsewhere."""

    client: Client
    path: str
    add: Callable[[], Awaitable[int]]
    leave: Change | None = None
    move: Change | None = None
    filters: Mapping[str, Any] = field(default_factory=dict)
    key: Callable[[dict[str, Any]], int] = lambda item: int(item["id"])

    async def ask(self, **query: Any) -> tuple[list[int], dict[str, Any]]:
        """The keys and the meta of a page or a step."""
        answer = await self.client.get(self.path, **self.filters, **query)
        assert answer.status == 200, answer.text
        return [self.key(item) for item in answer.data], answer.json["meta"]


async def courses(client: Client) -> Walked:
    return Walked(client, COURSES, lambda: new_course(client), leave=deleted(client, COURSES))


async def sessions(client: Client) -> Walked:
    course, days = await new_course(client), itertools.count(1)

    async def move(row: int) -> None:
        start = f"2029-01-{next(days):02}"
        body = {"start_date": f"{start}T09:00:00Z", "end_date": f"{start}T17:00:00Z"}
        assert (await client.patch(f"{SESSIONS}/{row}", body)).status == 200

    def add() -> Awaitable[int]:
        return new_session(client, course)

    return Walked(client, SESSIONS, add, leave=deleted(client, SESSIONS), move=move, filters={"status": "scheduled"})


async def labels(client: Client) -> Walked:
    return await _named(client, "/api/v1/training/labels", lambda label: new_course(client, labels=[label]), COURSES)


async def projects(client: Client) -> Walked:
    course = await new_course(client)
    path = "/api/v1/training/projects"
    return await _named(client, path, lambda project: new_session(client, course, projects=[project]), SESSIONS)


async def companies(client: Client) -> Walked:
    return await _named(client, "/api/v1/companies", lambda company: new_employee(client, company=company), EMPLOYEES)


async def _named(client: Client, path: str, carry: Callable[[dict[str, Any]], Awaitable[int]], carriers: str) -> Walked:
    carried: dict[int, int] = {}

    async def add() -> int:
        named = secrets.randbelow(2**40) + 1
        carried[named] = await carry({"id": named, "name": "Name"})
        return named

    async def leave(named: int) -> None:
        await deleted(client, carriers)(carried[named])

    return Walked(client, path, add, leave)


async def enrollments(client: Client) -> Walked:
    session = await new_session(client, await new_course(client), **BEGUN, max_participants=100)

    async def add() -> int:
        [enrollment] = await enroll(client, session, await new_employee(client))
        return enrollment

    async def leave(row: int) -> None:
        assert (await client.patch(f"{ENROLLMENTS}/{row}/complete", {"score": None})).status == 200

    return Walked(client, ENROLLMENTS, add, leave, filters={"status": "enrolled"})


async def employees(client: Client) -> Walked:
    return Walked(client, EMPLOYEES, lambda: new_employee(client), leave=deleted(client, EMPLOYEES))


async def staff(client: Client) -> Walked:
    return Walked(client, STAFF, lambda: new_staff(client), leave=deleted(client, STAFF))


async def submissions(client: Client) -> Walked:
    async def add() -> int:
        return await submitted(client, await new_employee(client))

    async def leave(row: int) -> None:
        await decided(client, row, "reject")

    return Walked(client, SUBMISSIONS, add, leave, filters={"status": "pending"})


async def requirements(client: Client) -> Walked:
    course = await known_course(client)

    async def add() -> int:
        return await new_requirement(client, needs={"course_id": course})

    return Walked(client, REQUIREMENTS, add, leave=deleted(client, REQUIREMENTS))


async def compliance(client: Client) -> Walked:
    course = await new_course(client)
    people = await employees(client)
    return Walked(
        client,
        "/api/v1/training/compliance",
        people.add,
        people.leave,
        filters={"course_id": course, "status": "missing"},
        key=lambda item: int(item["employee"]["id"]),
    )


async def users(client: Client) -> Walked:
    return await _accounts(client, USERS, example_body(UserFields))


async def clients(client: Client) -> Walked:
    walked = await _accounts(client, CLIENTS, example_body(ClientFields))
    walked.filters = {"status": "active"}
    return walked


async def webhooks(client: Client) -> Walked:
    walked = await _accounts(
        client, WEBHOOKS, {**example_body(WebhookFields), "types": ["training.session.removed.v1"]}
    )
    walked.filters = {"status": "enabled"}
    return walked


async def calendars(client: Client) -> Walked:
    async def add() -> int:
        answer = await client.post(CALENDARS, {"kind": "facilitator", "id": secrets.randbelow(2**40) + 1})
        assert answer.status == 201, answer.text
        return int(answer.data["id"])

    return Walked(client, CALENDARS, add, leave=deleted(client, CALENDARS), filters={"status": "active"})


async def messages(client: Client) -> Walked:
    webhook = await (await webhooks(client)).add()

    async def add() -> int:
        return int((await client.post(f"{WEBHOOKS}/{webhook}/test", None)).data["id"])

    return Walked(client, f"{WEBHOOKS}/{webhook}/messages", add)


async def attempts(client: Client) -> Walked:
    """Between two attempts the webhook is disabled, so that none comes by itself."""
    webhook = await (await webhooks(client)).add()
    message = (await client.post(f"{WEBHOOKS}/{webhook}/test", None)).data["id"]
    path = f"{WEBHOOKS}/{webhook}/attempts"

    async def add() -> int:
        before: int = (await client.get(path)).json["meta"]["total"]
        await client.patch(f"{WEBHOOKS}/{webhook}", {"status": "enabled"})
        await client.post(f"{WEBHOOK_MESSAGES}/{message}/resend", None)

        async def made() -> bool:
            total: int = (await client.get(path)).json["meta"]["total"]
            return total > before

        await eventually(made)
        await client.patch(f"{WEBHOOKS}/{webhook}", {"status": "disabled"})
        return int((await client.get(path)).data[0]["id"])

    return Walked(client, path, add, filters={"message_id": message})


def imports(kind: str) -> "Scene":
    async def scene(client: Client) -> Walked:
        return Walked(client, f"{IMPORTS}/{kind}", lambda: ended_import(client, FILES[kind], kind=kind))

    return scene


def refusals(kind: str) -> "Scene":
    """All of one import are there from the beginning: `add` gives the next of them."""

    async def scene(client: Client) -> Walked:
        header, line = FILES[kind].split("\r\n")[:2]
        file = "\r\n".join([header, *[f"x{line}"] * 20])  # whose ids are no numbers
        path, lines = f"{IMPORTS}/{kind}/{await ended_import(client, file, kind=kind)}/refusals", itertools.count(2)

        async def add() -> int:
            return next(lines)

        return Walked(client, path, add, key=lambda item: int(item["line"]))

    return scene


async def organisations(client: Client) -> Walked:
    """Among those of all other tests."""
    name = secrets.token_hex(8)
    walked = await _accounts(client, ORGANISATIONS, {**example_body(OrganisationFields), "name": name})

    async def leave(row: int) -> None:
        assert (await client.patch(f"{ORGANISATIONS}/{row}", {"suspended": True})).status == 200

    walked.leave, walked.filters = leave, {"search": name, "status": "active"}
    return walked


async def _accounts(client: Client, path: str, body: dict[str, Any]) -> Walked:
    async def add() -> int:
        answer = await client.post(path, renewed(body))
        assert answer.status == 201, answer.text
        return int(answer.data["id"])

    return Walked(client, path, add, leave=deleted(client, path))


def deleted(client: Client, path: str) -> Change:
    async def delete(row: int) -> None:
        answer = await client.delete(f"{path}/{row}")
        assert answer.status == 200, answer.text

    return delete


Scene = Callable[[Client], Awaitable[Walked]]


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


SCENES: Mapping[str, Scene] = {
    COURSES: courses,
    SESSIONS: sessions,
    "/api/v1/training/labels": labels,
    "/api/v1/training/projects": projects,
    "/api/v1/companies": companies,
    ENROLLMENTS: enrollments,
    SUBMISSIONS: submissions,
    REQUIREMENTS: requirements,
    EMPLOYEES: employees,
    STAFF: staff,
    "/api/v1/training/compliance": compliance,
    USERS: users,
    CLIENTS: clients,
    ORGANISATIONS: organisations,
    **{f"{IMPORTS}/{kind}": imports(kind) for kind in FILES},
    **{f"{IMPORTS}/{kind}/{{id}}/refusals": refusals(kind) for kind in FILES},
    CALENDARS: calendars,
    WEBHOOKS: webhooks,
    f"{WEBHOOKS}/{{id}}/messages": messages,
    f"{WEBHOOKS}/{{id}}/attempts": attempts,
    f"{WEBHOOKS}/{{id}}/audit": trail(WEBHOOKS, webhooks, patched("description")),
    f"{EMPLOYEES}/{{id}}/training": history(EMPLOYEES, new_employee),
    f"{STAFF}/{{id}}/training": history(STAFF, new_staff),
    RECORDS: history(EMPLOYEES, new_employee, RECORDS),
    TRAININGS: trainings,
    f"{COURSES}/{{id}}/audit": trail(COURSES, courses, patched("title")),
    f"{SESSIONS}/{{id}}/audit": trail(SESSIONS, sessions, patched("location")),
    f"{ENROLLMENTS}/{{id}}/audit": trail(ENROLLMENTS, enrollments, completed),
    f"{RECORDS}/{{id}}/audit": trail(RECORDS, submissions, reassigned),
    f"{REQUIREMENTS}/{{id}}/audit": trail(REQUIREMENTS, requirements, patched("name")),
    f"{EMPLOYEES}/{{id}}/audit": trail(EMPLOYEES, employees, put_person),
    f"{STAFF}/{{id}}/audit": trail(STAFF, staff, put_person),
    f"{USERS}/{{id}}/audit": trail(USERS, users, patched("name")),
    f"{CLIENTS}/{{id}}/audit": trail(CLIENTS, clients, patched("name")),
    f"{ORGANISATIONS}/{{id}}/audit": trail(ORGANISATIONS, organisations, patched("name")),
    f"{SETTINGS}/audit": trail(SETTINGS, None, put_settings),
}
"""By the path of the list's route: a new list needs a line here."""

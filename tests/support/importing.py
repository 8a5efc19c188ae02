"""Files as clients import them, and what becomes of them."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from tests.support.client import Answer, Client
from tests.support.eventually import eventually
from tests.support.world import IMPORTS

COLUMNS = "id,employee_id,full_name"
ENDED = ("completed", "failed", "cancelled")
Person = tuple[object, str, str]


def people_file(*people: Person, columns: str = COLUMNS) -> str:
    return "".join(f"{line}\r\n" for line in (columns, *(",".join(map(str, person)) for person in people)))


def people(ids: Iterable[int], name: str = "Name") -> list[Person]:
    return [(person_id, f"E-{person_id}", f"{name} {person_id}") for person_id in ids]


NOTHING_REFUSED = people_file((7, "E-7", "John Doe"))

FILES: Final[Mapping[str, str]] = {
    "people": NOTHING_REFUSED,
    "courses": "id,title,category,delivery_mode,duration_hours,external_id\r\n,First aid,safety,online,1,C-1\r\n",
    "sessions": "id,course_id,session_name,start_date,end_date,max_participants,external_id\r\n"
    ",1,May,2030-05-15T09:00:00Z,2030-05-15T17:00:00Z,5,S-1\r\n",
    "completions": "employee_id,course_id,key,completed_at\r\n1,1,K-1,2020-05-15T09:00:00Z\r\n",
}
"""A small file of each kind. No course has the id that the session and the completion name: their lines are refused."""


async def send(
    client: Client, file: str | bytes, content_type: str = "text/csv", *, kind: str = "people", **query: str
) -> Answer:
    """The answer to the file; `query` has `mode` and `dry_run`."""
    return await client.request(
        "POST",
        IMPORTS,
        params={"kind": kind, **query},
        data=file.encode() if isinstance(file, str) else file,
        headers={"Content-Type": content_type},
    )


async def begun_import(client: Client, file: str | bytes, **query: str) -> int:
    answer = await send(client, file, **query)
    assert answer.status == 202, answer.text
    return int(answer.data["id"])


async def ended(client: Client, import_id: int, kind: str = "people") -> Any:
    """The job, once it has ended."""

    async def job() -> Any:
        answer = await client.get(f"{IMPORTS}/{kind}/{import_id}")
        assert answer.status == 200, answer.text
        return answer.data if answer.data["status"] in ENDED else None

    return await eventually(job, deadline=50)


async def ended_import(client: Client, file: str | bytes, **query: str) -> int:
    import_id = await begun_import(client, file, **query)
    await ended(client, import_id, query.get("kind", "people"))
    return import_id


async def imported(client: Client, file: str | bytes, **query: str) -> Any:
    """The job of the file, once it has ended."""
    return await ended(client, await begun_import(client, file, **query), query.get("kind", "people"))


def counts(job: Any) -> dict[str, int]:
    return {name: job[name] for name in ("created", "changed", "unchanged", "removed", "refused") if job[name]}

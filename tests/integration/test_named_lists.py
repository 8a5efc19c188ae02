"""Lists of labels, projects and companies: what filters need to be chosen from (contract, sections 3 and 4)."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import pytest

from tests.support.client import Client, new_organisation
from tests.support.stack import Stack
from tests.support.world import COURSES, EMPLOYEES, SESSIONS, new_course, new_employee, new_session

Named = dict[str, Any]


@dataclass(frozen=True)
class Kind:
    """A list at `path`; `new` makes a row that carries one or nothing, `change` makes it carry another or nothing."""

    path: str
    new: Callable[[Client, Named | None], Awaitable[int]]
    change: Callable[[Client, int, Named | None], Awaitable[Any]]
    delete: str

    async def remove(self, client: Client, row: int) -> None:
        assert (await client.request("DELETE", f"{self.delete}/{row}")).status == 200


def _several(named: Named | None) -> list[Named]:
    return [] if named is None else [named]


async def _session(client: Client, named: Named | None) -> int:
    return await new_session(client, await new_course(client), projects=_several(named))


async def _change_person(client: Client, person: int, named: Named | None) -> Any:
    body = {"employee_id": f"EMP-{person}", "full_name": "John Doe", "company": named}
    return await client.put(f"{EMPLOYEES}/{person}", body)


LABELS = Kind(
    "/api/v1/training/labels",
    lambda client, named: new_course(client, labels=_several(named)),
    lambda client, row, named: client.patch(f"{COURSES}/{row}", {"labels": _several(named)}),
    COURSES,
)
PROJECTS = Kind(
    "/api/v1/training/projects",
    _session,
    lambda client, row, named: client.patch(f"{SESSIONS}/{row}", {"projects": _several(named)}),
    SESSIONS,
)
COMPANIES = Kind(
    "/api/v1/companies",
    lambda client, named: new_employee(client, company=named),
    _change_person,
    EMPLOYEES,
)
each_kind = pytest.mark.parametrize("kind", [LABELS, PROJECTS, COMPANIES], ids=lambda kind: kind.path)


async def listed(client: Client, kind: Kind, **query: Any) -> list[tuple[int, str, int]]:
    answer = await client.get(kind.path, **query)
    assert answer.status == 200, answer.text
    return [(item["id"], item["name"], item["total"]) for item in answer.data]


async def change(client: Client, kind: Kind, row: int, named: Named | None) -> None:
    answer = await kind.change(client, row, named)
    assert answer.status == 200, answer.text


@each_kind
async def test_each_id_is_listed_once_with_its_name_and_how_many_carry_it(
    stack: Stack, admin: Client, kind: Kind
) -> None:
    for named in [{"id": 2**60, "name": "Last"}, {"id": 7, "name": "First"}, None, {"id": 7, "name": "First"}]:
        await kind.new(admin, named)
    assert await listed(admin, kind) == [(7, "First", 2), (2**60, "Last", 1)]
    assert await listed(stack.client(new_organisation()), kind) == []


@each_kind
async def test_the_name_that_was_given_last_wins_as_long_as_a_row_carries_it(admin: Client, kind: Kind) -> None:
    first = await kind.new(admin, {"id": 7, "name": "Zeta"})
    second = await kind.new(admin, {"id": 7, "name": "Alpha"})
    assert await listed(admin, kind) == [(7, "Alpha", 2)]
    await change(admin, kind, first, {"id": 7, "name": "Omega"})
    assert await listed(admin, kind) == [(7, "Omega", 2)]
    await kind.remove(admin, first)
    assert await listed(admin, kind) == [(7, "Alpha", 1)]
    await change(admin, kind, second, None)
    assert await listed(admin, kind) == []


async def test_a_change_that_leaves_the_label_alone_does_not_give_its_name_again(admin: Client) -> None:
    first = await LABELS.new(admin, {"id": 7, "name": "Before"})
    await LABELS.new(admin, {"id": 7, "name": "Now"})
    assert (await admin.patch(f"{COURSES}/{first}", {"title": "Other"})).status == 200
    assert await listed(admin, LABELS) == [(7, "Now", 2)]


@each_kind
async def test_names_are_found_in_any_spelling_but_not_by_former_ones(admin: Client, kind: Kind) -> None:
    for named in [
        {"id": 1, "name": "Bâtiment Łódź"},
        {"id": 2, "name": "Straße 100%"},
        {"id": 3, "name": "Former"},
        {"id": 3, "name": "Present"},
    ]:
        await kind.new(admin, named)
    for search, found in {"lodz batiment": [1], "STRASSE": [2], "%": [2], "t": [1, 2, 3], "former": []}.items():
        assert [item[0] for item in await listed(admin, kind, search=search)] == found, search
    assert await listed(admin, kind, search="present") == [(3, "Present", 2)]


@each_kind
async def test_the_list_is_paged(admin: Client, kind: Kind) -> None:
    for number in range(1, 6):
        await kind.new(admin, {"id": number, "name": f"Name {number}"})
    answer = await admin.get(kind.path, per_page=2, page=2, search="name")
    assert [item["id"] for item in answer.data] == [3, 4]
    assert answer.json["meta"] == {
        "current_page": 2, "last_page": 3, "per_page": 2, "total": 5, "from": 3, "to": 4,
    }  # fmt: skip
    assert answer.json["links"]["next"].endswith(f"{kind.path}?per_page=2&search=name&page=3")


@each_kind
@pytest.mark.parametrize("query", [{"per_page": 101}, {"page": 0}, {"search": "a " * 9}, {"id": 7}], ids=str)
async def test_a_wrong_question_is_refused(admin: Client, kind: Kind, query: dict[str, Any]) -> None:
    answer = await admin.get(kind.path, **query)
    assert (answer.status, list(answer.json["errors"])) == (422, list(query))


async def test_a_person_who_has_left_is_not_of_the_company_until_they_come_back(admin: Client) -> None:
    acme = {"id": 7, "name": "Acme"}
    person, _ = await COMPANIES.new(admin, acme), await COMPANIES.new(admin, acme)
    await COMPANIES.remove(admin, person)
    assert await listed(admin, COMPANIES) == [(7, "Acme", 1)]
    await _change_person(admin, person, acme)
    assert await listed(admin, COMPANIES) == [(7, "Acme", 2)]

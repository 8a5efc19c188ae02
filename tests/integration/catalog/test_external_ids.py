"""What the organisation's own system calls a course or a session (contract, section 3)."""

import asyncio
from typing import Any

import pytest

from tests.support.client import Client
from tests.support.stack import Stack
from tests.support.world import COURSES, SESSIONS, new_course, new_session


async def course(admin: Client, **fields: Any) -> int:
    return await new_course(admin, **fields)


async def session(admin: Client, **fields: Any) -> int:
    return await new_session(admin, await new_course(admin), **fields)


EACH = pytest.mark.parametrize(("path", "new"), [(COURSES, course), (SESSIONS, session)])


@EACH
async def test_it_is_shown_and_can_be_changed(admin: Client, path: str, new: Any) -> None:
    one = await new(admin, external_id="A-1")
    assert (await admin.get(f"{path}/{one}")).data["external_id"] == "A-1"
    for value in ("A-2", None):
        assert (await admin.patch(f"{path}/{one}", {"external_id": value})).data["external_id"] == value
    other = await new(admin)
    assert (await admin.get(f"{path}/{other}")).data["external_id"] is None


@EACH
async def test_it_is_one_rows(admin: Client, path: str, new: Any) -> None:
    holder, other = await new(admin, external_id="A-1"), await new(admin)
    refused = await admin.patch(f"{path}/{other}", {"external_id": "A-1"})
    assert (refused.status, refused.json["code"], refused.json["holder"]) == (409, "external_id_taken", holder)
    assert (await admin.patch(f"{path}/{holder}", {"external_id": "A-1"})).status == 200
    assert (await admin.delete(f"{path}/{holder}")).status == 200
    assert (await admin.patch(f"{path}/{other}", {"external_id": "A-1"})).status == 200


@EACH
async def test_of_many_at_once_one_gets_it(admin: Client, path: str, new: Any) -> None:
    rows = [await new(admin) for _ in range(4)]
    answers = await asyncio.gather(*(admin.patch(f"{path}/{row}", {"external_id": "A-1"}) for row in rows))
    assert sorted(answer.status for answer in answers) == [200, 409, 409, 409]


async def test_another_organisation_may_have_the_same(stack: Stack, admin: Client, organisation: int) -> None:
    await course(admin, external_id="A-1")
    assert await course(stack.client(organisation + 1), external_id="A-1")

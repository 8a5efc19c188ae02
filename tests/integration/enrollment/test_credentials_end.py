"""A credential ends with what it says, whichever way that changes (contract, section 13)."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import asyncpg
import pytest
from openbadgeslib.ob3 import OB3VerificationError

from services.enrollment.store import credentials as store
from shared.http.accept import VC_JWT_TYPE
from shared.postgres.pool import Pool, connection_pool
from tests.support.client import Client
from tests.support.credentials import (
    Stranger,
    ask,
    claims_in,
    completed,
    credential_of,
    page_of,
)
from tests.support.eventually import eventually
from tests.support.lifecycle import change, changed
from tests.support.races import waits_for_a_lock
from tests.support.stack import Stack
from tests.support.world import EMPLOYEES, new_employee

REASON = {"reason": "It was somebody else of the same name"}


@pytest.fixture
async def pool(stack: Stack) -> AsyncIterator[Pool]:
    async with connection_pool(stack.enrollment_database_url, name="test", size=1) as pool:
        yield pool


Ending = Callable[[Client, int, int], Awaitable[Any]]


async def _failed(admin: Client, enrollment: int, _: int) -> None:
    await changed(admin, enrollment, "complete", {"score": 10})


async def _redated(admin: Client, enrollment: int, _: int) -> None:
    await changed(admin, enrollment, "complete", {"completed_at": "2025-01-01T08:00:00Z"})


async def _reopened(admin: Client, enrollment: int, _: int) -> None:
    await changed(admin, enrollment, "reopen", REASON)


async def _reassigned(admin: Client, _: int, person: int) -> None:
    body = {"into": await new_employee(admin)}
    answer = await admin.request("POST", f"{EMPLOYEES}/{person}/merge", json=body, headers={"If-Match": "*"})
    assert answer.status == 200, answer.text


async def _erased(admin: Client, _: int, person: int) -> None:
    answer = await admin.request(
        "POST", f"{EMPLOYEES}/{person}/erase", json={"reason": "They asked for it"}, headers={"If-Match": "*"}
    )
    assert answer.status == 200, answer.text


ENDINGS: list[Ending] = [_failed, _redated, _reopened, _reassigned, _erased]


@pytest.mark.parametrize("ending", ENDINGS)
async def test_it_ends_with_what_it_says(admin: Client, stack: Stack, organisation: int, ending: Ending) -> None:
    person = await new_employee(admin, full_name="Jane Roe")
    enrollment = await completed(admin, person)
    other = await credential_of(admin, await completed(admin))
    made = await credential_of(admin, enrollment)
    await Stranger().verify(made["credential"])
    await ending(admin, enrollment, person)
    with pytest.raises(OB3VerificationError, match="'revocation' is set"):
        await Stranger().verify(made["credential"])
    page = await page_of(stack, made["code"])
    assert "Revoked" in page.text
    assert all(each not in page.text for each in ("Jane", "Working at Heights", "<dl>"))
    with_accept = {"Accept": VC_JWT_TYPE}
    gone = await stack.anonymous().request("GET", f"/verify/{made['code']}", headers=with_accept)
    assert (gone.status, gone.json["code"]) == (404, "not_found")
    await Stranger().verify(other["credential"])
    assert not await words_left(stack, organisation, made["code"])


async def words_left(stack: Stack, organisation: int, code: str) -> list[str]:
    """What is stored of a credential that is revoked, beside numbers."""
    connection = await asyncpg.connect(stack.enrollment_database_url, timeout=10)
    try:
        rows = await connection.fetch(
            "SELECT to_jsonb(c)::text AS text FROM credentials c WHERE organisation_id = $1 AND revoked_at IS NOT NULL",
            organisation,
        )
    finally:
        await connection.close()
    assert rows
    return [row["text"] for row in rows if "Jane" in row["text"] or code in row["text"]]


async def test_what_is_completed_again_has_another(admin: Client) -> None:
    enrollment = await completed(admin)
    first = await credential_of(admin, enrollment)
    await changed(admin, enrollment, "complete", {"score": 10})
    await changed(admin, enrollment, "complete", {"score": 90})
    second = await credential_of(admin, enrollment)
    assert second["code"] != first["code"]
    await Stranger().verify(second["credential"])
    with pytest.raises(OB3VerificationError):
        await Stranger().verify(first["credential"])


async def test_another_name_makes_another_and_leaves_the_first(admin: Client) -> None:
    person = await new_employee(admin, full_name="Jane Roe")
    enrollment = await completed(admin, person)
    first = await credential_of(admin, enrollment)
    await admin.put(f"{EMPLOYEES}/{person}", {"employee_id": "E-9", "full_name": "Jane Smith"})
    second = await credential_of(admin, enrollment)
    assert "Jane Smith" in json.dumps(claims_in(second["credential"]))
    for each in (first, second):
        await Stranger().verify(each["credential"])
    await changed(admin, enrollment, "complete", {"score": 10})
    for each in (first, second):
        with pytest.raises(OB3VerificationError):
            await Stranger().verify(each["credential"])


async def corrected_meanwhile(admin: Client, pool: Pool, monkeypatch: pytest.MonkeyPatch) -> tuple[bool, str]:
    """A correction to failed that comes while the first credential is issued: whether it had to wait, and the code of
    the credential."""
    enrollment = await completed(admin)
    reached, go_on = asyncio.Event(), asyncio.Event()
    free_place = store.free_place

    async def held(*arguments: Any) -> int:
        reached.set()
        await go_on.wait()
        return await free_place(*arguments)

    monkeypatch.setattr(store, "free_place", held)
    async with asyncio.timeout(30):
        issuing = asyncio.create_task(ask(admin, enrollment))
        await reached.wait()
        correcting = asyncio.create_task(change(admin, enrollment, "complete", {"score": 10}))

        async def waits_or_is_done() -> bool:
            return correcting.done() or await waits_for_a_lock(pool)

        await eventually(waits_or_is_done)
        waited = not correcting.done()
        go_on.set()
        issued = await issuing
        assert (await correcting).status == 200
    return waited, issued.data["code"]


async def test_a_correction_waits_for_the_credential_and_revokes_it(
    admin: Client, stack: Stack, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited, code = await corrected_meanwhile(admin, pool, monkeypatch)
    assert waited
    assert "Revoked" in (await page_of(stack, code)).text


async def test_control_without_the_lock_it_stays_valid(
    admin: Client, stack: Stack, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def unlocked(*_: object) -> bool:
        return True

    monkeypatch.setattr(store, "lock", unlocked)
    waited, code = await corrected_meanwhile(admin, pool, monkeypatch)
    assert not waited
    assert "This certificate is genuine and valid." in (await page_of(stack, code)).text

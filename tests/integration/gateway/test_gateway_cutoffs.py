"""Tokens that accounts has cut off are refused by every gateway process within a second, whoever issued them."""

import time
from collections.abc import Awaitable, Callable
from functools import partial

import pytest

from gateway.admission.cutoffs import CutOffReader, CutOffs
from shared.security_log import SecurityEvent
from tests.integration.gateway.edge import Accounts, Edge, StartGateway, new_token
from tests.support.client import Answer
from tests.support.eventually import eventually
from tests.support.security_lines import SecurityLines

COURSES = "/api/v1/training/courses"
REVOKED, SUSPENDED = "The token was revoked.", "The organisation is suspended."


def issued_a_minute_ago(organisation: int, **claims: object) -> str:
    return new_token(organisation, iat=int(time.time()) - 60, **claims)


async def asked(edge: Edge, token: str) -> Answer:
    return await edge.client(token).get(COURSES)


async def is_refused(edge: Edge, token: str, message: str = REVOKED) -> bool:
    answer = await asked(edge, token)
    return (answer.status, answer.json.get("message")) == (401, message)


async def is_accepted(edge: Edge, token: str) -> bool:
    return (await asked(edge, token)).status == 200


async def test_a_subjects_tokens_are_refused_by_every_process_and_new_ones_are_not(
    start_gateway: StartGateway, accounts: Accounts, organisation: int, security_lines: SecurityLines
) -> None:
    edges = [await start_gateway() for _ in range(2)]
    old = issued_a_minute_ago(organisation, sub="ada")
    assert [await is_accepted(edge, old) for edge in edges] == [True, True]  # it is known there from now on
    accounts.refuse_tokens("muster", organisation, "ada", int(time.time()) - 30)
    for edge in edges:
        await eventually(partial(is_refused, edge, old))
        assert await is_refused(edge, issued_a_minute_ago(organisation, sub="ada"))
        assert await is_accepted(edge, new_token(organisation, sub="ada"))
        assert await is_accepted(edge, issued_a_minute_ago(organisation, sub="bob"))
    assert security_lines.of(SecurityEvent.TOKEN_REFUSED, reason="revoked", subject="ada")


async def test_a_suspended_organisation_is_refused_until_it_is_resumed(
    edge: Edge, accounts: Accounts, organisation: int, security_lines: SecurityLines
) -> None:
    token = new_token(organisation)
    accounts.suspend(organisation)
    await eventually(partial(is_refused, edge, token, SUSPENDED))
    assert security_lines.of(SecurityEvent.TOKEN_REFUSED, reason="suspended", organisation_id=organisation)
    assert (await edge.client(token).request("POST", "/api/v1/auth/logout")).status == 401
    accounts.resume(organisation)
    await eventually(partial(is_accepted, edge, token))


async def test_while_accounts_is_away_what_is_known_holds_and_what_came_is_read_after(
    edge: Edge, accounts: Accounts, organisation: int
) -> None:
    ada, bob = (issued_a_minute_ago(organisation, sub=name) for name in ("ada", "bob"))
    accounts.refuse_tokens("muster", organisation, "ada", int(time.time()))
    await eventually(partial(is_refused, edge, ada))
    accounts.is_down, before = True, len(accounts.asked)
    accounts.refuse_tokens("muster", organisation, "bob", int(time.time()))

    async def has_asked_in_vain() -> bool:
        return len(accounts.asked) > before + 2

    await eventually(has_asked_in_vain)
    assert await is_refused(edge, ada)
    assert await is_accepted(edge, bob)
    assert (await edge.client().get("/health/ready")).status == 200
    accounts.is_down = False
    await eventually(partial(is_refused, edge, bob))


async def test_nobody_is_ready_who_has_not_read_all(
    start_gateway: StartGateway, accounts: Accounts, organisation: int
) -> None:
    for number in range(1500):
        accounts.refuse_tokens("muster", organisation, f"user-{number}", int(time.time()))
    accounts.is_down = True
    edge = await start_gateway()
    assert (await edge.client().get("/health/ready")).json["checks"]["revocations"] is False
    accounts.is_down = False

    async def is_ready() -> bool:
        return (await edge.client().get("/health/ready")).status == 200

    await eventually(is_ready)
    assert await is_refused(edge, issued_a_minute_ago(organisation, sub="user-1499"))


async def test_a_list_that_began_anew_is_read_from_its_beginning(
    edge: Edge, accounts: Accounts, organisation: int
) -> None:
    """As after a restored backup: then `newest` is less than what was read before."""
    ada, bob = (issued_a_minute_ago(organisation, sub=name) for name in ("ada", "bob"))
    for _ in range(3):
        accounts.refuse_tokens("muster", organisation, "ada", int(time.time()))
    await eventually(partial(is_refused, edge, ada))
    accounts.revocations.clear()
    accounts.refuse_tokens("muster", organisation, "bob", int(time.time()))
    await eventually(partial(is_refused, edge, bob))
    assert await is_refused(edge, ada)


@pytest.mark.parametrize("without", [(CutOffs, "check"), (CutOffReader, "follow")], ids=["the check", "the reader"])
async def test_control_without_it_the_token_would_be_accepted(
    start_gateway: StartGateway,
    accounts: Accounts,
    organisation: int,
    monkeypatch: pytest.MonkeyPatch,
    without: tuple[type, str],
) -> None:
    async def nothing(*_: object) -> None: ...

    replaced: Callable[..., Awaitable[None] | None] = nothing if without[1] == "follow" else lambda *_: None
    monkeypatch.setattr(*without, replaced)
    accounts.refuse_tokens("muster", organisation, "ada", int(time.time()))
    edge = await start_gateway()
    if without[1] == "check":

        async def is_ready() -> bool:
            return (await edge.client().get("/health/ready")).status == 200

        await eventually(is_ready)  # by then the list was read
    assert await is_accepted(edge, issued_a_minute_ago(organisation, sub="ada"))

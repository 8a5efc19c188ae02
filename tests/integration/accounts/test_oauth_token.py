"""Tokens for programs: what they hold, whom they are given, and until when (RFC 6749, section 4.4; RFC 9068)."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest

from services.accounts.clients import Client
from services.accounts.store import clients as store
from services.accounts.use_cases import client_tokens, guessing
from shared.auth.internal_token import ENROLL, VIEW
from shared.security_log import SecurityEvent
from tests.support.client import Answer
from tests.support.eventually import eventually
from tests.support.guards import without
from tests.support.programs import (
    Program,
    as_if,
    ask,
    basic,
    claims_of,
    holding,
    maker,
    new_address,
    new_program,
    refusals_of,
    rows_of,
    token_of,
)
from tests.support.security_lines import SecurityLines
from tests.support.stack import Stack

GRANT = {"grant_type": "client_credentials"}
FORM_IN_UTF_8 = "application/x-www-form-urlencoded; charset=UTF-8"


async def test_a_token_as_rfc_9068_has_it(stack: Stack, organisation: int) -> None:
    program = await new_program(maker(stack, organisation), permissions=[VIEW, ENROLL], rate_limit=600)
    before = int(time.time())
    answer = await token_of(stack, program)
    assert answer.status == 200, answer.text
    assert (answer.headers["Cache-Control"], answer.headers["Pragma"]) == ("no-store", "no-cache")
    keys = (await stack.public().get("/.well-known/jwks.json")).json["keys"]
    header = jwt.get_unverified_header(answer.json["access_token"])
    key = jwt.PyJWK(next(each for each in keys if each["kid"] == header["kid"]))
    claims = jwt.decode(answer.json["access_token"], key, algorithms=["EdDSA"], audience="muster-api", issuer="muster")
    assert header["typ"] == "at+jwt"
    assert claims == {
        "iss": "muster",
        "aud": "muster-api",
        "sub": program.client_id,
        "client_id": program.client_id,
        "iat": claims["iat"],
        "exp": claims["iat"] + 3600,
        "jti": claims["jti"],
        "scope": f"api.access {ENROLL} {VIEW}",
        "org": organisation,
        "name": "Payroll",
        "user_type": "service",
        "permissions": ["api.access", ENROLL, VIEW],
        "rate_limit": 600,
    }
    assert before - 1 <= claims["iat"] <= int(time.time()) + 1
    assert answer.json == {
        "access_token": answer.json["access_token"],
        "token_type": "Bearer",
        "expires_in": 3600,
        "scope": claims["scope"],
    }


async def test_secrets_are_sent_by_basic_or_in_the_form(stack: Stack, organisation: int) -> None:
    program = await new_program(maker(stack, organisation))
    own = {"client_id": program.client_id}
    encoded = "".join(f"%{byte:02X}" for byte in program.secret.encode())
    for answer in (
        await ask(stack, GRANT, basic(program.client_id, program.secret)),
        await ask(stack, GRANT | own, basic(program.client_id, program.secret).replace("Basic", "bASIC")),
        await ask(stack, GRANT, basic(program.client_id, encoded)),
        await ask(stack, GRANT | own | {"client_secret": program.secret}),
        await ask(stack, GRANT | own | {"client_secret": program.secret}, **{"Content-Type": FORM_IN_UTF_8}),
    ):
        assert claims_of(answer)["sub"] == program.client_id


async def test_a_scope_narrows_the_permissions(stack: Stack, organisation: int) -> None:
    program = await new_program(maker(stack, organisation), permissions=[VIEW, ENROLL])
    answer = await token_of(stack, program, scope=VIEW)
    claims = claims_of(answer)
    assert (answer.json["scope"], claims["scope"], claims["permissions"]) == (VIEW, VIEW, ["api.access", VIEW])
    assert claims_of(await token_of(stack, program, scope=f"{VIEW} {ENROLL} {VIEW}"))["scope"] == f"{ENROLL} {VIEW}"


@pytest.mark.parametrize(
    "scope", ["training.fly", f"{VIEW} training.manage", "accounts.manage", " ", "internal.public"]
)
async def test_a_scope_beyond_the_permissions_is_refused(stack: Stack, organisation: int, scope: str) -> None:
    program = await new_program(maker(stack, organisation))
    answer = await token_of(stack, program, scope=scope)
    assert (answer.status, answer.json["error"]) == (400, "invalid_scope")
    assert VIEW in answer.json["error_description"]


async def test_a_token_ends_with_its_client(stack: Stack, organisation: int) -> None:
    ends = datetime.now(UTC) + timedelta(seconds=600)
    program = await new_program(maker(stack, organisation), expires_at=ends.isoformat())
    answer = await token_of(stack, program)
    assert claims_of(answer)["exp"] == int(ends.timestamp())
    assert answer.json["expires_in"] == claims_of(answer)["exp"] - claims_of(answer)["iat"]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ("expires_at = now()", "The client has expired."),
        ("revoked_at = now()", "The client is revoked."),
        ("secret_digest = sha256('x')", "The client id or the secret is wrong."),
        (
            "secret_digest = sha256('x'), previous_digest = secret_digest, previous_until = now() - interval '1 s'",
            "The client id or the secret is wrong.",
        ),
    ],
)
async def test_a_client_that_may_not_is_refused(stack: Stack, organisation: int, change: str, why: str) -> None:
    program = await new_program(maker(stack, organisation))
    await as_if(stack, program, change)
    for answer in (await token_of(stack, program), await _posted(stack, program)):
        assert (answer.status, answer.json) == (401, {"error": "invalid_client", "error_description": why})
        assert answer.headers["WWW-Authenticate"].startswith("Basic ")


async def test_control_without_the_checks_such_a_client_gets_a_token(
    stack: Stack, organisation: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_tokens, "_check_usable", lambda _: None)
    monkeypatch.setattr(Client, "digests", lambda client, _: (client.secret_digest, client.previous_digest))
    monkeypatch.setattr(client_tokens, "_time_to_live", lambda *_: 60)
    for change in (
        "expires_at = now()",
        "revoked_at = now()",
        "secret_digest = sha256('x'), previous_digest = secret_digest, previous_until = now() - interval '1 s'",
    ):
        program = await new_program(maker(stack, organisation))
        await as_if(stack, program, change)
        assert (await token_of(stack, program)).status == 200


async def _posted(stack: Stack, program: Program) -> Answer:
    return await ask(stack, GRANT | {"client_id": program.client_id, "client_secret": program.secret})


async def test_an_unknown_client_and_a_wrong_secret_look_alike(
    stack: Stack, organisation: int, security_lines: SecurityLines
) -> None:
    program = await new_program(maker(stack, organisation))
    address = new_address()
    wrong = await ask(stack, GRANT, basic(program.client_id, "muster_cs_wrong"), address)
    unknown = await ask(stack, GRANT, basic("muster_ci_unknown", program.secret), address)
    assert (wrong.status, wrong.text) == (unknown.status, unknown.text) == (401, wrong.text)
    refused = security_lines.of(SecurityEvent.CLIENT_REFUSED, reason="credentials")
    assert [line["address"] for line in refused] == [address] * 2
    assert "muster_cs_" not in security_lines.text


async def test_guessing_has_a_budget(stack: Stack, organisation: int) -> None:
    """Ten guesses from one address; then not even the right secret is looked at there, and elsewhere it is."""
    program, address = await new_program(maker(stack, organisation)), new_address()
    wrong = [await ask(stack, GRANT, basic(program.client_id, "wrong"), address) for _ in range(11)]
    assert [answer.status for answer in wrong] == [401] * 10 + [429]
    limited = await ask(stack, GRANT, basic(program.client_id, program.secret), address)
    assert (limited.status, limited.json["code"]) == (429, "rate_limited")
    assert int(limited.headers["Retry-After"]) > 0
    assert (await token_of(stack, program)).status == 200


async def test_control_without_the_budget_one_may_guess_for_ever(
    stack: Stack, organisation: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def nothing(*_: Any) -> None:
        return None

    monkeypatch.setattr(guessing, "failed", nothing)
    program, address = await new_program(maker(stack, organisation)), new_address()
    wrong = [await ask(stack, GRANT, basic(program.client_id, "wrong"), address) for _ in range(11)]
    assert [answer.status for answer in wrong] == [401] * 11


async def test_a_client_of_a_suspended_organisation_gets_no_token(stack: Stack, organisation: int) -> None:
    program = await new_program(maker(stack, organisation))
    await rows_of(
        stack, f"INSERT INTO organisations (organisation_id, name, suspended_at) VALUES ({organisation}, 'X', now())"
    )
    answer = await token_of(stack, program)
    assert (answer.status, answer.json["error"]) == (401, "invalid_client")


async def test_its_use_is_noted_once_a_minute(stack: Stack, organisation: int) -> None:
    client = maker(stack, organisation)
    program = await new_program(client)

    async def noted() -> tuple[Any, Any]:
        await token_of(stack, program)
        [row] = await rows_of(stack, f"SELECT xmin::text FROM clients WHERE id = {program.id}")
        return (await client.get(program.path)).data["last_used_at"], row

    first = await noted()
    assert first[0] is not None
    assert await noted() == first
    await as_if(stack, program, "last_used_at = last_used_at - interval '1 minute'")
    assert (await noted())[0] > first[0]
    assert (await client.get(f"{program.path}/audit")).json["meta"]["total"] == 1


async def test_a_request_for_a_token_waits_for_no_row(stack: Stack, organisation: int) -> None:
    program = await new_program(maker(stack, organisation))
    async with holding(stack, f"SELECT FROM clients WHERE id = {program.id} FOR UPDATE"):
        assert (await token_of(stack, program)).status == 200


async def test_what_is_issued_beside_a_revocation_is_cut_off_by_it(stack: Stack, organisation: int) -> None:
    """Whichever comes first: a token is never later than the moment until which tokens are refused."""
    client = maker(stack, organisation)
    for _ in range(5):
        program = await new_program(client)
        *answers, revoked = await asyncio.gather(
            *(token_of(stack, program) for _ in range(6)), client.delete(program.path)
        )
        assert revoked.status == 200
        [entry] = await refusals_of(stack, program)
        issued = [claims_of(answer)["iat"] for answer in answers if answer.status == 200]
        assert all(moment <= entry["before"] for moment in issued)


async def test_no_token_is_issued_while_its_client_changes(stack: Stack, organisation: int) -> None:
    program = await new_program(maker(stack, organisation))
    assert not await _is_issued_beside_a_change(stack, program)


async def test_control_without_the_lock_a_token_is_issued_while_its_client_changes(
    stack: Stack, organisation: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    guard = "pg_advisory_xact_lock_shared(hashtextextended('client ' || $1, 0))"
    without(monkeypatch, store, "_LOCK_TO_ISSUE", guard, "$1::text")
    program = await new_program(maker(stack, organisation))
    assert await _is_issued_beside_a_change(stack, program)


async def _is_issued_beside_a_change(stack: Stack, program: Program) -> bool:
    """Whether a token is issued while a change of its client has begun and not ended."""
    change = f"SELECT pg_advisory_xact_lock(hashtextextended('client {program.client_id}', 0))"
    async with holding(stack, change) as waiting:
        asked = asyncio.create_task(token_of(stack, program))
        await eventually(lambda: _either(asked, waiting))
        is_issued = asked.done()
    assert (await asked).status == 200
    return is_issued


async def _either(asked: asyncio.Task[Answer], waiting: Callable[[], Awaitable[bool]]) -> bool:
    return asked.done() or await waiting()


async def test_control_without_the_wait_every_use_is_written(
    stack: Stack, organisation: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_tokens, "NOTED_EVERY", timedelta(0))
    client = maker(stack, organisation)
    program = await new_program(client)
    noted = []
    for _ in range(2):
        await token_of(stack, program)
        noted.append((await client.get(program.path)).data["last_used_at"])
    assert noted[0] != noted[1]

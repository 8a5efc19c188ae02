"""Programs: made, listed, changed, rotated and revoked by those who manage accounts (contract, section 7)."""

import json
import secrets
from typing import Any

import pytest

from services.accounts import clients as rules
from shared.auth.internal_token import ACCOUNTS, ENROLL, ENROLL_COMPANY, MANAGE, PLATFORM, VIEW, VIEW_COMPANY, Caller
from shared.security_log import SecurityEvent
from tests.support.client import Client, new_organisation
from tests.support.internal_keys import token_for
from tests.support.programs import (
    FIELDS,
    MAKER,
    as_if,
    claims_of,
    maker,
    new_program,
    refusals_of,
    rows_of,
    token_of,
)
from tests.support.security_lines import SecurityLines
from tests.support.stack import Stack
from tests.support.world import CLIENTS

LATER = "2031-01-01T00:00:00.000000Z"


async def test_a_new_client_is_answered_with_its_secret_once(stack: Stack, organisation: int) -> None:
    client = maker(stack, organisation)
    body = {**FIELDS, "rate_limit": 600, "expires_at": LATER, "company_ids": [3, 2]}
    answer = await client.post(CLIENTS, body)
    assert (answer.status, answer.headers["Cache-Control"]) == (201, "private, no-store")
    made = answer.data
    assert made["client_id"].startswith("muster_ci_")
    assert made["client_secret"].startswith("muster_cs_")
    assert len(made["client_secret"]) == len("muster_cs_") + 43
    shown = {name: value for name, value in made.items() if name != "client_secret"}
    assert shown == {
        "id": made["id"],
        "client_id": made["client_id"],
        "name": "Payroll",
        "permissions": ["api.access", VIEW],
        "rate_limit": 600,
        "company_ids": [2, 3],
        "status": "active",
        "expires_at": LATER,
        "last_used_at": None,
        "previous_secret_until": None,
        "revoked_at": None,
        "created_at": made["created_at"],
    }
    row = await client.get(answer.headers["Location"])
    assert (row.data, row.headers["ETag"]) == (shown, answer.headers["ETag"])
    assert (await client.get(CLIENTS)).data == [shown]
    [stored] = await rows_of(stack, f"SELECT to_jsonb(c)::text FROM clients c WHERE id = {made['id']}")
    assert made["client_secret"].removeprefix("muster_cs_") not in stored


async def test_a_repeated_request_makes_no_second_client_and_shows_no_secret(stack: Stack, organisation: int) -> None:
    client, key = maker(stack, organisation), {"Idempotency-Key": secrets.token_hex(8)}
    first = await client.post(CLIENTS, FIELDS, **key)
    again = await client.post(CLIENTS, FIELDS, **key)
    assert (again.status, again.headers["Idempotency-Replayed"]) == (201, "true")
    assert again.data == {**first.data, "client_secret": None}
    assert (await client.get(CLIENTS)).json["meta"]["total"] == 1
    kept = await rows_of(stack, f"SELECT answer_body FROM idempotency_keys WHERE organisation_id = {organisation}")
    assert len(kept) == 1
    assert "muster_cs_" not in kept[0]


async def test_a_list_has_pages_and_a_status(stack: Stack, organisation: int) -> None:
    client = maker(stack, organisation)
    programs = [await new_program(client, name=f"Program {number}") for number in range(3)]
    await client.delete(programs[1].path)
    await as_if(stack, programs[2], "expires_at = now() - interval '1 s'")
    listed = await client.get(CLIENTS, per_page=2, page=2)
    assert ([each["status"] for each in listed.data], listed.json["meta"]["total"]) == (["expired"], 3)
    for number, status in enumerate(("active", "revoked", "expired")):
        assert [each["id"] for each in (await client.get(CLIENTS, status=status)).data] == [programs[number].id]


async def test_a_change_holds_for_the_next_token(stack: Stack, organisation: int) -> None:
    client = maker(stack, organisation)
    program = await new_program(client)
    changed = await client.patch(program.path, {"name": "Wages", "permissions": [ENROLL], "rate_limit": 5})
    assert (changed.status, changed.data["name"], changed.data["permissions"]) == (200, "Wages", ["api.access", ENROLL])
    claims = claims_of(await token_of(stack, program))
    assert (claims["name"], claims["rate_limit"], claims["permissions"]) == ("Wages", 5, ["api.access", ENROLL])
    await client.patch(program.path, {"rate_limit": None})
    assert "rate_limit" not in claims_of(await token_of(stack, program))


@pytest.mark.parametrize(
    ("before", "change", "refused"),
    [
        ({"permissions": [VIEW, ENROLL]}, {"permissions": [VIEW]}, True),
        ({"company_ids": [1, 2]}, {"company_ids": [1]}, True),
        ({}, {"expires_at": LATER}, True),
        ({"expires_at": LATER}, {"expires_at": "2030-12-31T00:00:00Z"}, True),
        ({"expires_at": LATER}, {"expires_at": None}, False),
        ({"expires_at": LATER}, {"expires_at": "2031-12-31T00:00:00Z"}, False),
        ({}, {"permissions": [VIEW, ENROLL]}, False),
        ({"company_ids": [1]}, {"company_ids": [1, 2]}, False),
        ({}, {"name": "Other"}, False),
    ],
)
async def test_what_narrows_a_client_refuses_its_tokens(
    stack: Stack, organisation: int, before: dict[str, Any], change: dict[str, Any], refused: bool
) -> None:
    client = maker(stack, organisation)
    program = await new_program(client, **before)
    issued = claims_of(await token_of(stack, program))["iat"]
    assert (await client.patch(program.path, change)).status == 200
    entries = await refusals_of(stack, program)
    assert bool(entries) is refused
    if refused:
        [entry] = entries
        assert (entry["kind"], entry["issuer"], entry["organisation_id"]) == ("subject", "muster", organisation)
        assert issued <= entry["before"] < claims_of(await token_of(stack, program))["iat"]


async def test_control_without_the_check_a_narrowed_client_keeps_its_tokens(
    stack: Stack, organisation: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rules, "narrows", lambda *_: False)
    client = maker(stack, organisation)
    program = await new_program(client, permissions=[VIEW, ENROLL])
    await client.patch(program.path, {"permissions": [VIEW]})
    assert await refusals_of(stack, program) == []


async def test_revoking_refuses_tokens_and_secret_and_keeps_the_row(stack: Stack, organisation: int) -> None:
    client = maker(stack, organisation)
    program = await new_program(client)
    assert (await client.delete(program.path)).json == {"success": True, "message": "Client revoked", "data": None}
    assert (await client.delete(program.path)).status == 200
    assert len(await refusals_of(stack, program)) == 1
    assert (await client.get(program.path)).data["status"] == "revoked"
    refused = await token_of(stack, program)
    assert (refused.status, refused.json["error"]) == (401, "invalid_client")
    for answer in (await client.patch(program.path, {"name": "x"}), await client.post(f"{program.path}/rotate", {})):
        assert (answer.status, answer.json["code"]) == (409, "conflict")


async def test_a_rotated_secret_holds_for_a_day_beside_the_new_one(stack: Stack, organisation: int) -> None:
    client = maker(stack, organisation)
    old = await new_program(client)
    rotated = await client.request("POST", f"{old.path}/rotate")
    new = type(old)(old.id, old.client_id, rotated.data["client_secret"])
    assert new.secret != old.secret
    assert rotated.data["previous_secret_until"] is not None
    assert [(await token_of(stack, each)).status for each in (old, new)] == [200, 200]
    await as_if(stack, old, "previous_until = previous_until - interval '24 hours'")
    assert [(await token_of(stack, each)).status for each in (old, new)] == [401, 200]
    assert (await client.get(old.path)).data["previous_secret_until"] is None
    assert await refusals_of(stack, old) == []


async def test_a_secret_rotated_at_once_holds_no_more_nor_do_its_tokens(stack: Stack, organisation: int) -> None:
    client = maker(stack, organisation)
    old = await new_program(client)
    rotated = await client.post(f"{old.path}/rotate", {"at_once": True})
    new = type(old)(old.id, old.client_id, rotated.data["client_secret"])
    assert [(await token_of(stack, each)).status for each in (old, new)] == [401, 200]
    assert len(await refusals_of(stack, old)) == 1


async def test_a_repeated_rotation_rotates_once(stack: Stack, organisation: int) -> None:
    client, key = maker(stack, organisation), {"Idempotency-Key": secrets.token_hex(8)}
    old = await new_program(client)
    first = await client.post(f"{old.path}/rotate", {}, **key)
    again = await client.post(f"{old.path}/rotate", {}, **key)
    assert again.data == {**first.data, "client_secret": None}
    new = type(old)(old.id, old.client_id, first.data["client_secret"])
    assert [(await token_of(stack, each)).status for each in (old, new)] == [200, 200]


async def test_nobody_gives_a_client_what_they_lack(stack: Stack, organisation: int) -> None:
    admin, client = maker(stack, organisation), stack.direct("accounts", organisation, ("api.access", ACCOUNTS, VIEW))
    made = await client.post(CLIENTS, {**FIELDS, "permissions": [VIEW, MANAGE]})
    assert (made.status, made.json["message"]) == (403, f"This needs the permission {MANAGE}.")
    own = await new_program(client)
    assert (await client.patch(own.path, {"permissions": [VIEW, MANAGE]})).status == 403
    mighty = await new_program(admin, permissions=[MANAGE])
    for refused in (
        await client.post(f"{mighty.path}/rotate", {}),
        await client.patch(mighty.path, {"expires_at": LATER}),
    ):
        assert (refused.status, refused.json["message"]) == (403, f"This needs the permission {MANAGE}.")
    assert (await client.patch(mighty.path, {"permissions": [VIEW]})).status == 200
    assert (await admin.post(CLIENTS, {**FIELDS, "permissions": [PLATFORM]})).status == 403
    assert (await client.get(CLIENTS)).json["meta"]["total"] == 2


async def test_who_may_see_all_may_let_a_client_see_some(stack: Stack, organisation: int) -> None:
    program = await new_program(maker(stack, organisation), permissions=[VIEW_COMPANY, ENROLL_COMPANY], company_ids=[4])
    claims = claims_of(await token_of(stack, program))
    assert (claims["company_ids"], claims["user_type"]) == ([4], "service")


async def test_who_looks_after_some_companies_gives_no_others(stack: Stack, organisation: int) -> None:
    permissions = frozenset({"api.access", ACCOUNTS, VIEW_COMPANY})
    caller = Caller(organisation, "coordinator", "", "staff", permissions, company_ids=(4,))
    client = Client(stack.http, stack.accounts_url, token_for(caller, "accounts"))
    await new_program(client, permissions=[VIEW_COMPANY], company_ids=[4])
    answer = await client.post(CLIENTS, {**FIELDS, "permissions": [VIEW_COMPANY], "company_ids": [4, 5]})
    assert (answer.status, answer.json["message"]) == (403, f"This needs the permission {VIEW}.")


async def test_control_without_the_check_a_client_gets_more_than_its_maker(
    stack: Stack, organisation: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rules, "check_may_grant", lambda *_: None)
    client = stack.direct("accounts", organisation, ("api.access", ACCOUNTS))
    assert (await client.post(CLIENTS, {**FIELDS, "permissions": [MANAGE]})).status == 201


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"permissions": ["internal.public"]}, "permissions.0"),
        ({"permissions": ["training.fly"]}, "permissions.0"),
        ({"permissions": []}, "permissions"),
        ({"permissions": VIEW}, "permissions"),
        ({"name": " "}, "name"),
        ({"rate_limit": 0}, "rate_limit"),
        ({"rate_limit": 1_000_001}, "rate_limit"),
        ({"expires_at": "2020-01-01T00:00:00Z"}, "expires_at"),
        ({"expires_at": "tomorrow"}, "expires_at"),
        ({"company_ids": [1, 1]}, "company_ids"),
        ({"client_secret": "chosen"}, "client_secret"),
        ({"client_id": "chosen"}, "client_id"),
    ],
)
async def test_bad_fields_change_nothing(stack: Stack, organisation: int, change: dict[str, Any], field: str) -> None:
    client = maker(stack, organisation)
    program = await new_program(client)
    before = (await client.get(program.path)).text
    for answer in (await client.post(CLIENTS, {**FIELDS, **change}), await client.patch(program.path, change)):
        assert (answer.status, list(answer.json["errors"])) == (422, [field]), answer.text
    assert (await client.get(program.path)).text == before
    assert (await client.get(CLIENTS)).json["meta"]["total"] == 1


async def test_an_expired_client_can_be_renamed_and_extended(stack: Stack, organisation: int) -> None:
    client = maker(stack, organisation)
    program = await new_program(client)
    await as_if(stack, program, "expires_at = now() - interval '1 day'")
    assert (await client.patch(program.path, {"name": "Old"})).data["status"] == "expired"
    assert (await client.patch(program.path, {"expires_at": None})).data["status"] == "active"


async def test_a_client_of_another_organisation_is_not_found(stack: Stack, organisation: int) -> None:
    program, stranger = await new_program(maker(stack, organisation)), maker(stack, new_organisation())
    answers = [
        await stranger.get(program.path),
        await stranger.get(f"{program.path}/audit"),
        await stranger.patch(program.path, {"name": "x"}),
        await stranger.post(f"{program.path}/rotate", {}),
        await stranger.delete(program.path),
    ]
    assert [answer.status for answer in answers] == [404] * 5
    assert (await stranger.get(CLIENTS)).data == []
    assert (await token_of(stack, program)).status == 200


async def test_changes_can_be_made_to_the_version_that_was_read(stack: Stack, organisation: int) -> None:
    client = maker(stack, organisation)
    program = await new_program(client)
    tag = (await client.get(program.path)).headers["ETag"]
    assert (await client.patch(program.path, {"name": "One"}, **{"If-Match": tag})).status == 200
    assert (await client.patch(program.path, {"name": "Two"}, **{"If-Match": tag})).status == 412
    assert (await client.post(f"{program.path}/rotate", {}, **{"If-Match": tag})).status == 412
    assert (await client.delete(program.path, **{"If-Match": tag})).status == 412
    assert (await client.get(program.path)).data["name"] == "One"


async def test_the_security_log_tells_of_changes_that_were_made(
    stack: Stack, organisation: int, security_lines: SecurityLines
) -> None:
    client, key = maker(stack, organisation), {"Idempotency-Key": secrets.token_hex(8)}
    for _ in range(2):
        made = await client.post(CLIENTS, FIELDS, **key)
    path = f"{CLIENTS}/{made.data['id']}"
    await client.patch(path, {"rate_limit": 0})
    await client.patch(path, {"name": "Payroll"})
    await client.post(f"{path}/rotate", {})
    for _ in range(2):
        await client.delete(path)
    lines = security_lines.of(SecurityEvent.CLIENT_CHANGED, subject="test", client=made.data["id"])
    assert [line["reason"] for line in lines] == ["saved", "rotated", "revoked"]
    assert "muster_cs_" not in security_lines.text


async def test_the_trail_says_who_did_what_and_never_a_secret(stack: Stack, organisation: int) -> None:
    client = maker(stack, organisation)
    program = await new_program(client)
    await client.patch(program.path, {"name": "Wages"})
    await client.patch(program.path, {"name": "Wages"})  # nothing changes
    await client.post(f"{program.path}/rotate", {"at_once": True})
    await client.delete(program.path)
    trail = await client.get(f"{program.path}/audit")
    assert [(each["version"], each["action"]) for each in trail.data] == [
        (1, "client.saved"),
        (2, "client.saved"),
        (3, "client.rotated"),
        (4, "client.revoked"),
    ]
    assert trail.data[1]["changes"] == {"name": {"from": "Payroll", "to": "Wages"}}
    assert trail.data[2]["changes"] == {"at_once": {"from": None, "to": True}}
    assert {each["changed_by"]["subject"] for each in trail.data} == {"test"}
    assert "muster_cs_" not in json.dumps(trail.data)


async def test_accounts_manage_is_needed(stack: Stack, organisation: int) -> None:
    program = await new_program(maker(stack, organisation))
    client = stack.direct("accounts", organisation, [name for name in MAKER if name != ACCOUNTS])
    answers = [
        await client.get(CLIENTS),
        await client.post(CLIENTS, FIELDS),
        await client.get(program.path),
        await client.get(f"{program.path}/audit"),
        await client.patch(program.path, {"name": "x"}),
        await client.post(f"{program.path}/rotate", {}),
        await client.delete(program.path),
    ]
    assert [answer.status for answer in answers] == [403] * 7

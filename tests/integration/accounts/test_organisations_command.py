"""`organisations`: what the operator of the platform does from the command line."""

import asyncpg
import pytest

from services.accounts.schemas_organisations import OWN_IDS
from tests.support.own_accounts import OwnAccounts

ACME = ("create", "Acme", "--admin-name=Ann", "--admin-email=ann@example.com")


async def organisations(accounts: OwnAccounts, *arguments: str) -> str:
    outcome = await accounts.command("organisations", *arguments)
    assert outcome.status == 0, outcome.errors
    return outcome.output


async def refusal(accounts: OwnAccounts, *arguments: str, status: int = 1) -> str:
    outcome = await accounts.command("organisations", *arguments)
    assert (outcome.status, outcome.output) == (status, "")
    return outcome.errors


async def created(accounts: OwnAccounts, *options: str) -> dict[str, str]:
    lines = (await organisations(accounts, *ACME, *options)).splitlines()
    return dict(line.split(": ", 1) for line in lines)


async def test_a_new_one_has_an_admin_who_signs_in_by_the_link(accounts: OwnAccounts) -> None:
    made = await created(accounts, "--time-zone=Australia/Sydney", "--booking-clash=refuse")
    assert list(made) == ["organisation", "user", "token", "expires_at"]
    assert int(made["organisation"]) in OWN_IDS
    password = "staple battery horse"
    async with accounts.serving() as client:
        link = {"token": made["token"], "password": password}
        assert (await client.post("/api/v1/auth/invitation", link)).status == 200
        credentials = {"email": "ann@example.com", "password": password}
        assert (await client.post("/api/v1/auth/login", credentials)).data["user"]["role"] == "Admin"
    assert await value(accounts, "SELECT body::json #>> '{data,time_zone}' FROM outbox") == "Australia/Sydney"


async def value(accounts: OwnAccounts, sql: str) -> object:
    connection = await asyncpg.connect(accounts.database.superuser_url, timeout=10)
    try:
        return await connection.fetchval(sql)
    finally:
        await connection.close(timeout=10)


async def test_it_is_listed_renamed_suspended_and_resumed(accounts: OwnAccounts) -> None:
    organisation = (await created(accounts))["organisation"]
    await organisations(accounts, "suspend", "42", "--name=Theirs")
    await organisations(accounts, "rename", organisation, "Umbrella")
    heading, theirs, ours = (await organisations(accounts, "list")).splitlines()
    assert heading.split() == ["ID", "STATUS", "CREATED", "NAME"]
    assert (theirs.split()[:2], theirs.split()[-1]) == (["42", "suspended"], "Theirs")
    assert (ours.split()[:2], ours.split()[-1]) == ([organisation, "active"], "Umbrella")
    await organisations(accounts, "resume", "42")
    await organisations(accounts, "suspend", organisation)
    assert [line.split()[1] for line in (await organisations(accounts, "list")).splitlines()] == [
        "STATUS",
        "active",
        "suspended",
    ]
    assert len((await organisations(accounts, "list", "--search=umbrella")).splitlines()) == 2
    kinds = "SELECT string_agg(kind || ' ' || organisation_id, ', ' ORDER BY seq) FROM revocations"
    assert await value(accounts, kinds) == f"suspended 42, resumed 42, suspended {organisation}"


async def test_what_is_refused_changes_nothing(accounts: OwnAccounts) -> None:
    organisation = (await created(accounts, "--id=42"))["organisation"]
    assert organisation == "42"
    assert "email address" in await refusal(accounts, *ACME)
    assert "organisation with this id" in await refusal(accounts, *ACME[:3], "--admin-email=b@example.com", "--id=42")
    assert "time_zone: " in await refusal(accounts, *ACME[:3], "--admin-email=b@example.com", "--time-zone=Mars")
    assert "id: " in await refusal(accounts, *ACME[:3], "--admin-email=b@example.com", f"--id={OWN_IDS[0]}")
    for action in ("suspend", "resume"):
        assert "does not exist" in await refusal(accounts, action, "43")
    assert "does not exist" in await refusal(accounts, "suspend", str(OWN_IDS[0]), "--name=Mine")
    assert "name: " in await refusal(accounts, "rename", "42", " ")
    assert await value(accounts, "SELECT count(*) FROM organisations") == 1
    assert await value(accounts, "SELECT count(*) FROM users") == 1
    assert await value(accounts, "SELECT count(*) FROM outbox") == 1


@pytest.mark.parametrize("wrong", ["0", "-1", "x", str(2**63), "1" * 5000])
async def test_an_id_that_is_none(accounts: OwnAccounts, wrong: str) -> None:
    outcome = await accounts.command("organisations", "suspend", "--", wrong)
    assert outcome.status == 2
    assert "ID" in outcome.errors

"""`import USERS KEYS`: an installation of the version before keeps its users, its keys and its running tokens."""

import asyncio
import json
from pathlib import Path
from typing import Any

import asyncpg
import jwt
import pytest

from services.accounts.earlier_files import read_users
from services.accounts.store import earlier_users
from services.accounts.use_cases.moving_over import take_over_users
from shared.auth.jwk import new_private_keys, parse_private_keys
from shared.postgres.pool import connection_pool, transaction
from shared.postgres.row_security import EVERY_ORGANISATION
from tests.support.commands import Outcome
from tests.support.eventually import eventually
from tests.support.own_accounts import CHEAP, OwnAccounts, written

PASSWORD = "the password of before"
HASH = CHEAP.hash(PASSWORD)
KEYS: list[dict[str, Any]] = [json.loads(new_private_keys())["keys"][0] for _ in range(2)]


def user(number: int, **changes: Any) -> dict[str, Any]:
    return {
        "id": number,
        "organisation_id": 1,
        "name": f"User {number}",
        "email": f"User{number}@example.com",
        "role": "Admin",
        "password_hash": HASH,
        "created_at": "2026-01-01T00:00:00Z",
        **changes,
    }


USERS = [
    user(1, role="Employee", employee_id=42),
    user(7, organisation_id=2, role="Contractor Coordinator", company_ids=[77, 78]),
]


async def imported(accounts: OwnAccounts, folder: Path, users: object, keys: object = None) -> Outcome:
    files = [written(folder, "users.json", json.dumps(users))]
    if keys is not None:
        files.append(written(folder, "keys.json", json.dumps({"keys": keys})))
    return await accounts.command("import", *files)


async def executed(accounts: OwnAccounts, sql: str, *arguments: object) -> list[dict[str, Any]]:
    connection = await asyncpg.connect(accounts.database.superuser_url, timeout=10)
    try:
        return [dict(row) for row in await connection.fetch(sql, *arguments)]
    finally:
        await connection.close(timeout=10)


async def rows(accounts: OwnAccounts) -> dict[str, list[dict[str, Any]]]:
    tables = {"users": "id", "organisations": "organisation_id", "signing_keys": "created_at"}
    return {
        table: await executed(accounts, f"SELECT * FROM {table} ORDER BY {order}") for table, order in tables.items()
    }


async def test_users_keep_what_they_have_and_their_organisations_are_made(
    accounts: OwnAccounts, tmp_path: Path
) -> None:
    outcome = await imported(accounts, tmp_path, USERS, KEYS)
    assert (outcome.status, outcome.output) == (
        0,
        "users: 2 taken over, 0 were there already\n"
        "organisations: 2 made for them\n"
        "keys: 2 taken over, 0 were there already\n",
    )
    found = await rows(accounts)
    kept = ("id", "organisation_id", "name", "email", "role", "employee_id", "company_ids", "password_hash")
    assert [{name: row[name] for name in kept} for row in found["users"]] == [
        {"employee_id": None, "company_ids": [], **{name: value for name, value in each.items() if name in kept}}
        for each in USERS
    ]
    assert {row["created_at"].isoformat() for row in found["users"]} == {"2026-01-01T00:00:00+00:00"}
    assert [(row["organisation_id"], row["name"]) for row in found["organisations"]] == [
        (1, "Organisation 1"),
        (2, "Organisation 2"),
    ]


async def test_it_is_in_the_audit_trail_what_was_taken_over(accounts: OwnAccounts, tmp_path: Path) -> None:
    await imported(accounts, tmp_path, USERS)
    await imported(accounts, tmp_path, USERS)
    trail = await executed(accounts, "SELECT * FROM audit_trail ORDER BY kind, id")
    assert [(each["kind"], each["organisation_id"], each["id"], each["version"], each["action"]) for each in trail] == [
        ("organisation", 1, 1, 1, "organisation.known"),
        ("organisation", 2, 2, 1, "organisation.known"),
        ("user", 1, 1, 1, "user.imported"),
        ("user", 2, 7, 1, "user.imported"),
    ]
    changes = json.loads(trail[3]["changes"])
    assert changes["company_ids"] == {"from": None, "to": [77, 78]}
    assert "argon2" not in trail[3]["changes"]


async def test_running_tokens_stay_valid_and_passwords_work(accounts: OwnAccounts, tmp_path: Path) -> None:
    running = parse_private_keys(json.dumps({"keys": KEYS})).sign({"sub": "1"})
    await imported(accounts, tmp_path, USERS, KEYS)
    async with accounts.serving() as client:
        keys = (await client.get("/.well-known/jwks.json")).json["keys"]
        assert [key["kid"] for key in keys] == [key["kid"] for key in KEYS]
        assert jwt.decode(running, jwt.PyJWK(keys[0]), algorithms=["EdDSA"]) == {"sub": "1"}
        answer = await client.post("/api/v1/auth/login", {"email": "user7@example.com", "password": PASSWORD})
    claims = jwt.decode(answer.data["token"], jwt.PyJWK(keys[0]), algorithms=["EdDSA"], audience="muster-api")
    assert (claims["sub"], claims["org"], claims["company_ids"]) == ("7", 2, [77, 78])


async def test_imported_keys_are_not_retired_while_their_tokens_run(accounts: OwnAccounts, tmp_path: Path) -> None:
    await imported(accounts, tmp_path, [], KEYS)
    outcome = await accounts.command("keys", "retire", KEYS[1]["kid"])
    assert outcome.status == 1
    assert "may be valid for another 864" in outcome.errors


async def test_a_key_that_a_process_has_made_before_signs_no_longer(accounts: OwnAccounts, tmp_path: Path) -> None:
    [own] = (await accounts.command("keys", "add")).output.split()
    await imported(accounts, tmp_path, [], KEYS)
    states = [line.split()[:3:2] for line in (await accounts.command("keys", "list")).output.splitlines()[1:]]
    assert states == [[KEYS[0]["kid"], "signs"], [KEYS[1]["kid"], "published"], [own, "replaced"]]


async def test_a_second_run_changes_nothing_that_was_changed_since(accounts: OwnAccounts, tmp_path: Path) -> None:
    await imported(accounts, tmp_path, USERS, KEYS)
    await executed(accounts, "UPDATE users SET role = 'Trainer', name = 'Changed', disabled_at = now() WHERE id = 1")
    await executed(accounts, "UPDATE organisations SET name = 'Acme', suspended_at = now() WHERE organisation_id = 2")
    new = (await accounts.command("keys", "add")).output.strip()
    await accounts.command("keys", "promote", "--now", new)
    await accounts.command("keys", "retire", "--now", KEYS[0]["kid"])
    before = await rows(accounts)
    again = await imported(accounts, tmp_path, USERS, KEYS)
    assert again.output.splitlines() == [
        "users: 0 taken over, 2 were there already",
        "organisations: 0 made for them",
        "keys: 0 taken over, 2 were there already",
    ]
    assert await rows(accounts) == before


async def test_what_came_later_is_added_by_a_second_run(accounts: OwnAccounts, tmp_path: Path) -> None:
    await imported(accounts, tmp_path, USERS[:1], KEYS[:1])
    outcome = await imported(accounts, tmp_path, USERS, KEYS)
    assert "users: 1 taken over, 1 were there already" in outcome.output
    assert "keys: 1 taken over, 1 were there already" in outcome.output
    lines = (await accounts.command("keys", "list")).output.splitlines()
    assert [line.split()[2] for line in lines] == ["STATE", "signs", "published"]


async def test_users_that_come_later_get_other_ids(accounts: OwnAccounts, tmp_path: Path) -> None:
    await imported(accounts, tmp_path, [*USERS, user(2**63 - 1)])
    [row] = await executed(accounts, "SELECT nextval('user_ids') AS id")
    assert row["id"] == 8


@pytest.mark.parametrize("files", [["-", "-"], ["-"], []])
async def test_either_file_may_be_missing(accounts: OwnAccounts, files: list[str]) -> None:
    outcome = await accounts.command("import", *files)
    assert (outcome.status, outcome.output.splitlines()[0]) == (0, "users: 0 taken over, 0 were there already")


async def test_a_broken_file_changes_nothing(accounts: OwnAccounts, tmp_path: Path) -> None:
    before = await rows(accounts)
    for users, keys, message in (
        ([*USERS, user(3, role="Boss")], KEYS, "users.json: entry 3 (id 3): role: "),
        (USERS, [*KEYS, {"kty": "oct"}], "keys.json: entry 3: a key needs a kid"),
        ("users", KEYS, "users.json: it is not a JSON list of users"),
    ):
        outcome = await imported(accounts, tmp_path, users, keys)
        assert (outcome.status, outcome.output) == (1, "")
        assert message in outcome.errors
        assert outcome.errors.endswith("; nothing was imported\n")
        assert await rows(accounts) == before
    outcome = await accounts.command("import", str(tmp_path / "nowhere.json"))
    assert (outcome.status, "nowhere.json cannot be read" in outcome.errors) == (1, True)


async def taken_over_at_once(accounts: OwnAccounts) -> list[int]:
    """How many users each of two imports adds, of which the second begins before the first is committed."""
    entries = read_users(json.dumps(USERS))
    url = accounts.settings.migration_database_url.get_secret_value()

    async def second() -> int:
        async with transaction(pool, EVERY_ORGANISATION) as connection:
            return (await take_over_users(connection, entries)).new

    async def waits() -> bool:
        waiting = "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        return bool(await executed(accounts, f"SELECT 1 WHERE EXISTS ({waiting})"))

    async with connection_pool(url, name="imports", size=2) as pool:
        async with transaction(pool, EVERY_ORGANISATION) as connection:
            first = (await take_over_users(connection, entries)).new
            other = asyncio.create_task(second())
            await eventually(waits)
        return [first, await other]


async def test_of_two_imports_at_once_the_second_finds_what_the_first_has_added(accounts: OwnAccounts) -> None:
    assert await taken_over_at_once(accounts) == [2, 0]


async def test_control_without_the_lock_the_second_fails(
    accounts: OwnAccounts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(earlier_users, "_LOCK", "SELECT")
    with pytest.raises(asyncpg.UniqueViolationError):
        await taken_over_at_once(accounts)


async def test_an_id_or_an_address_of_somebody_else_is_refused(accounts: OwnAccounts, tmp_path: Path) -> None:
    await imported(accounts, tmp_path, USERS)
    before = await rows(accounts)
    for entry, message in (
        (user(1, organisation_id=2), "entry 2 (id 1): a user of organisation 1 has this id already"),
        (user(9, email="USER7@example.com"), "entry 2 (id 9): user 7 of organisation 2 has this email address already"),
    ):
        outcome = await imported(accounts, tmp_path, [user(8), entry], KEYS)
        assert (outcome.status, outcome.output) == (1, "")
        assert message in outcome.errors
        assert await rows(accounts) == before


async def test_without_its_tables_it_says_what_to_do(accounts: OwnAccounts, tmp_path: Path) -> None:
    await executed(accounts, "ALTER TABLE users RENAME TO users_gone")
    outcome = await imported(accounts, tmp_path, USERS)
    assert outcome.status == 2
    assert "run `migrate` first" in outcome.errors

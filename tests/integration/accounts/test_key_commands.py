"""`keys add|promote|retire|list|reencrypt`, and what of the keys lies in the database."""

import asyncio
import json
import secrets
import subprocess

import asyncpg
import jwt
import pytest
from pydantic import SecretStr

from services.accounts.key_ring import KeyRing
from services.accounts.sealing import sealer_of
from services.accounts.signing_keys import PUBLISHING
from services.accounts.store import keys as key_store
from shared.auth import secrets_at_rest
from shared.auth.jwk import MAX_KEYS, parse_private_keys
from shared.postgres.pool import connection_pool, transaction
from stack.servers.requirements import POSTGRES, find
from tests.support.own_accounts import OwnAccounts


async def executed(accounts: OwnAccounts, sql: str, *arguments: object) -> list[asyncpg.Record]:
    """Past the service, as the superuser."""
    connection = await asyncpg.connect(accounts.database.superuser_url, timeout=10)
    try:
        return list(await connection.fetch(sql, *arguments))
    finally:
        await connection.close(timeout=10)


async def listed(accounts: OwnAccounts) -> list[tuple[str, ...]]:
    """KID, algorithm and state of each key."""
    outcome = await accounts.command("keys", "list")
    assert outcome.status == 0, outcome.errors
    return [tuple(line.split()[:3]) for line in outcome.output.splitlines()[1:]]


async def added(accounts: OwnAccounts, *options: str) -> str:
    outcome = await accounts.command("keys", "add", *options)
    assert outcome.status == 0, outcome.errors
    return outcome.output.strip()


async def age(accounts: OwnAccounts) -> None:
    """As if the keys had been published long enough."""
    await executed(accounts, "UPDATE signing_keys SET created_at = created_at - $1::interval", PUBLISHING)


async def private_halves(accounts: OwnAccounts) -> dict[str, str]:
    """The private member of each key, decrypted."""
    sealer = sealer_of(accounts.settings)
    rows = await executed(accounts, "SELECT key_id, private_sealed FROM signing_keys")
    return {row["key_id"]: json.loads(sealer.open(row["private_sealed"], row["key_id"]))["d"] for row in rows}


async def test_the_first_process_makes_a_key_that_signs_and_others_find_it(accounts: OwnAccounts) -> None:
    async with accounts.serving() as one, accounts.serving() as another:
        published = [(await each.get("/.well-known/jwks.json")).json for each in (one, another)]
    assert published[0] == published[1]
    [key] = published[0]["keys"]
    assert await listed(accounts) == [(key["kid"], "EdDSA", "signs")]


async def test_of_processes_that_start_at_once_one_makes_the_first_key(accounts: OwnAccounts) -> None:
    url, sealer = accounts.settings.database_url.get_secret_value(), sealer_of(accounts.settings)
    async with connection_pool(url, name="first keys", size=6) as pool:
        rings = [KeyRing(pool, sealer) for _ in range(6)]
        await asyncio.gather(*(ring.read() for ring in rings))
        assert len({ring.published() for ring in rings}) == 1


async def test_control_without_the_lock_several_first_keys_are_made(
    accounts: OwnAccounts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(key_store, "_LOCK", "SELECT")
    url, sealer = accounts.settings.database_url.get_secret_value(), sealer_of(accounts.settings)
    async with connection_pool(url, name="first keys", size=2) as pool:
        async with transaction(pool, ()) as one, transaction(pool, ()) as another:
            await key_store.make_first(one, sealer)
            await key_store.make_first(another, sealer)
        async with transaction(pool, ()) as connection:
            assert len(await key_store.list_keys(connection)) == 2


async def test_a_key_of_each_algorithm_can_be_made_and_signs(accounts: OwnAccounts) -> None:
    first = await added(accounts)
    made = {first: "EdDSA", **{await added(accounts, f"--algorithm={name}"): name for name in ("ES256", "RS256")}}
    assert {key: algorithm for key, algorithm, _ in await listed(accounts)} == made
    async with accounts.serving() as client:
        keys = (await client.get("/.well-known/jwks.json")).json["keys"]
    for key, algorithm in made.items():
        if key != first:
            assert (await accounts.command("keys", "promote", "--now", key)).status == 0
        token = (await accounts.command("token")).output.strip()
        assert jwt.get_unverified_header(token) == {"alg": algorithm, "kid": key, "typ": "at+jwt"}
        public = jwt.PyJWK(next(each for each in keys if each["kid"] == key))
        assert jwt.decode(token, public, algorithms=[algorithm], audience="muster-api")["org"] == 1


async def test_a_key_is_promoted_when_gateways_have_read_it_and_retired_when_its_tokens_are_gone(
    accounts: OwnAccounts,
) -> None:
    old, new = await added(accounts), await added(accounts)
    assert await listed(accounts) == [(old, "EdDSA", "signs"), (new, "EdDSA", "published")]
    soon = await accounts.command("keys", "promote", new)
    assert soon.status == 1
    assert " s, or at once with --now" in soon.errors
    await age(accounts)
    assert (await accounts.command("keys", "promote", new)).status == 0
    assert await listed(accounts) == [(new, "EdDSA", "signs"), (old, "EdDSA", "replaced")]
    soon = await accounts.command("keys", "retire", old)
    assert soon.status == 1
    assert "may be valid for another 86" in soon.errors
    await executed(accounts, "UPDATE signing_keys SET promoted_at = promoted_at - interval '1 day'")
    assert (await accounts.command("keys", "retire", old)).status == 0
    assert await listed(accounts) == [(new, "EdDSA", "signs"), (old, "EdDSA", "retired")]
    [row] = await executed(accounts, "SELECT private_sealed FROM signing_keys WHERE key_id = $1", old)
    assert row["private_sealed"] == b""


async def test_what_makes_no_sense_is_refused(accounts: OwnAccounts) -> None:
    key = await added(accounts)
    for arguments, reason in (
        (["promote", key], "signs already"),
        (["retire", "--now", key], "promote another one first"),
        (["promote", "--now", "nobody"], "there is no published key nobody"),
        (["retire", "--now", "nobody"], "there is no published key nobody"),
    ):
        outcome = await accounts.command("keys", *arguments)
        assert (outcome.status, outcome.output) == (1, "")
        assert reason in outcome.errors
    assert await listed(accounts) == [(key, "EdDSA", "signs")]


async def test_a_key_set_has_room_for_a_hundred_keys(accounts: OwnAccounts) -> None:
    first = await added(accounts)
    insert = """
        INSERT INTO signing_keys (key_id, algorithm, private_sealed, created_at)
        SELECT 'key' || number, 'EdDSA', '', now() FROM generate_series(1, $1::int) AS number
    """
    await executed(accounts, insert, MAX_KEYS - 1)
    full = await accounts.command("keys", "add")
    assert (full.status, "there are 100 published keys" in full.errors) == (1, True)
    assert (await accounts.command("keys", "retire", "key7")).status == 0
    second = await added(accounts)
    assert {key for key, _, state in await listed(accounts) if state == "signs"} == {first} != {second}


async def test_a_token_of_the_command_keeps_its_key_from_being_retired(accounts: OwnAccounts) -> None:
    old, new = await added(accounts), await added(accounts)
    assert (await accounts.command("token", f"--ttl={20 * 86_400}")).status == 0
    assert (await accounts.command("keys", "promote", "--now", new)).status == 0
    await executed(accounts, "UPDATE signing_keys SET promoted_at = promoted_at - interval '2 days'")
    soon = await accounts.command("keys", "retire", old)
    assert soon.status == 1
    assert "may be valid for another 17" in soon.errors


async def dump(accounts: OwnAccounts) -> bytes:
    """What a backup of the database holds."""
    program = find(POSTGRES)
    assert program is not None
    command = [str(program.directory / "pg_dump"), accounts.database.superuser_url]
    done = await asyncio.to_thread(subprocess.run, command, capture_output=True, timeout=30, check=True)
    return done.stdout


def holds(found: bytes, secret: str) -> bool:
    """Whether it is there, as it is or in the digits of a bytea."""
    return secret.encode() in found or secret.encode().hex().encode() in found


async def test_no_private_half_is_in_the_table_or_in_a_backup(accounts: OwnAccounts) -> None:
    await added(accounts)
    await added(accounts, "--algorithm=RS256")
    backup, halves = await dump(accounts), await private_halves(accounts)
    table = repr(await executed(accounts, "SELECT * FROM signing_keys")).encode()
    assert len(halves) == 2
    for key, half in halves.items():
        assert key.encode() in backup
        assert not holds(backup, half)
        assert not holds(table, half)


async def test_control_a_private_half_that_is_not_encrypted_is_noticed(
    accounts: OwnAccounts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(secrets_at_rest.Sealer, "seal", lambda _, text, about: text.encode())
    monkeypatch.setattr(secrets_at_rest.Sealer, "open", lambda _, sealed, about: sealed.decode())
    url = accounts.settings.database_url.get_secret_value()
    async with connection_pool(url, name="careless", size=1) as pool:
        await KeyRing(pool, sealer_of(accounts.settings)).read()
    [half] = (await private_halves(accounts)).values()
    assert holds(await dump(accounts), half)


async def test_with_another_secret_a_process_ends_and_commands_say_why(accounts: OwnAccounts) -> None:
    await added(accounts)
    other = accounts.changed(accounts_secret=SecretStr(secrets.token_hex(32)), port=0)
    for arguments, status in (((), 2), (("token",), 2), (("keys", "reencrypt"), 2)):
        outcome = await other.command(*arguments)
        assert outcome.status == status
        assert "setting ACCOUNTS_SECRET: the private half of key" in outcome.errors
        assert "Traceback" not in outcome.errors, outcome.errors


async def test_the_secret_is_changed_without_a_break(accounts: OwnAccounts) -> None:
    key = await added(accounts)
    halves = await private_halves(accounts)
    fresh = SecretStr(secrets.token_hex(32))
    both = accounts.changed(accounts_secret=fresh, accounts_secret_previous=accounts.settings.accounts_secret)
    new = accounts.changed(accounts_secret=fresh)
    async with accounts.serving() as before, both.serving() as during:
        assert (await during.get("/.well-known/jwks.json")).status == 200
        assert (await both.command("keys", "reencrypt")).output == "1 keys are encrypted with ACCOUNTS_SECRET\n"
        assert (await before.get("/.well-known/jwks.json")).json["keys"][0]["kid"] == key
    async with new.serving() as after:
        assert (await after.get("/.well-known/jwks.json")).json["keys"][0]["kid"] == key
    assert await private_halves(new) == halves


async def test_a_process_keeps_its_keys_when_it_cannot_read_new_ones(accounts: OwnAccounts) -> None:
    key = await added(accounts)
    url = accounts.settings.database_url.get_secret_value()
    other = accounts.changed(accounts_secret=SecretStr(secrets.token_hex(32)))
    async with connection_pool(url, name="ring", size=1) as pool:
        ring = KeyRing(pool, sealer_of(accounts.settings))
        await ring.read()
        await added(other)
        with pytest.raises(Exception, match="another ACCOUNTS_SECRET"):
            await ring.read()
        assert json.loads(ring.published())["keys"][0]["kid"] == key


async def test_a_published_key_without_a_private_half_is_not_promoted(accounts: OwnAccounts) -> None:
    first = await added(accounts)
    sealer = sealer_of(accounts.settings)
    url = accounts.settings.migration_database_url.get_secret_value()
    async with connection_pool(url, name="public", size=1) as pool, transaction(pool, ()) as connection:
        keys = parse_private_keys(await key_store.key_set(connection, sealer))
        public = json.dumps({**keys.keys[first].jwk, "kid": "public"})
        await key_store.add(connection, sealer, "public", "EdDSA", public)
    outcome = await accounts.command("keys", "promote", "--now", "public")
    assert outcome.status == 1
    assert "key public cannot sign" in outcome.errors

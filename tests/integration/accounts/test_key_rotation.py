"""A key is replaced while people sign in and gateways verify: nobody gets a 401 or a 503."""

import re
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

import aiohttp
import asyncpg
import jwt
import pytest

from gateway.auth.remote_jwks import FETCH_TIMEOUT, KeysUnavailable, RemoteKeySet
from gateway.trusted_providers import OWN_COOLDOWN, OWN_PAUSE
from services.accounts.key_ring import CHECK_INTERVAL
from services.accounts.signing_keys import PUBLISHING
from shared.concurrency.tasks import background
from tests.support.client import Client
from tests.support.eventually import eventually
from tests.support.own_accounts import CHEAP, OwnAccounts, public_token

EMAIL, PASSWORD = "ada@example.com", "correct horse battery"
SLOW = (300.0, 10.0)
"""How somebody else may follow a key set: seconds between two readings, and before an unknown key is asked for."""


@dataclass
class Load:
    """People who sign in at each process, and the verdict of each gateway on each of their tokens."""

    signing_in: list[Client]
    verifying: list[RemoteKeySet]
    verdicts: Counter[str] = field(default_factory=Counter)
    signed_by: Counter[str] = field(default_factory=Counter)

    async def run(self) -> None:
        while True:
            for client in self.signing_in:
                answer = await client.post("/api/v1/auth/login", {"email": EMAIL, "password": PASSWORD})
                token = answer.data["token"]
                self.signed_by[jwt.get_unverified_header(token)["kid"]] += 1
                self.verdicts.update([await verdict(keys, token) for keys in self.verifying])

    async def goes_on(self) -> None:
        """Returns when some more tokens have been verified."""
        enough = self.verdicts.total() + 12

        async def has_gone_on() -> bool:
            return self.verdicts.total() >= enough

        await eventually(has_gone_on)

    async def is_signed_by(self, key: str) -> None:
        """Returns when both processes sign with this key."""

        async def does() -> bool:
            self.signed_by.clear()
            await self.goes_on()
            return set(self.signed_by) == {key}

        await eventually(does)


async def verdict(keys: RemoteKeySet, token: str) -> str:
    """What a gateway answers."""
    try:
        key = await keys.find(jwt.get_unverified_header(token)["kid"])
    except KeysUnavailable:
        return "503"
    if key is None:
        return "401"
    jwt.decode(token, key.material, algorithms=[key.algorithm], audience="muster-api")
    return "200"


@pytest.fixture
async def load(accounts: OwnAccounts, request: pytest.FixtureRequest) -> AsyncIterator[Load]:
    """Two processes of accounts and a gateway at each."""
    await insert_user(accounts)
    async with AsyncExitStack() as exits:
        clients = [await exits.enter_async_context(accounts.serving()) for _ in range(2)]
        pace = getattr(request, "param", (OWN_PAUSE, OWN_COOLDOWN))
        verifying = [await exits.enter_async_context(gateway_of(client, *pace)) for client in clients]
        load = Load(clients, verifying)
        await exits.enter_async_context(background(load.run(), name="load"))
        await load.goes_on()
        load.verdicts.clear()  # the first ones may come before a gateway has read the set
        yield load


async def insert_user(accounts: OwnAccounts) -> None:
    connection = await asyncpg.connect(accounts.database.superuser_url, timeout=10)
    try:
        await connection.execute(
            "INSERT INTO users (organisation_id, name, email, email_key, role, password_hash)"
            " VALUES (1, 'Ada', $1, $1, 'Admin', $2)",
            EMAIL,
            CHEAP.hash(PASSWORD),
        )
    finally:
        await connection.close(timeout=10)


@asynccontextmanager
async def gateway_of(client: Client, pause: float, cooldown: float) -> AsyncIterator[RemoteKeySet]:
    """The key set as a gateway follows it."""
    async with aiohttp.ClientSession() as session:
        keys = RemoteKeySet(
            session, f"{client.url}/.well-known/jwks.json", cooldown, issuer="muster", pause=pause, headers=own_headers
        )
        async with background(keys.keep_fresh(), name="key set"):
            yield keys


def own_headers() -> Mapping[str, str]:
    return {"Authorization": f"Bearer {public_token()}"}


async def command(accounts: OwnAccounts, *arguments: str) -> str:
    outcome = await accounts.command("keys", *arguments)
    assert outcome.status == 0, outcome.errors
    return outcome.output.strip()


async def test_a_rotation_under_load_is_noticed_by_nobody(accounts: OwnAccounts, load: Load) -> None:
    [old] = load.signed_by
    new = await command(accounts, "add", "--algorithm=ES256")
    await every_gateway_has_read(load, new)
    await command(accounts, "promote", "--now", new)
    await load.is_signed_by(new)
    await command(accounts, "retire", "--now", old)
    await every_gateway_has_read(load, new, gone=old)
    await load.goes_on()
    assert set(load.verdicts) == {"200"}


async def every_gateway_has_read(load: Load, new: str, gone: str | None = None) -> None:
    """As after the seconds that `promote` waits for: each process has published it, and each gateway has read it."""

    async def has_been_read() -> bool:
        answers = [await client.get("/.well-known/jwks.json") for client in load.signing_in]
        published = [{key["kid"] for key in answer.json["keys"]} for answer in answers]
        known = [set(keys.keys) for keys in load.verifying]
        return all(new in each and gone not in each for each in (*published, *known))

    await eventually(has_been_read)


@pytest.mark.parametrize("load", [SLOW], indirect=True)
async def test_control_a_key_that_signs_before_it_was_read_is_noticed(accounts: OwnAccounts, load: Load) -> None:
    new = await command(accounts, "add")
    await command(accounts, "promote", "--now", new)
    await load.is_signed_by(new)
    assert load.verdicts["503"] > 0


async def test_the_wait_is_longer_than_anybody_keeps_the_key_set(accounts: OwnAccounts) -> None:
    async with accounts.serving() as client:
        [kept] = re.findall(r"max-age=(\d+)", (await client.get("/.well-known/jwks.json")).headers["Cache-Control"])
    assert PUBLISHING.total_seconds() > float(kept) + FETCH_TIMEOUT + 2 * CHECK_INTERVAL
    assert PUBLISHING.total_seconds() > OWN_PAUSE + FETCH_TIMEOUT + 2 * CHECK_INTERVAL

"""The identity provider is down or rotates its keys; a machine's clock is five minutes off."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import asyncpg
import pytest

from tests.faults.bed import Bed
from tests.faults.figures import figure
from tests.faults.processes import ProductProcess
from tests.support.client import Client, client_token, new_organisation
from tests.support.eventually import eventually
from tests.support.identity_provider import Provider, identity_provider
from tests.support.world import enroll, new_course, new_employee, new_session

COOLDOWN = 0.5
FETCHES = 3
OFF = (-300, 300)
"""Seconds by which a clock is wrong."""
LIMIT = 6
CLOSE = 60
"""Seconds; a time that is off by less does not come from a clock that is wrong by five minutes."""
ME = "/api/v1/auth/me"

pytestmark = pytest.mark.timeout(120)


async def test_while_the_key_set_is_away_known_keys_serve_and_it_is_asked_once_in_each_cooldown(bed: Bed) -> None:
    async with identity_provider() as provider, trusting_gateway(bed, provider) as gateway:
        assert await said(bed, gateway, provider.token("first", new_organisation())) == 200
        away = await ask_while_away(bed, gateway, provider)
    assert (away.known, away.unknown) == ({200}, {503})
    assert away.fetches_in_each_cooldown <= 1
    figure("key set away", "fetches in each cooldown", away.fetches_in_each_cooldown, "", goal=1)


async def test_control_without_cooldown_and_last_good_keys_nobody_gets_in_and_the_provider_is_flooded(bed: Bed) -> None:
    without = "last good keys,cooldown"
    async with identity_provider() as provider, trusting_gateway(bed, provider, WITHOUT=without) as gateway:
        away = await ask_while_away(bed, gateway, provider)
    assert 503 in away.known
    assert away.fetches_in_each_cooldown > 1


async def test_a_rotated_key_is_never_called_wrong_and_a_withdrawn_one_is(bed: Bed) -> None:
    async with identity_provider() as provider, trusting_gateway(bed, provider) as gateway:
        organisation = new_organisation()
        first = [provider.token("first", organisation) for _ in range(2)]
        provider.add_key("second")
        assert await said_until_accepted(bed, gateway, provider, "second") <= {200, 503}
        assert await said(bed, gateway, first[0]) == 200
        del provider.private["first"]
        provider.add_key("third")
        assert await said_until_accepted(bed, gateway, provider, "third") <= {200, 503}
        assert [await said(bed, gateway, token) for token in first] == [401, 401]


@asynccontextmanager
async def trusting_gateway(bed: Bed, provider: Provider, **changes: str) -> AsyncIterator[ProductProcess]:
    """A gateway to which only the provider's tokens count."""
    settings = {
        "CLIENT_TOKEN_SECRET": None,
        "KEY_SET_URL": f"{provider.url}/keys",
        "KEY_SET_COOLDOWN": str(COOLDOWN),
        "TOKEN_ISSUER": provider.url,
        "TOKEN_AUDIENCE": "training",
    }
    async with bed.another("gateway", **settings, **changes) as gateway:
        yield gateway


async def said(bed: Bed, gateway: ProductProcess, token: str) -> int:
    """The status of an answer of accounts, to any valid token."""
    return (await Client(bed.http, gateway.url, token, of_services=False).get(ME)).status


@dataclass(frozen=True)
class Away:
    """What was said meanwhile to tokens with a known key and with an unknown one, and how often it was looked for."""

    known: set[int]
    unknown: set[int]
    fetches_in_each_cooldown: float


async def ask_while_away(bed: Bed, gateway: ProductProcess, provider: Provider) -> Away:
    """Asks with new tokens until the gateway has looked for the keys a few times in vain."""
    stranger, known, unknown = Provider(provider.url), set(), set()
    stranger.add_key("unknown")
    provider.broken, before, began = True, provider.asked, time.monotonic()

    async def looked_for() -> bool:
        known.add(await said(bed, gateway, provider.token("first", new_organisation())))
        unknown.add(await said(bed, gateway, stranger.token("unknown", new_organisation())))
        return provider.asked >= before + FETCHES

    await eventually(looked_for)
    cooldowns = 1 + (time.monotonic() - began) / COOLDOWN
    return Away(known, unknown, (provider.asked - before) / cooldowns)


async def said_until_accepted(bed: Bed, gateway: ProductProcess, provider: Provider, key: str) -> set[int]:
    """Every status until tokens with the key count."""
    statuses = set()

    async def accepted() -> bool:
        statuses.add(await said(bed, gateway, provider.token(key, new_organisation())))
        return 200 in statuses

    await eventually(accepted)
    return statuses


@dataclass(frozen=True)
class WrongClock:
    """A gateway whose clock is `off` seconds ahead of all the others, and so are those of enrollment and accounts.

    With any other clock it would find no service that accepts its tokens, and never be ready.
    """

    off: int
    gateway: ProductProcess


@asynccontextmanager
async def wrong_clock(bed: Bed, off: int, *, without: str = "") -> AsyncIterator[WrongClock]:
    variables = {"CLOCK_OFFSET": str(off), "WITHOUT": without}
    async with (
        bed.another("enrollment", **variables) as enrollment,
        bed.another("accounts", **variables) as accounts,
        bed.another("gateway", **variables, ENROLLMENT_URL=enrollment.url, ACCOUNTS_URL=accounts.url) as gateway,
    ):
        yield WrongClock(off, gateway)


@pytest.fixture(scope="module", params=OFF)
async def wrong(whole_bed: Bed, request: pytest.FixtureRequest) -> AsyncIterator[WrongClock]:
    async with wrong_clock(whole_bed, request.param) as wrong:
        yield wrong


async def test_tokens_have_half_a_minute_of_leeway_by_every_clock(bed: Bed, wrong: WrongClock) -> None:
    for gateway, off in ((bed.gateways[0], 0), (wrong.gateway, wrong.off)):
        assert await said(bed, gateway, expired(bed, off, ago=20)) == 200
        assert await said(bed, gateway, expired(bed, off, ago=40)) == 401


async def test_gateways_count_together_whatever_their_clocks_say(bed: Bed, wrong: WrongClock) -> None:
    assert await admitted(bed, [bed.gateways[0], wrong.gateway]) == LIMIT
    assert await admitted(bed, [wrong.gateway, bed.gateways[0]]) == LIMIT


async def test_rows_and_events_have_the_time_of_the_database(bed: Bed, wrong: WrongClock) -> None:
    assert await farthest_time(bed, wrong) < CLOSE


async def test_control_clocks_that_are_heard_let_in_who_is_late_and_begin_new_windows(bed: Bed) -> None:
    async with wrong_clock(bed, 300, without="bound of leeway,clock of Redis") as wrong:
        assert await said(bed, wrong.gateway, expired(bed, 300, ago=40)) == 200
        assert await admitted(bed, [bed.gateways[0], wrong.gateway]) > LIMIT


async def test_control_rows_by_the_clock_of_the_process_are_off(bed: Bed) -> None:
    async with wrong_clock(bed, 300, without="clock of the database") as wrong:
        assert await farthest_time(bed, wrong) > CLOSE


def expired(bed: Bed, off: int, *, ago: int) -> str:
    """A token that expired some seconds ago by a clock that is so far off."""
    now = int(time.time()) + off
    return client_token(bed.client_secret, new_organisation(), iat=now - 900, exp=now - ago)


async def admitted(bed: Bed, gateways: list[ProductProcess]) -> int:
    """How many requests of a new user pass, when each gateway in its turn is asked for the whole limit twice."""
    claims = {"iat": int(time.time()) - 900, "exp": int(time.time()) + 900, "rate_limit": LIMIT}
    token = client_token(bed.client_secret, new_organisation(), **claims)
    statuses = [await said(bed, gateway, token) for gateway in gateways * 2 for _ in range(LIMIT)]
    assert set(statuses) == {200, 429}
    return statuses.count(200)


async def farthest_time(bed: Bed, wrong: WrongClock) -> float:
    """Of everything that is written through it: the most seconds that a time differs from the database's."""
    organisation = new_organisation()
    right = bed.client(organisation)
    session = await new_session(right, await new_course(right))
    await enroll(right, session, await new_employee(right))  # now enrollment knows the session
    token = client_token(bed.client_secret, organisation, iat=int(time.time()) - 900, exp=int(time.time()) + 900)
    client = Client(bed.http, wrong.gateway.url, token, of_services=False)
    await enroll(client, session, await new_employee(client))
    return await times_off(bed, organisation)


TIMES_OFF = """
SELECT max(abs(extract(epoch FROM now() - at)))::float8 FROM (
    SELECT enrolled_at FROM enrollments WHERE organisation_id = $1
    UNION ALL SELECT created_at FROM people WHERE organisation_id = $1
    UNION ALL SELECT created_at FROM outbox WHERE organisation_id = $1
    UNION ALL SELECT (body::jsonb ->> 'time')::timestamptz FROM outbox WHERE organisation_id = $1
) AS times (at)
"""


async def times_off(bed: Bed, organisation: int) -> float:
    connection = await asyncpg.connect(bed.database_urls["enrollment"], timeout=5)
    try:
        return float(await connection.fetchval(TIMES_OFF, organisation))
    finally:
        await connection.close()

"""How many streams may be open, and what ends them: tokens, readers, services, and the end of the gateway."""

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable

import pytest

from gateway.admission import revocation
from gateway.admission.open_streams import OpenStreams
from gateway.admission.redis_client import Availability, redis_client
from gateway.admission.revocation import Revocations
from tests.integration.gateway.edge import Accounts, Edge, StartGateway, new_token
from tests.integration.gateway.lane import PATH, PIECE, asked, endless, silent, waits
from tests.support.databases import redis_url
from tests.support.eventually import eventually
from tests.support.streams import Read, Source, connection, read_all, read_of, read_until, streaming, unwatched

pytestmark = pytest.mark.usefixtures("lane")


async def ended_after(edge: Edge, token: str, ending: Callable[[], Awaitable[None]]) -> Read:
    """What comes of a stream that this ends."""
    async with connection(edge.url, asked(token)) as made:
        await read_until(made, b"one")
        await ending()
        return await read_all(made)


async def test_a_stream_ends_when_its_token_is_revoked(start_gateway: StartGateway, token: str) -> None:
    """By another gateway, which only Redis tells."""
    async with streaming(Source(silent)) as service:
        edge, other = [await start_gateway(catalog_url=service.url) for _ in range(2)]

        async def log_out() -> None:
            assert (await other.client(token).post("/api/v1/auth/logout", {})).status == 200

        assert (await ended_after(edge, token, log_out)).reset
        await eventually(service.has_no_slots)


async def test_other_tokens_streams_go_on(start_gateway: StartGateway, organisation: int, token: str) -> None:
    async with streaming(Source(silent)) as service:
        edge = await start_gateway(catalog_url=service.url)

        async def log_out() -> None:
            assert (await edge.client(token).post("/api/v1/auth/logout", {})).status == 200

        async with connection(edge.url, asked(new_token(organisation))) as made:
            await read_until(made, b"one")
            assert (await ended_after(edge, token, log_out)).reset

            async def one_is_open() -> bool:
                return len(service.responder.streams.open) == 1

            await eventually(one_is_open)


async def test_control_without_the_watch_it_goes_on(
    start_gateway: StartGateway, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(OpenStreams, "check", unwatched)
    async with streaming(Source(silent)) as service:
        edge = await start_gateway(catalog_url=service.url)

        async def log_out() -> None:
            assert (await edge.client(token).post("/api/v1/auth/logout", {})).status == 200

        with pytest.raises(TimeoutError):
            async with asyncio.timeout(3):
                await ended_after(edge, token, log_out)


async def test_a_stream_ends_with_the_sessions_of_its_user(
    start_gateway: StartGateway, accounts: Accounts, organisation: int, token: str
) -> None:
    async with streaming(Source(silent)) as service:
        edge = await start_gateway(catalog_url=service.url)

        async def suspend() -> None:
            accounts.suspend(organisation)

        assert (await ended_after(edge, token, suspend)).reset


async def test_a_stream_ends_when_its_token_expires(start_gateway: StartGateway, organisation: int) -> None:
    async with streaming(Source(silent)) as service:
        edge = await start_gateway(catalog_url=service.url)
        token = new_token(organisation, exp=int(time.time()) + 2)

        async def wait() -> None:
            return None

        assert (await ended_after(edge, token, wait)).reset
        answer = await edge.client(token).get(PATH)
        assert (answer.status, answer.json["code"]) == (401, "token_expired")


async def test_who_waits_is_told_that_the_token_is_over(start_gateway: StartGateway, token: str) -> None:
    async with streaming(Source(silent)) as service:
        service.reply = waits(service)
        edge = await start_gateway(catalog_url=service.url)
        waiting = asyncio.ensure_future(edge.client(token).get(PATH))
        await eventually(service.is_open)
        await edge.client(token).post("/api/v1/auth/logout", {})
        answer = await waiting
        assert (answer.status, answer.json["code"]) == (401, "token_invalid")
        await eventually(service.has_no_slots)


async def test_a_user_has_so_many_and_an_organisation_half(start_gateway: StartGateway, organisation: int) -> None:
    async with streaming(Source(silent)) as service:
        edge = await start_gateway(catalog_url=service.url, streams=4)
        tokens = [new_token(organisation, sub=f"user-{number}") for number in range(3)]
        async with connection(edge.url, asked(tokens[0])) as one, connection(edge.url, asked(tokens[1])) as two:
            await read_until(one, b"one")
            await read_until(two, b"one")
            answer = await edge.client(tokens[2]).get(PATH)
            assert (answer.status, answer.headers["Retry-After"]) == (503, "5")
            other = await read_of(edge.url, asked(new_token(organisation + 1)), until=b"one")
            assert other.received
            assert (await edge.client(tokens[2]).get("/api/v1/training/enrollments")).status == 200


async def test_a_reader_who_does_not_read_holds_up_the_service(start_gateway: StartGateway, token: str) -> None:
    source = Source(endless)
    async with streaming(source) as service:
        edge = await start_gateway(catalog_url=service.url)
        async with connection(edge.url, asked(token)):
            await eventually(service.is_open)
            await eventually(source.stands_still)
            assert 0 < source.taken < 1000 * len(PIECE)
        await eventually(source.has_ended)


async def test_a_reader_with_whom_nothing_moves_is_cut(
    start_gateway: StartGateway, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = Source(endless)
    async with streaming(source) as service:
        edge = await start_gateway(catalog_url=service.url)
        monkeypatch.setattr("shared.http.server.outlet.STALL_TIMEOUT", 0.3)
        async with connection(edge.url, asked(token)) as made:
            await eventually(source.has_ended)
            assert (await read_all(made)).reset


async def test_a_service_that_pauses_for_too_long_ends_its_stream(
    start_gateway: StartGateway, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.upstream.stream_connection.STALL_TIMEOUT", 0.2)
    async with streaming(Source(silent)) as service:
        edge = await start_gateway(catalog_url=service.url)
        assert (await read_of(edge.url, asked(token))).reset
        await eventually(service.has_no_slots)


async def test_a_frozen_service_is_given_up(
    start_gateway: StartGateway, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.upstream.lane.ANSWER_TIMEOUT", 0.2)
    async with streaming(Source(silent)) as service:
        service.reply = waits(service)
        edge = await start_gateway(catalog_url=service.url)
        answer = await edge.client(token).get(PATH)
        assert (answer.status, answer.json["code"]) == (504, "upstream_timeout")
        await eventually(service.has_no_slots)


async def test_redis_knows_which_of_many_were_revoked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(revocation, "CHUNK", 10)
    redis = redis_client(redis_url())
    here, there = (Revocations(redis, Availability(redis)) for _ in range(2))
    ids = [secrets.token_hex(8) for _ in range(25)]
    for number in (0, 9, 10, 24):
        await there.revoke(ids[number], int(time.time()) + 60)
    assert await here.among(ids) == {ids[number] for number in (0, 9, 10, 24)}
    assert await here.among([]) == set()
    await redis.aclose()


async def test_without_redis_those_count_that_are_known() -> None:
    redis = redis_client("redis://127.0.0.1:1/0")
    known = Revocations(redis, Availability(redis))
    known.remember("one", int(time.time()) + 60)
    assert await known.among(["one", "two"]) == {"one"}
    await redis.aclose()

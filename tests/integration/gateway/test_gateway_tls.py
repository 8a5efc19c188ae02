"""Redis and a service over TLS, on connections that the gateway holds itself."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from pydantic import SecretStr
from redis.asyncio import Redis

from gateway.admission.redis_client import REDIS_ERRORS, redis_client
from gateway.admission.redis_script import RedisScript
from gateway.upstream.http_client import Connections, NotConnected
from shared.tls import verified
from tests.integration.gateway.edge import StartGateway, new_token
from tests.support.databases import redis_url
from tests.support.proxy import proxy_for
from tests.support.tls import Tls

COURSES, LOGOUT = "/api/v1/training/courses", "/api/v1/auth/logout"
REQUEST = b"GET / HTTP/1.1\r\nHost: service\r\n\r\n"
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 300000\r\n\r\n" + b"x" * 300_000


async def test_requests_are_counted_over_tls(tls: Tls) -> None:
    async with proxy_for(redis_url().replace("redis:", "rediss:"), tls=tls.context) as (proxy, url):
        redis = redis_client(f"{url}?ssl_ca_certs={tls.trusted}")
        script = RedisScript(redis, "return {KEYS[1], ARGV[1]}")
        for number in range(20):
            assert await script.run([str(number)], [number]) == [str(number).encode()] * 2
        assert proxy.accepted == 1
        script.close()
        await redis.aclose()


async def test_a_redis_whose_certificate_nobody_trusts_is_not_asked(tls: Tls) -> None:
    async with proxy_for(redis_url().replace("redis:", "rediss:"), tls=tls.context) as (_, url):
        redis = redis_client(url)
        with pytest.raises(REDIS_ERRORS):
            await RedisScript(redis, "return 1").run([], [])
        await redis.aclose()


async def test_a_gateway_counts_and_revokes_over_tls(tls: Tls, start_gateway: StartGateway, organisation: int) -> None:
    async with proxy_for(redis_url().replace("redis:", "rediss:"), tls=tls.context) as (proxy, url):
        edges = [await start_gateway(redis_url=SecretStr(url), redis_ca_file=tls.trusted) for _ in range(2)]
        token = new_token(organisation, sub="ada", rate_limit=3)
        statuses = [(await edge.client(token).get(COURSES)).status for edge in (*edges, *edges)]
        assert statuses == [200, 200, 200, 429]
        assert (await edges[0].client(token).request("POST", LOGOUT)).status == 200
        assert (await edges[1].client(token).get(COURSES)).json["code"] == "token_invalid"
        assert proxy.accepted >= 4


async def test_the_systems_authorities_do_not_count_where_one_is_named(
    tls: Tls, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "other").mkdir()
    other = Tls.made(tmp_path / "other").trusted
    monkeypatch.setenv("SSL_CERT_FILE", str(tls.trusted))
    async with proxy_for(redis_url().replace("redis:", "rediss:"), tls=tls.context) as (_, url):
        for trusted, is_spoken_to in ((None, True), (other, False), (tls.trusted, True)):
            redis = redis_client(url if trusted is None else verified(url, trusted, None, None))
            assert await speaks(redis) is is_spoken_to
            await redis.aclose()


async def test_a_redis_that_wants_a_certificate_is_shown_one(tls: Tls) -> None:
    tls.require_client_certificates()
    async with proxy_for(redis_url().replace("redis:", "rediss:"), tls=tls.context) as (_, url):
        for shown in ((None, None), (tls.certificate, tls.key)):
            redis = redis_client(verified(url, tls.trusted, *shown))
            assert await speaks(redis) is (shown[0] is not None)
            await redis.aclose()


async def speaks(redis: Redis) -> bool:
    try:
        return bool(await redis.ping())
    except REDIS_ERRORS:
        return False


async def test_a_gateway_goes_on_without_a_redis_that_shows_another_certificate(
    tls: Tls, start_gateway: StartGateway, organisation: int, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "other").mkdir()
    other = Tls.made(tmp_path / "other").trusted
    async with proxy_for(redis_url().replace("redis:", "rediss:"), tls=tls.context) as (_, url):
        edge = await start_gateway(redis_url=SecretStr(url), redis_ca_file=other)
        assert "certificate verify failed" in caplog.text
        token = new_token(organisation, sub="ada", rate_limit=2)
        assert [(await edge.client(token).get(COURSES)).status for _ in range(3)] == [200, 200, 429]


@pytest.fixture
async def service_url(tls: Tls) -> AsyncIterator[str]:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.readuntil(b"\r\n\r\n"):
            writer.write(ANSWER)

    async with await asyncio.start_server(answer, "127.0.0.1", 0, ssl=tls.context) as server:
        yield f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def test_a_service_is_asked_over_tls(service_url: str, tls: Tls, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tls.trusted))
    connections = Connections(service_url)
    for _ in range(3):
        answer = await connections.ask(REQUEST, 5.0)
        assert (answer.status, len(answer.body)) == (200, 300_000)
    connections.close()


async def test_a_service_whose_certificate_nobody_trusts_is_not_asked(service_url: str) -> None:
    with pytest.raises(NotConnected):
        await Connections(service_url).ask(REQUEST, 5.0)

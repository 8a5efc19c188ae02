"""Whatever an endpoint does, a request to it ends within its bounds, and says what came of it."""

import asyncio
import gzip
import itertools
import socket
import ssl
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from services.delivery.sending import client
from services.delivery.sending.answer import MOST_BODY_BYTES, MOST_HEAD_BYTES
from services.delivery.sending.client import EndpointClient, Failure, Outcome
from tests.support.endpoints import Behaviour, Connected, answering, connections_begun, endpoint
from tests.support.tls import server_context

OK = b"HTTP/1.1 200 OK\r\n"
EMPTY = b"content-length: 0\r\n\r\n"
IN_FLIGHT = 8 * 1024 * 1024
"""What a kernel may hold of an answer that nobody reads, on both sides."""


def says(*parts: bytes, ending: bool = False) -> Behaviour:
    """Reads the request and answers these bytes; `ending` closes the connection behind them."""

    async def behave(connected: Connected) -> None:
        await connected.request()
        for part in parts:
            await connected.write(part)
        if not ending:
            await connected.closed()

    return behave


def without_end(part: Callable[[int], bytes], *before: bytes, pause: float = 0) -> Behaviour:
    async def behave(connected: Connected) -> None:
        await connected.request()
        for piece in before:
            await connected.write(piece)
        for number in itertools.count():
            await connected.write(part(number))
            await asyncio.sleep(pause)

    return behave


async def reset(connected: Connected) -> None:
    await connected.request()
    raw = connected.writer.get_extra_info("socket")
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")


async def hang_up(_: Connected) -> None:
    return


async def never_read(connected: Connected) -> None:
    await asyncio.Event().wait()


def redirect(status: int, to: str) -> Behaviour:
    return says(f"HTTP/1.1 {status} Elsewhere\r\nlocation: {to}\r\n".encode() + EMPTY)


BOMB = gzip.compress(bytes(50_000_000))
INVALID, TIMED_OUT, LOST = Failure.ANSWER_INVALID, Failure.TIMED_OUT, Failure.CONNECTION_FAILED
SERVERS: dict[str, tuple[Behaviour, int | Failure]] = {
    "answers": (answering(), 200),
    "has a new status": (says(b"HTTP/1.1 299 \r\n" + EMPTY), 299),
    "has no reason": (says(b"HTTP/1.1 204\r\n\r\n"), 204),
    "hints first": (says(b"HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n", OK, EMPTY), 200),
    "redirects for good": (redirect(301, "https://127.0.0.1:{port}/"), 301),
    "redirects": (redirect(302, "http://127.0.0.1:{port}/"), 302),
    "redirects to a GET": (redirect(303, "http://169.254.169.254/latest/meta-data/"), 303),
    "redirects with the method": (redirect(307, "http://localhost:{port}/"), 307),
    "redirects for good with it": (redirect(308, "http://[::1]:{port}/"), 308),
    "refreshes": (says(OK, b"refresh: 0; url=http://127.0.0.1:{port}/\r\n", EMPTY), 200),
    "asks for a password": (says(b"HTTP/1.1 401 No\r\nwww-authenticate: Negotiate\r\n" + EMPTY), 401),
    "hangs up": (hang_up, LOST),
    "resets": (reset, LOST),
    "is silent": (says(), TIMED_OUT),
    "reads nothing": (never_read, TIMED_OUT),
    "begins and is silent": (says(b"HTTP/1.1 2"), TIMED_OUT),
    "begins and ends": (says(b"HTTP/1.1 200 OK\r\ncontent-", ending=True), INVALID),
    "drips its head": (without_end(lambda _: b"a", OK, b"x-", pause=0.01), TIMED_OUT),
    "has endless headers": (without_end(lambda number: b"x-%d: %s\r\n" % (number, b"y" * 500), OK), INVALID),
    "has an endless header": (without_end(lambda _: b"y" * 65536, OK, b"x-y: "), INVALID),
    "has an endless reason": (without_end(lambda _: b"y" * 65536, b"HTTP/1.1 200 "), INVALID),
    "has an endless Retry-After": (without_end(lambda _: b"1" * 65536, OK, b"retry-after: "), INVALID),
    "continues without end": (without_end(lambda _: b"HTTP/1.1 100 Continue\r\n\r\n"), INVALID),
    "switches protocols": (says(b"HTTP/1.1 101 Switching\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n"), INVALID),
    "speaks SSH": (says(b"SSH-2.0-OpenSSH_9.7\r\n"), INVALID),
    "speaks SMTP": (says(b"220 mail.example ESMTP\r\n"), INVALID),
    "speaks HTTP/0.9": (says(b"<html>hello</html>\n", ending=True), INVALID),
    "speaks HTTP/2": (says(b"\x00\x00\x12\x04\x00\x00\x00\x00\x00" + bytes(18)), INVALID),
    "sends zeros": (without_end(lambda _: bytes(65536)), INVALID),
    "has no status": (says(b"HTTP/1.1 OK\r\n\r\n"), INVALID),
    "has a status of four digits": (says(b"HTTP/1.1 2000 OK\r\n" + EMPTY), INVALID),
    "has a NUL in a header": (says(OK, b"x-y: a\x00b\r\n", EMPTY), INVALID),
    "has a header without a name": (says(OK, b": a\r\n", EMPTY), INVALID),
    "has two lengths": (says(OK, b"content-length: 1\r\ncontent-length: 2\r\n\r\n"), INVALID),
    "has a negative length": (says(OK, b"content-length: -1\r\n\r\n"), INVALID),
    "has an endless body": (without_end(lambda _: b"z" * 65536, OK, b"\r\n"), 200),
    "has endless chunks": (without_end(lambda _: b"1\r\nz\r\n", OK, b"transfer-encoding: chunked\r\n\r\n"), 200),
    "has an endless chunk size": (
        without_end(lambda _: b"y" * 65536, OK, b"transfer-encoding: chunked\r\n\r\n1;"),
        200,
    ),
    "has a false chunk size": (says(OK, b"transfer-encoding: chunked\r\n\r\nxyz\r\n"), 200),
    "promises too much": (says(OK, b"content-length: 999999999999999\r\n\r\n"), 200),
    "drips its body": (without_end(lambda _: b"a", OK, b"\r\n", pause=0.01), 200),
    "ends its body early": (says(OK, b"content-length: 9\r\n\r\nabc", ending=True), 200),
    "answers twice": (says(OK + EMPTY + b"HTTP/1.1 500 No\r\n" + EMPTY), 200),
    "compresses a bomb": (
        says(OK, b"content-encoding: gzip\r\ncontent-length: %d\r\n\r\n" % len(BOMB), BOMB),
        200,
    ),
    "transfers a bomb": (says(OK, b"transfer-encoding: gzip\r\n\r\n", BOMB), 200),
}


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "REQUEST_TIMEOUT", 0.5)
    monkeypatch.setattr(client, "BODY_TIMEOUT", 0.2)


async def here(_: str) -> Sequence[str]:
    return ["127.0.0.1"]


def told(outcome: Outcome) -> int | Failure | None:
    return outcome.failure or outcome.status


@pytest.mark.parametrize("name", SERVERS)
async def test_a_request_ends_within_its_bounds(name: str) -> None:
    behaviour, expected = SERVERS[name]
    async with endpoint(behaviour) as hostile:
        sender = EndpointClient(here, frozenset({f"a.example:{hostile.port}"}))
        with connections_begun() as begun:
            outcome = await sender.post(f"http://a.example:{hostile.port}/hook", {}, b"{}")
        assert told(outcome) == expected
        assert begun == ["127.0.0.1"]
        assert len(hostile.connections) == 1
        assert hostile.connections[0].sent <= MOST_HEAD_BYTES + MOST_BODY_BYTES + IN_FLIGHT


async def test_a_request_that_nobody_reads_is_given_up() -> None:
    async with endpoint(never_read) as hostile:
        sender = EndpointClient(here, frozenset({f"a.example:{hostile.port}"}))
        outcome = await sender.post(f"http://a.example:{hostile.port}/", {}, bytes(IN_FLIGHT * 2))
        assert outcome.failure is Failure.TIMED_OUT


async def test_a_port_where_nobody_listens_is_a_failed_connection() -> None:
    async with endpoint(hang_up) as gone:
        pass
    sender = EndpointClient(here, frozenset({f"a.example:{gone.port}"}))
    assert (await sender.post(f"http://a.example:{gone.port}/", {}, b"")).failure is Failure.CONNECTION_FAILED


async def test_a_name_server_that_is_silent_takes_no_more_time_than_an_endpoint() -> None:
    async def silent(_: str) -> Sequence[str]:
        await asyncio.Event().wait()
        return []

    assert (await EndpointClient(silent, frozenset()).post("https://a.example/", {}, b"")).failure is Failure.TIMED_OUT


async def test_retry_after_is_handed_on_and_no_long_one() -> None:
    for header, expected in (("120", "120"), ("9" * 101, None)):
        async with endpoint(answering(503, Retry_After=header)) as busy:
            sender = EndpointClient(here, frozenset({f"a.example:{busy.port}"}))
            outcome = await sender.post(f"http://a.example:{busy.port}/", {}, b"")
            assert (outcome.status, outcome.retry_after) == (503, expected)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tls")


async def speaks_no_tls(connected: Connected) -> None:
    await connected.write(b"HTTP/1.1 400 No\r\n\r\n")


async def says_nothing(connected: Connected) -> None:
    await connected.closed()


async def endless_handshake(connected: Connected) -> None:
    while True:
        await connected.write(b"\x16\x03\x03\x40\x00" + bytes(0x4000))


NO_TLS: dict[str, tuple[Behaviour, Failure]] = {
    "speaks no TLS": (speaks_no_tls, Failure.TLS_FAILED),
    "is silent in the handshake": (says_nothing, Failure.TIMED_OUT),
    "never ends the handshake": (endless_handshake, Failure.TIMED_OUT),
    "hangs up in the handshake": (hang_up, Failure.CONNECTION_FAILED),
}


@pytest.mark.parametrize("name", NO_TLS)
async def test_no_request_is_sent_before_tls_is_there(name: str) -> None:
    behaviour, expected = NO_TLS[name]
    async with endpoint(behaviour) as hostile:
        sender = EndpointClient(here, frozenset({f"a.example:{hostile.port}"}))
        assert (await sender.post(f"https://a.example:{hostile.port}/", {}, b"{}")).failure is expected


YESTERDAY = datetime.now(UTC) - timedelta(days=1)
CERTIFICATES = {
    "right": ({"name": "a.example"}, 200),
    "of another name": ({"name": "b.example"}, Failure.TLS_FAILED),
    "of all names above": ({"name": "*.a.example"}, Failure.TLS_FAILED),
    "of another authority": ({"name": "a.example", "trusted": False}, Failure.TLS_FAILED),
    "expired": ({"name": "a.example", "until": YESTERDAY}, Failure.TLS_FAILED),
}


@pytest.mark.parametrize("name", CERTIFICATES)
async def test_the_certificate_must_be_the_names(name: str, authority: Path) -> None:
    options, expected = CERTIFICATES[name]
    asked: list[str | None] = []
    server, trust = server_context(authority, **options)  # type: ignore[arg-type]
    server.sni_callback = lambda _, server_name, __: asked.append(server_name)
    async with endpoint(answering(), tls=server) as reached:
        sender = EndpointClient(here, frozenset({f"a.example:{reached.port}"}), trust)
        assert told(await sender.post(f"https://a.example:{reached.port}/", {}, b"{}")) == expected
        assert asked == ["a.example"]


async def test_a_certificate_that_the_world_does_not_trust_is_refused(authority: Path) -> None:
    server, _ = server_context(authority, name="a.example")
    async with endpoint(answering(), tls=server) as reached:
        sender = EndpointClient(here, frozenset({f"a.example:{reached.port}"}))
        assert (await sender.post(f"https://a.example:{reached.port}/", {}, b"{}")).failure is Failure.TLS_FAILED


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
async def test_tls_of_another_age_is_refused(authority: Path) -> None:
    server, trust = server_context(authority, name="a.example")
    server.set_ciphers("ALL:@SECLEVEL=0")
    server.minimum_version, server.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
    async with endpoint(answering(), tls=server) as reached:
        sender = EndpointClient(here, frozenset({f"a.example:{reached.port}"}), trust)
        outcome = await sender.post(f"https://a.example:{reached.port}/", {}, b"{}")
        assert outcome.failure in {
            Failure.TLS_FAILED,
            Failure.CONNECTION_FAILED,
        }  # as OpenSSL on the other side ends it

"""Those who await have the same policy: here is what is their own."""

import asyncio

import httpx
import pytest

from muster.asked import Request, json_upload
from muster.async_transport import AsyncTransport
from muster.errors import ApiError, CutShort, Unreachable
from muster.settings import Settings

PROGRAM = Settings("https://m.example", client_id="id", client_secret="secret")
GET = Request("GET", "/x", is_safe=True)


class Server:
    def __init__(self, *replies: httpx.Response | httpx.TransportError) -> None:
        self.replies = list(replies)
        self.requests: list[httpx.Request] = []
        self.tokens = 0
        self.waits: list[float] = []

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        await request.aread()
        if request.url.path == "/oauth/token":
            self.tokens += 1
            return httpx.Response(200, json={"access_token": f"t{self.tokens}", "expires_in": 3600})
        self.requests.append(request)
        await asyncio.sleep(0)
        reply = self.replies.pop(0) if self.replies else httpx.Response(200, json={"data": 1})
        if isinstance(reply, httpx.TransportError):
            raise reply
        return reply

    async def wait(self, seconds: float) -> None:
        self.waits.append(seconds)

    def transport(self) -> AsyncTransport:
        return AsyncTransport(PROGRAM, through=httpx.MockTransport(self), wait=self.wait)


def expired() -> httpx.Response:
    return httpx.Response(401, json={"success": False, "message": "No.", "code": "token_expired"})


async def test_a_refused_request_is_sent_again_with_its_body() -> None:
    server = Server(httpx.Response(429, json={"code": "rate_limited"}, headers={"Retry-After": "7"}))
    upload = json_upload({"a": 1})
    assert (await server.transport().ask(Request("POST", "/x", upload=upload))).data == {"data": 1}
    assert [request.content for request in server.requests] == [b'{"a": 1}'] * 2
    assert server.waits == [7.0]


async def test_a_lost_answer_is_asked_for_again_where_that_is_safe() -> None:
    lost = httpx.ReadError("reset")
    server = Server(lost, lost)
    assert (await server.transport().ask(GET)).status == 200
    with pytest.raises(Unreachable, match="before an answer"):
        await Server(lost).transport().ask(Request("POST", "/x"))


async def test_tasks_renew_a_token_once() -> None:
    server = Server(expired(), expired(), expired())
    transport = server.transport()
    await asyncio.gather(*(transport.ask(GET) for _ in range(3)))
    assert server.tokens == 2


async def test_a_refusal_after_a_lost_answer_says_so() -> None:
    gone = httpx.Response(404, json={"success": False, "message": "No course.", "code": "not_found"})
    server = Server(httpx.ReadError("reset"), gone)
    with pytest.raises(ApiError, match="may have been done then") as raised:
        await server.transport().ask(Request("DELETE", "/x", is_safe=True))
    assert raised.value.answer_was_lost


async def test_a_command_that_still_runs_is_waited_for() -> None:
    server = Server(httpx.Response(409, json={"message": "Runs.", "code": "idempotency_in_flight"}))
    assert (await server.transport().ask(Request("POST", "/x", is_safe=True))).status == 200
    assert server.waits == [0.5]


async def test_a_stream_that_ends_early() -> None:
    class Cut(httpx.AsyncByteStream):
        async def __aiter__(self):  # type: ignore[no-untyped-def]
            yield b"id\n"
            raise httpx.RemoteProtocolError("peer closed connection")

    server = Server(httpx.Response(200, stream=Cut()))
    with pytest.raises(CutShort, match="peer closed"):
        async with server.transport().open(GET) as stream:
            assert [piece async for piece in stream.pieces] == []

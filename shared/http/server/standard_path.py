"""The standard path: aiohttp's server parses and answers every request that is not a simple one."""

from collections.abc import AsyncIterator, Awaitable, Callable

from aiohttp import web
from multidict import CIMultiDict

from shared.http.request import from_aiohttp
from shared.http.server.responder import RESPONDER
from shared.http.server.response_bytes import PIECE_BYTES, ResponseBytes, parts
from shared.http.server.response_stream import ResponseStream


@web.middleware
async def outermost(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Stands in for all of aiohttp's routes: `Responder` has the routes of the application."""
    responder, own = request.app[RESPONDER], from_aiohttp(request)
    answer = await responder.respond(own, responder.begin(own))
    return StreamedResponse(answer) if isinstance(answer, ResponseStream) else aiohttp_response(answer)


class StreamedResponse(web.StreamResponse):
    """Carries a stream through aiohttp to its connection, which writes it like one of the fast path. It is the last
    answer of the connection."""

    def __init__(self, stream: ResponseStream) -> None:
        super().__init__(status=stream.status)
        self.stream = stream
        self.force_close()


def aiohttp_response(response: ResponseBytes) -> web.Response:
    """The same answer, to be written by aiohttp: it knows of HTTP/1.0, and of connections that end."""
    lines = response.lines.decode("utf-8", "replace").split("\r\n")[:-1]
    headers = CIMultiDict((name, value) for name, _, value in (line.partition(": ") for line in lines))
    body = response.body if len(response.body) <= PIECE_BYTES else _in_parts(response.body)
    return web.Response(status=response.status, headers=headers, body=body)


async def _in_parts(body: bytes) -> AsyncIterator[bytes]:
    """aiohttp waits after each part until the client has read enough."""
    for part in parts(body):
        yield part

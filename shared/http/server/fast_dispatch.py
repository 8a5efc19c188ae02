"""The fast path: simple requests are answered straight from their connection, without aiohttp.

It is a parser and a writer of bytes. What becomes of a request in between, `Responder` decides for every request.
"""

from collections.abc import Awaitable
from typing import Final

from aiohttp import web

from shared.errors import Overloaded
from shared.http.request import Request
from shared.http.server.responder import RESPONDER, Responder
from shared.http.server.response_bytes import ResponseBytes, http_date
from shared.http.server.simple_request import REQUEST_PARSER, SimpleRequestParser
from shared.observability import request_id_from

_REQUEST_ID: Final = "00000000-0000-0000-0000-000000000000"


class FastDispatcher:
    """Takes what a connection has received, if it is a simple request; one for all connections of an application."""

    def __init__(self, app: web.Application) -> None:
        self._responder = app.get(RESPONDER)
        self._parser = app.get(REQUEST_PARSER) or SimpleRequestParser()
        self._refusals = _Refusals()

    def dispatch(self, data: bytes, peer: str) -> Awaitable[ResponseBytes] | bytes | None:
        """The answer to a simple request, as bytes if it is refused for lack of room; None for anything else."""
        responder = self._responder
        request = None if responder is None else self._parser.parse(data, peer)
        if request is None or responder is None:
            return None
        begun = responder.begin(request)
        if isinstance(begun, Overloaded) and not request.is_head:
            return self._refusals.message(responder, begun, request)
        return responder.respond(request, begun)


class _Refusals:
    """For lack of room: those of one second differ in their request ids alone, and there may be thousands of them."""

    def __init__(self) -> None:
        self._date = ""
        self._before = self._behind = b""

    def message(self, responder: Responder, error: Overloaded, request: Request) -> bytes:
        if self._date != (date := http_date()):
            self._date = date
            whole = responder.refusal(error, _REQUEST_ID).message(last=False)
            self._before, _, self._behind = whole.partition(_REQUEST_ID.encode())
        request_id = request_id_from(request.own.request_id)
        return b"".join((self._before, request_id.encode(), self._behind))

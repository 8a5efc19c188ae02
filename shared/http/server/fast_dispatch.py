"""The fast path: simple requests are answered straight from their connection, without aiohttp.

It is a parser and a writer of bytes. What becomes of a request in between, `Responder` decides for every request.
"""

from collections.abc import Awaitable
from functools import lru_cache
from typing import Final

from aiohttp import web

from shared.errors import Overloaded
from shared.http.problem import prefers_problem
from shared.http.server.responder import RESPONDER, Responder
from shared.http.server.response_bytes import ResponseBytes, http_date
from shared.http.server.response_stream import ResponseStream
from shared.http.server.simple_request import REQUEST_PARSER, SimpleRequestParser
from shared.observability import request_id_from

_REMEMBERED_REFUSALS: Final = 8
_REQUEST_ID: Final = "00000000-0000-0000-0000-000000000000"


class FastDispatcher:
    """Takes what a connection has received, if it is a simple request; one for all connections of an application."""

    def __init__(self, app: web.Application) -> None:
        self._responder = app.get(RESPONDER)
        self._parser = app.get(REQUEST_PARSER) or SimpleRequestParser()

    def dispatch(self, data: bytes, peer: str) -> Awaitable[ResponseBytes | ResponseStream] | bytes | None:
        """The answer to a simple request, as bytes if it is refused for lack of room; None for anything else."""
        responder = self._responder
        request = None if responder is None else self._parser.parse(data, peer)
        if request is None or responder is None:
            return None
        begun = responder.begin(request)
        if isinstance(begun, Overloaded) and not request.is_head:
            responder.count_refused_at_once(request, begun)
            more = "" if responder.cors is None else responder.cors.lines(request)
            form = more, prefers_problem(request.headers)
            before, _, behind = _refusal_at(http_date(), responder, begun.message, begun.retry_after, *form)
            return b"".join((before, request_id_from(request.own.request_id).encode(), behind))
        return responder.respond(request, begun)


@lru_cache(_REMEMBERED_REFUSALS)
def _refusal_at(
    _date: str, responder: Responder, message: str, retry_after: int, more: str, as_problem: bool
) -> tuple[bytes, bytes, bytes]:
    """For lack of room; there may be thousands of them in a second.

    They differ in their request ids, in what there is no room for, in the origins of the pages that asked, and in the
    form that their clients prefer.
    """
    error = Overloaded(message, retry_after=retry_after)
    refusal = responder.refusal(error, _REQUEST_ID, more, as_problem=as_problem)
    return refusal.message(last=False).partition(_REQUEST_ID.encode())

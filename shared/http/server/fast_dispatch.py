"""What becomes of a request before aiohttp sees it: answered straight away, refused at once, or let in."""

from collections.abc import Coroutine
from typing import Any, Final

from aiohttp import web
from aiohttp.helpers import rfc822_formatted_time

from shared.errors import ApiError
from shared.http.responses import failure
from shared.http.server.fast_path import FAST_PATH, answer_plain
from shared.http.server.in_flight import IN_FLIGHT, InFlight
from shared.http.server.response_bytes import Written, written
from shared.http.server.simple_request import PlainReader
from shared.http.server.unadmitted import refused_unadmitted
from shared.observability import new_request_id

PLAIN_READER = web.AppKey("reader", PlainReader)
_REQUEST_ID: Final = "00000000-0000-0000-0000-000000000000"


class Door:
    """What is decided about a request before aiohttp sees it; one for all connections of an application."""

    def __init__(self, app: web.Application) -> None:
        self._app = app
        self._in_flight = app.get(IN_FLIGHT, InFlight(limit=0))
        self._fast_path = app.get(FAST_PATH)
        self._reader = app.get(PLAIN_READER) or PlainReader()
        self._refusals: dict[type[ApiError], tuple[bytes, bytes]] = {}
        self._refusals_date = ""

    def answer(self, data: bytes, peer: str) -> Coroutine[Any, Any, Written] | bytes | None:
        """That of the fast path, if the request is plain and somebody there answers it; bytes where it is refused."""
        if self._fast_path is None or self._in_flight.count >= self._in_flight.limit:
            return None
        request = self._reader.read(data, peer)
        handler = None if request is None else self._fast_path(request)
        if request is None or handler is None:
            return None
        if isinstance(handler, ApiError):
            return self._refusal(handler)
        self._in_flight.count += 1
        return answer_plain(self._app, handler, request)

    async def refused_unadmitted(self, error: ApiError, request: web.BaseRequest) -> ApiError:
        """What it is refused with that is no request."""
        return await refused_unadmitted(self._app, error, request)

    def _refusal(self, error: ApiError) -> bytes:
        """Those of one kind and second are the same but for the request id, and there may be thousands of them."""
        if self._refusals_date != (date := rfc822_formatted_time()):
            self._refusals_date = date
            self._refusals.clear()
        parts = self._refusals.get(type(error))
        if parts is None:
            before, _, behind = written(failure(error), _REQUEST_ID).message(last=False).partition(_REQUEST_ID.encode())
            parts = self._refusals[type(error)] = before, behind
        return new_request_id().encode().join(parts)

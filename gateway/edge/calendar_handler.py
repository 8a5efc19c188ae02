"""Calendars, which anybody reads who has the secret in their address (contract, section 12).

The secret stays here: the service is asked by its SHA-256. So neither its log nor its database can tell it.
"""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from gateway.admission.gate import Gate
from gateway.auth.own_requests import ENROLLMENT, OwnRequests
from gateway.routes import CALENDARS
from gateway.upstream.headers import NO_SNIFFING_LINES, forwarded, identity, lines, passed_on
from gateway.upstream.proxy import Proxy, UpstreamRequest
from shared.auth.calendar_secrets import PATTERN, digest
from shared.errors import ApiError, NotFound, Overloaded
from shared.http.body import require_no_input
from shared.http.errors import MethodNotAllowed
from shared.http.request import Request
from shared.http.server.response_bytes import ResponseBytes

_PATH: Final = re.compile(f"{CALENDARS}({PATTERN})\\.ics")
_CONDITIONS: Final = frozenset({"if-none-match"})
"""All that a service needs to know of the client's headers."""


@dataclass(frozen=True, slots=True)
class CalendarHandler:
    """All requests for calendars together are one organisation's at enrollment: none."""

    gate: Gate
    proxy: Proxy
    own_requests: OwnRequests
    address: Callable[[Request], str]

    def handle(self, request: Request) -> Awaitable[ResponseBytes] | ApiError:
        """Under too much load `Overloaded`. What has not the form of an address is no address: `NotFound`."""
        found = _PATH.fullmatch(request.target.path)
        if found is None:
            return NotFound()
        if request.method != "GET":
            return MethodNotAllowed(["GET"])
        bulkhead = self.proxy.bulkhead_of(ENROLLMENT)
        if not bulkhead.admits(None):
            return Overloaded()
        return self._forward(request, found[1], bulkhead.has_arrived)

    async def _forward(self, request: Request, secret: str, has_arrived: Callable[[], None]) -> ResponseBytes:
        try:
            request.is_counted = True
            await self.gate.require_room_for_calendar(self.address(request))
            await require_no_input(request)
        finally:
            has_arrived()
        message = UpstreamRequest("GET", f"/internal/calendars?digest={digest(secret)}", self._lines(request), b"")
        return passed_on(await self.proxy.forward(ENROLLMENT, message, None), NO_SNIFFING_LINES)

    def _lines(self, request: Request) -> str:
        """Raises `BadRequest`."""
        passing = [(name, value) for name, value in forwarded(request.headers.items()) if name.lower() in _CONDITIONS]
        who = identity(self.own_requests.token_of_reader(), request.trace, "http", request.host())
        return lines(passing) + who

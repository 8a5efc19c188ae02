"""What anybody reads without a token, below a few paths: calendars (contract, section 12), and what shows whether a
credential is valid (section 13).

Secrets and codes stay here: the service is asked by their SHA-256. So neither its log nor its database can tell one.
"""

import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Final

from opentelemetry.trace import SpanKind

from gateway.admission.gate import Gate
from gateway.auth.own_requests import ENROLLMENT, OwnRequests
from gateway.edge.own_routes import CALENDAR_PATH, ISSUER_PATH, STATUS_PATH, VERIFY_PATH
from gateway.routes import CALENDARS, CREDENTIALS, OPEN, VERIFY
from gateway.upstream.headers import NO_SNIFFING_LINES, VARY_ACCEPT, forwarded, identity, lines, passed_on
from gateway.upstream.proxy import Proxy, UpstreamRequest
from shared.auth import calendar_secrets, credential_codes
from shared.errors import ApiError, NotFound, Overloaded
from shared.http.body import require_no_input
from shared.http.errors import MethodNotAllowed
from shared.http.request import Request
from shared.http.server.response_bytes import ResponseBytes
from shared.observability import current_trace
from shared.time_spent import spend
from shared.tracing.spans import hop

_ID: Final = "[1-9][0-9]{0,17}"
_PASSED: Final = frozenset({"accept", "if-none-match"})
"""All that a service needs to know of the client's headers."""


@dataclass(frozen=True, slots=True)
class _Kind:
    """`template`: of its paths. `counted`: with what its requests are counted of an address, apart from all others of
    it. `target`: what the service is asked, from the groups of the path."""

    template: str
    counted: str
    path: re.Pattern[str]
    target: Callable[[Sequence[str]], str]
    own_lines: bytes = NO_SNIFFING_LINES


_KINDS: Final = (
    _Kind(
        CALENDAR_PATH,
        "calendars",
        re.compile(f"{CALENDARS}({calendar_secrets.PATTERN})\\.ics"),
        lambda found: f"/internal/calendars?digest={calendar_secrets.digest(found[0])}",
    ),
    # Whatever somebody has typed: the page says that there is no such code.
    _Kind(
        VERIFY_PATH,
        "codes",
        re.compile(f"{VERIFY}([A-Za-z0-9]{{1,64}})"),
        lambda found: f"/internal/credentials?digest={credential_codes.digest(found[0])}",
        VARY_ACCEPT.encode() + NO_SNIFFING_LINES,
    ),
    _Kind(
        ISSUER_PATH,
        "credentials",
        re.compile(f"{CREDENTIALS}({_ID})/did\\.json"),
        lambda found: f"/internal/credentials/issuer?organisation_id={found[0]}",
    ),
    _Kind(
        STATUS_PATH,
        "credentials",
        re.compile(f"{CREDENTIALS}({_ID})/status/([1-9][0-9]{{0,8}})"),
        lambda found: f"/internal/credentials/status?organisation_id={found[0]}&number={found[1]}",
    ),
)


@dataclass(frozen=True, slots=True)
class OpenReads:
    """All of them together are one organisation's at enrollment: none. `public_url`: by which clients reach the
    gateway, if it is not the host that they name."""

    gate: Gate
    proxy: Proxy
    own_requests: OwnRequests
    address: Callable[[Request], str]
    public_url: str | None

    @staticmethod
    def has(path: str) -> bool:
        """Whether it is one of these paths, or nobody's."""
        return path.startswith(OPEN)

    def handle(self, request: Request) -> Awaitable[ResponseBytes] | ApiError:
        """Under too much load `Overloaded`. What has not the form of an address is no address: `NotFound`."""
        found = _asked(request.target.path)
        if found is None:
            return NotFound()
        request.route = found[0].template
        if request.method != "GET":
            return MethodNotAllowed(["GET"])
        bulkhead = self.proxy.bulkhead_of(ENROLLMENT)
        if not bulkhead.admits(None):
            return Overloaded()
        return self._forward(request, *found, bulkhead.has_arrived)

    async def _forward(
        self, request: Request, kind: _Kind, target: str, has_arrived: Callable[[], None]
    ) -> ResponseBytes:
        try:
            request.is_counted = True
            await self._admit(request, kind)
            await require_no_input(request)
        finally:
            has_arrived()
        with hop(ENROLLMENT, SpanKind.CLIENT):
            message = UpstreamRequest("GET", target, self._lines(request, kind), b"")
            return passed_on(await self.proxy.forward(ENROLLMENT, message, None), kind.own_lines)

    async def _admit(self, request: Request, kind: _Kind) -> None:
        """Raises `RateLimited`."""
        began = perf_counter()
        try:
            await self.gate.require_room_to_read(kind.counted, self.address(request))
        finally:
            spend("admission", began)

    def _lines(self, request: Request, kind: _Kind) -> str:
        """Raises `BadRequest`."""
        passing = [(name, value) for name, value in forwarded(request.headers.items()) if name.lower() in _PASSED]
        scheme, _, host = (self.public_url or f"http://{request.host()}").partition("://")
        token = self.own_requests.token_of_reader(kind.counted)
        return lines(passing) + identity(token, current_trace.get(), scheme, host)


def _asked(path: str) -> tuple[_Kind, str] | None:
    for kind in _KINDS:
        if (found := kind.path.fullmatch(path)) is not None:
            return kind, kind.target(found.groups())
    return None

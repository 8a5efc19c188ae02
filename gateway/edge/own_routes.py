"""What the gateway answers by itself, declared as the services declare their routes: documents are made from it."""

from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict

from gateway.routes import CALENDARS
from shared.auth.trust import PUBLIC
from shared.errors import NotFound, RateLimited, Unavailable, UpstreamFailed, UpstreamTimeout
from shared.http.representation import TextAnswer
from shared.http.routing import Call, Route
from shared.http.server.app import HEALTH_PATHS

_LIVE, _READY = HEALTH_PATHS
CALENDAR_PATH: Final = f"{CALENDARS}{{secret}}.ics"


class _Health(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Live(_Health):
    """The process responds."""

    status: Literal["live"]


class Ready(_Health):
    """`checks` has an entry for everything the process depends on."""

    status: Literal["ready", "not ready"]
    checks: dict[str, bool]


async def _by_calendar_handler(_: Call[Any, Any]) -> Any:
    """`CalendarHandler` asks enrollment, which never learns the secret."""
    raise NotImplementedError


async def _by_responder(_: Call[Any, Any]) -> Any:
    """`Responder` answers health itself, under any load: no request gets as far as a table of routes."""
    raise NotImplementedError


OWN_ROUTES: Final[tuple[Route[Any, Any], ...]] = (
    Route("GET", _LIVE, _by_responder, {200: Live}, [PUBLIC], summary="Check that the gateway runs"),
    Route(
        "GET",
        _READY,
        _by_responder,
        {200: Ready, 503: Ready},
        [PUBLIC],
        summary="Check that the gateway can work",
        description="503 while something is unavailable that it cannot work without; `checks` says which.",
    ),
    Route(
        "GET",
        CALENDAR_PATH,
        _by_calendar_handler,
        {200: TextAnswer},
        [PUBLIC],
        summary="Read calendar",
        description=(
            "Sessions as events of iCalendar (RFC 5545), for programs that subscribe to calendars. The `address` of a"
            " calendar leads here: whoever has it needs no token."
        ),
        refusals=[NotFound, RateLimited, Unavailable, UpstreamFailed, UpstreamTimeout],
        tagged=True,
        media_type="text/calendar",
    ),
)

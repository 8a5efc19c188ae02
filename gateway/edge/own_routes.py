"""What the gateway answers by itself, declared as the services declare their routes: documents are made from it."""

from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict

from gateway.routes import CALENDARS, CREDENTIALS, VERIFY
from shared.auth.trust import PUBLIC
from shared.errors import NotFound, RateLimited, Unavailable, UpstreamFailed, UpstreamTimeout
from shared.http.accept import VC_JWT_TYPE
from shared.http.did_document import DidDocument
from shared.http.representation import TextAnswer
from shared.http.routing import Call, Route
from shared.http.server.app import HEALTH_PATHS

_LIVE, _READY = HEALTH_PATHS
CALENDAR_PATH: Final = f"{CALENDARS}{{secret}}.ics"
VERIFY_PATH: Final = f"{VERIFY}{{code}}"
ISSUER_PATH: Final = f"{CREDENTIALS}{{id}}/did.json"
STATUS_PATH: Final = f"{CREDENTIALS}{{id}}/status/{{list}}"
OPEN_PATHS: Final = (CALENDAR_PATH, VERIFY_PATH, ISSUER_PATH, STATUS_PATH)


class _Health(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Live(_Health):
    """The process responds."""

    status: Literal["live"]


class Ready(_Health):
    """`checks` has an entry for everything the process depends on."""

    status: Literal["ready", "not ready"]
    checks: dict[str, bool]


async def _by_open_reads(_: Call[Any, Any]) -> Any:
    """`OpenReads` asks enrollment, which never learns a secret or a code."""
    raise NotImplementedError


async def _by_responder(_: Call[Any, Any]) -> Any:
    """`Responder` answers health itself, under any load: no request gets as far as a table of routes."""
    raise NotImplementedError


_OF_OPEN_READS: Final = (NotFound, RateLimited, Unavailable, UpstreamFailed, UpstreamTimeout)

OWN_ROUTES: Final[tuple[Route[Any, Any], ...]] = (
    Route("GET", _LIVE, _by_responder, {200: Live}, [PUBLIC], summary="Check that the gateway runs"),
    Route(
        "GET",
        _READY,
        _by_responder,
        {200: Ready, 503: Ready},
        [PUBLIC],
        summary="Check that the gateway can work",
        description=(
            "503 while something is unavailable that it cannot work without; `checks` says which. It also says whether"
            " Redis and each service are available, without which the gateway works on, and is no more than a second"
            " old."
        ),
    ),
    Route(
        "GET",
        CALENDAR_PATH,
        _by_open_reads,
        {200: TextAnswer},
        [PUBLIC],
        summary="Read calendar",
        description=(
            "Sessions as events of iCalendar (RFC 5545), for programs that subscribe to calendars. The `address` of a"
            " calendar leads here: whoever has it needs no token."
        ),
        refusals=_OF_OPEN_READS,
        tagged=True,
        media_type="text/calendar",
    ),
    Route(
        "GET",
        VERIFY_PATH,
        _by_open_reads,
        {200: TextAnswer},
        [PUBLIC],
        summary="Verify credential",
        description=(
            "A page for people: whether the certificate with this code is valid, expired or revoked, and what it says."
            " Where `Accept` is `application/vc+jwt`, the credential itself, for programs."
        ),
        refusals=_OF_OPEN_READS,
        media_type="text/html",
        pages=[404],
        also=[VC_JWT_TYPE],
    ),
    Route(
        "GET",
        ISSUER_PATH,
        _by_open_reads,
        {200: DidDocument},
        [PUBLIC],
        summary="Read issuer of credentials",
        description="The keys by which others verify the credentials of an organisation: its `did:web` leads here.",
        refusals=_OF_OPEN_READS,
        tagged=True,
    ),
    Route(
        "GET",
        STATUS_PATH,
        _by_open_reads,
        {200: TextAnswer},
        [PUBLIC],
        summary="Read status list",
        description=(
            "Which credentials of an organisation are revoked, as a signed Bitstring Status List v1.0. What is revoked"
            " is there at once; whoever keeps the list asks again after 30 seconds."
        ),
        refusals=_OF_OPEN_READS,
        tagged=True,
        media_type=VC_JWT_TYPE,
    ),
)

"""Requests that are refused before anybody was asked whose they are: counted like all others, and told in the
security log."""

from collections.abc import Awaitable, Callable, Sequence

from aiohttp import web

from shared.errors import ApiError
from shared.security_log import SecurityEvent, record

Count = Callable[[str, str, Sequence[str], Sequence[str]], Awaitable[None]]
"""Takes the code of the refusal, the address at the other end of the connection, and the values of `Authorization` and
`X-Forwarded-For`; raises `RateLimited`."""
COUNT_UNADMITTED = web.AppKey[Count]("count_unadmitted")
COUNTED = web.RequestKey("counted", bool)
"""Whoever counts a request by itself says so here."""


async def refused_unadmitted(app: web.Application, error: ApiError, request: web.BaseRequest) -> ApiError:
    """What the request is refused with: this error, or another where its address has had too many."""
    peer, count = request.remote or "", app.get(COUNT_UNADMITTED)
    if count is None:
        record(SecurityEvent.REQUEST_REFUSED, reason=error.code, address=peer)
        return error
    # What was no HTTP has no headers.
    authorization, forwarded_for = (
        request.headers.getall(name, []) if request.headers else [] for name in ("Authorization", "X-Forwarded-For")
    )
    try:
        await count(error.code, peer, authorization, forwarded_for)
    except ApiError as limited:
        return limited
    return error


def is_unadmitted(request: web.BaseRequest, error: ApiError) -> bool:
    """Whether a refusal concerns the request alone, and nobody has counted it. A refusal for lack of room must stay
    cheap, and one by a limit is counted already."""
    return COUNTED not in request and ((error.status < 500 and error.status != 429) or error.status == 501)

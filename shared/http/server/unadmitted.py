"""Requests that are refused before anybody knows whose they are: counted like all others, and logged."""

from collections.abc import Awaitable, Callable

from shared.errors import ApiError
from shared.http.request import Request

CountUnadmitted = Callable[[Request, str], Awaitable[None]]
"""Takes a request and the code of its refusal; raises `RateLimited`."""


async def refused_unadmitted(request: Request, error: ApiError, count: CountUnadmitted) -> ApiError:
    """What the request is refused with: this error, or another if its address has sent too many."""
    try:
        await count(request, error.code)
    except ApiError as limited:
        return limited
    return error


def is_unadmitted(request: Request, error: ApiError) -> bool:
    """Whether a refusal concerns the request alone, and nothing has counted it. A refusal for lack of room must stay
    cheap, and one by a limit is counted already."""
    return not request.is_counted and ((error.status < 500 and error.status != 429) or error.status == 501)

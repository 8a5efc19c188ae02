"""Reading a client's body, within the bounds of size and time."""

import asyncio

from aiohttp import web

from shared.errors import ApiError, BadRequest, PayloadTooLarge
from shared.http.body import MAX_BODY_BYTES

BODY_TIMEOUT = 10.0
"""Seconds a client gets to send its body; without it a dripped one would never end."""


class BodyTimeout(ApiError):
    """RFC 9110, section 15.5.9: the connection is closed after this answer."""

    status = 408
    code = "request_timeout"
    message = "The body did not arrive in time."

    def __init__(self) -> None:
        super().__init__(headers={"Connection": "close"})


async def read_body(request: web.Request) -> bytes:
    """The whole body; raises `PayloadTooLarge`, `BodyTimeout`, or `BadRequest` for one that breaks off."""
    if request.content_length is not None and request.content_length > MAX_BODY_BYTES:
        raise PayloadTooLarge
    try:
        async with asyncio.timeout(BODY_TIMEOUT):
            return await request.read()
    except web.HTTPRequestEntityTooLarge:
        raise PayloadTooLarge from None
    except TimeoutError:
        raise BodyTimeout from None
    except (web.RequestPayloadError, ConnectionError):
        raise BadRequest("The body broke off.") from None

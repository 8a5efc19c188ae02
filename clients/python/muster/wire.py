"""What is the same for those who wait and those who await, in httpx's terms."""

from collections.abc import AsyncIterable, Iterable
from typing import Any, Final

import httpx

from muster.asked import CONNECT_SECONDS, PAUSE_SECONDS, Failed, Request
from muster.errors import SettingsMissing
from muster.version import __version__

BROKEN: Final = (httpx.TransportError, httpx.DecodingError)
"""What an answer that is cut raises while it is read."""


def settings_of_client(url: str) -> dict[str, Any]:
    """Arguments of `httpx.Client` and `httpx.AsyncClient`."""
    return {
        "base_url": url,
        "headers": {"User-Agent": f"muster-client/{__version__}", "Accept": "application/json"},
        "timeout": httpx.Timeout(PAUSE_SECONDS, connect=CONNECT_SECONDS),
    }


def wrong_address(error: httpx.InvalidURL) -> SettingsMissing:
    return SettingsMissing(f"MUSTER_URL is no address: {error}")


def arguments(request: Request, token: str | None) -> dict[str, Any]:
    """Of `build_request`."""
    headers, upload = dict(request.headers), request.upload
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    content: Iterable[bytes] | AsyncIterable[bytes] | None = None
    if upload is not None:
        content = upload.open()
        headers["Content-Type"] = upload.content_type
        if upload.encoding is not None:
            headers["Content-Encoding"] = upload.encoding
        if upload.length is not None:
            headers["Content-Length"] = str(upload.length)
    return {
        "method": request.method,
        "url": request.path,
        "params": {name: str(value) for name, value in request.query.items()},
        "headers": headers,
        "content": content,
        "data": request.form,
        "timeout": httpx.Timeout(PAUSE_SECONDS, connect=CONNECT_SECONDS, read=request.silence),
    }


def failed(error: httpx.TransportError | httpx.DecodingError, *, was_reached: bool) -> Failed:
    never_sent = isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout)
    return Failed(reason_of(error), never_sent, was_reached)


def reason_of(error: Exception) -> str:
    return str(error) or type(error).__name__

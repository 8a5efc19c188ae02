"""The envelope of every answer, and the one place that turns errors into answers (contract, section 1)."""

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final

from aiohttp import web

from shared.database import is_unavailable
from shared.errors import (
    ApiError,
    BadRequest,
    MethodNotAllowed,
    NotFound,
    PayloadTooLarge,
    Unavailable,
)

log = logging.getLogger(__name__)


NO_SNIFFING: Final = {"X-Content-Type-Options": "nosniff"}
_TO_A_TOKEN: Final = {"Vary": "Authorization", **NO_SNIFFING}


class Caching(Enum):
    """Who may keep an answer (RFC 9111, section 5.2.2), as the headers that say so."""

    NEVER = {"Cache-Control": "private, no-store", **_TO_A_TOKEN}  # noqa: RUF012 - an enumeration's value
    REVALIDATED = {"Cache-Control": "private, no-cache", **_TO_A_TOKEN}  # noqa: RUF012
    """Lists, and rows with a tag: the client may keep them, and asks before each use."""
    NOT_STORED = {"Cache-Control": "no-store", **NO_SNIFFING}  # noqa: RUF012
    """The same to everybody, and old the next moment: health."""
    PUBLIC = {"Cache-Control": "public, max-age=300", **NO_SNIFFING}  # noqa: RUF012

    def __init__(self, headers: Mapping[str, str]) -> None:
        self.headers = headers
        self.lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())


@dataclass(frozen=True, slots=True)
class Answer:
    """What a client is answered; `text` is JSON, made already."""

    text: str
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    caching: Caching = Caching.NEVER

    def response(self) -> web.Response:
        return web.Response(
            body=self.text.encode(),
            status=self.status,
            headers={**self.headers, **self.caching.headers},
            content_type="application/json",
            charset="utf-8",
        )


def success(
    data: str | None,
    *,
    message: str | None = None,
    meta: dict[str, Any] | None = None,
    links: dict[str, Any] | None = None,
    status: int = 200,
    headers: dict[str, str] | None = None,
    caching: Caching = Caching.NEVER,
) -> Answer:
    """`{"success": true, …}` around `data`, which is JSON text and passes through as it is."""
    parts = ['"success": true']
    if message is not None:
        parts.append(f'"message": {json.dumps(message, ensure_ascii=False)}')
    if data is not None:
        parts.append(f'"data": {data}')
    parts += [f'"{name}": {json.dumps(value)}' for name, value in (("meta", meta), ("links", links)) if value]
    return Answer("{" + ", ".join(parts) + "}", status, headers or {}, caching)


def failure(error: ApiError) -> Answer:
    body = {"success": False, "message": error.message, "code": error.code, **error.details}
    return Answer(json.dumps(body, ensure_ascii=False), error.status, error.headers)


def api_error(error: Exception) -> ApiError:
    """The error a client is told about; anything unknown is a defect and is logged with its trace."""
    match error:
        case ApiError():
            return error
        case web.HTTPNotFound():
            return NotFound()
        case web.HTTPMethodNotAllowed():
            return MethodNotAllowed(sorted(error.allowed_methods))
        case web.HTTPRequestEntityTooLarge():
            return PayloadTooLarge()
        case web.HTTPException() if error.status < 500:
            return BadRequest()
    if is_unavailable(error):
        log.warning("a dependency is not available", exc_info=error)
        return Unavailable()
    log.error("a defect", exc_info=error)
    return ApiError()

"""The envelope of every answer, and the one place that turns errors into answers (contract, section 1)."""

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from aiohttp import web

from shared.errors import ApiError, BadRequest
from shared.http.problem import PROBLEM_TYPE
from shared.postgres.errors import DatabaseUnavailable

log = logging.getLogger(__name__)


class Caching(StrEnum):
    """Who may keep an answer: values of `Cache-Control` (RFC 9111, section 5.2.2)."""

    NEVER = "private, no-store"
    REVALIDATED = "private, no-cache"
    """Lists, and rows with a tag: the client may keep them, and asks before each use."""
    NOT_STORED = "no-store"
    """The same to everybody, and old the next moment: health."""
    PUBLIC = "public, max-age=300"
    STATUS = "public, max-age=30"
    """What is revoked has to be known within a minute."""
    CALENDAR = "private, max-age=300"
    """Programs that show a calendar ask for it whenever they are opened."""


@dataclass(slots=True)
class Answer:
    """What a client is answered; `text` is JSON, unless `content_type` says otherwise."""

    text: str
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    caching: Caching = Caching.NEVER
    content_type: str = "application/json; charset=utf-8"
    content: bytes | None = None
    """What is no text, in place of one."""


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
    """`{"success": true, …}` around `data`, which is JSON text and passes through as it is; `null` without any."""
    parts = ['"success": true']
    if message is not None:
        parts.append(f'"message": {json.dumps(message, ensure_ascii=False)}')
    parts.append(f'"data": {"null" if data is None else data}')
    parts += [f'"{name}": {json.dumps(value)}' for name, value in (("meta", meta), ("links", links)) if value]
    return Answer("{" + ", ".join(parts) + "}", status, headers or {}, caching)


def failure(error: ApiError, *, as_problem: bool = False) -> Answer:
    """`as_problem`: where the client prefers problem details (`shared.http.problem`), and the error has them."""
    problem = error.problem() if as_problem else None
    answer = Answer(json.dumps(problem or error.body(), ensure_ascii=False), error.status, error.headers)
    if problem is not None:
        answer.content_type = PROBLEM_TYPE
    return answer


def api_error(error: Exception) -> ApiError:
    """The error that a client sees; anything unknown is a defect and is logged with its traceback."""
    match error:
        case DatabaseUnavailable():
            log.warning("the database is not available: %s", error, exc_info=error)
            return error
        case ApiError():
            return error
        case web.HTTPException() if error.status < 500:
            return BadRequest()
    log.error("unhandled exception", exc_info=error)
    return ApiError()

"""What becomes of a request before aiohttp sees it: refused at once, answered at once, or let in."""

from collections.abc import Coroutine
from typing import Any, Final, Protocol

from aiohttp import web

from shared.errors import ApiError
from shared.http.answers import failure
from shared.http.fast_path import FAST_PATH, answer_plain
from shared.http.plain import PlainReader
from shared.http.wire import Written, written
from shared.observability import new_request_id


class Doorkeeper(Protocol):
    """Looks at the beginning of a GET before it is parsed, which is most of the work that a refusal costs."""

    def is_on_duty(self) -> bool:
        """Whether it has to be asked these seconds."""

    def refusal(self, beginning: bytes) -> ApiError | None:
        """What the request is refused with, which says the same each time; None lets it in."""


DOORKEEPER = web.AppKey[Doorkeeper]("doorkeeper")
PLAIN_READER = web.AppKey("reader", PlainReader)
_REQUEST_ID: Final = "00000000-0000-0000-0000-000000000000"


class Door:
    """What is decided about a request before aiohttp sees it; one for all connections of an application."""

    def __init__(self, app: web.Application) -> None:
        self._app = app
        self._doorkeeper = app.get(DOORKEEPER)
        self._fast_path = app.get(FAST_PATH)
        self._reader = app.get(PLAIN_READER) or PlainReader()
        self._written_once: dict[type[ApiError], bytes] = {}

    def refusal(self, data: bytes) -> bytes | None:
        """The answer to a GET that the doorkeeper refuses."""
        if self._doorkeeper is None or not self._doorkeeper.is_on_duty() or not _is_one_read(data):
            return None
        refusal = self._doorkeeper.refusal(data)
        return None if refusal is None else self._written(refusal)

    def _written(self, refusal: ApiError) -> bytes:
        """A doorkeeper's refusals are the same each time, but for the request id."""
        kind = type(refusal)
        if kind not in self._written_once:
            self._written_once[kind] = written(failure(refusal), _REQUEST_ID).message(last=False)
        return self._written_once[kind].replace(_REQUEST_ID.encode(), new_request_id().encode())

    def answer(self, data: bytes, peer: str) -> Coroutine[Any, Any, Written] | None:
        """That of the fast path, if the request is plain and somebody there answers it."""
        if self._fast_path is None:
            return None
        request = self._reader.read(data, peer)
        handler = None if request is None else self._fast_path(request)
        if request is None or handler is None:
            return None
        return answer_plain(self._app, handler, request)


def _is_one_read(data: bytes) -> bool:
    """Whether it is one whole GET without a body, so that the next byte begins another request."""
    if not data.startswith(b"GET ") or data.find(b"\r\n\r\n") != len(data) - 4:
        return False
    head = data.lower()
    return b"\ncontent-length" not in head and b"\ntransfer-encoding" not in head and b"\nconnection" not in head

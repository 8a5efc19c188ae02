"""Requests to the server, by those who wait for its answers."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from types import TracebackType
from typing import Any, Final, Self

import httpx

from muster.asked import (
    LONGEST_WAIT,
    MOST_BYTES,
    MOST_TRIES,
    PAUSE_SECONDS,
    Failed,
    Limits,
    Query,
    Request,
    Stream,
    Upload,
)
from muster.asked import Answer as Answer
from muster.conversation import NeedToken, Pause, Read, Result, Send, Step, Steps, answered, begun, read
from muster.errors import CutShort
from muster.settings import Settings
from muster.tokens import tokens_of
from muster.wire import BROKEN, arguments, failed, reason_of, settings_of_client, wrong_address

__all__ = ["LONGEST_WAIT", "MOST_BYTES", "MOST_TRIES", "Answer", "Query", "Stream", "Transport", "Upload"]

UPLOAD_SECONDS: Final = 600.0
"""For how long a token should be good that is used for what may take long."""


def _ignore(text: str) -> None:
    pass


class Transport:
    """Connections to one server, with tokens and further tries. Threads may share it.

    `notify` gets a line for a person where it waits, `saved` each new refresh token. `through` replaces the network in
    tests.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        notify: Callable[[str], None] = _ignore,
        wait: Callable[[float], None] = time.sleep,
        through: httpx.BaseTransport | None = None,
        limits: Limits | None = None,
        saved: Callable[[str], None] = _ignore,
    ) -> None:
        self._settings = settings
        self._notify = notify
        self._wait = wait
        self._limits = limits or Limits()
        self._reached = False
        try:
            self._client = httpx.Client(**settings_of_client(settings.url), transport=through)
        except httpx.InvalidURL as error:
            raise wrong_address(error) from error
        self._tokens = tokens_of(settings, self._limits, saved)
        self._renewing = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._client.close()

    def request(self, method: str, path: str, query: Query | None = None, upload: Upload | None = None) -> Answer:
        """Raises `ApiError`, `Unreachable` or `CutShort`."""
        long = PAUSE_SECONDS if upload is None else UPLOAD_SECONDS
        return self.ask(Request(method, path, query or {}, upload=upload, token_seconds=long, is_safe=method == "GET"))

    def ask(self, request: Request) -> Answer:
        """The answer as JSON. Raises as `request` does."""
        return self._carry_out(answered(request, self._limits, self._settings.url))

    def read(self, request: Request) -> Answer:
        """The answer as bytes."""
        return self._carry_out(read(request, self._limits, self._settings.url))

    @contextmanager
    def stream(self, path: str, query: Query, *, accept: str, silence: float) -> Iterator[Stream]:
        """The answer to a GET, while it comes. Raises as `request` does."""
        request = Request("GET", path, query, {"Accept": accept}, silence=silence, token_seconds=UPLOAD_SECONDS)
        with self.open(request) as stream:
            yield stream

    @contextmanager
    def open(self, request: Request) -> Iterator[Stream]:
        """The answer to any request, while it comes."""
        safe = request.is_safe or request.method == "GET"
        steps = begun(replace(request, is_streamed=True, is_safe=safe), self._limits, self._settings.url)
        reply: Any = self._carry_out(steps)
        try:
            yield Stream(reply.headers, _pieces(reply))
        finally:
            reply.close()

    def wait(self, seconds: float) -> None:
        self._wait(seconds)

    def _carry_out(self, steps: Steps[Result]) -> Result:
        """Does what the conversation wants, until it has its result."""
        came: Any = None
        while True:
            try:
                step = steps.send(came)
            except StopIteration as end:
                return end.value  # type: ignore[no-any-return]
            came = self._done(step)

    def _done(self, step: Step) -> Any:
        match step:
            case Send(request, token):
                return self._sent(request, token)
            case Read(reply):
                return self._read(reply)
            case NeedToken(seconds, refused):
                with self._renewing:
                    return self._carry_out(self._tokens.current(seconds, refused))
            case Pause(seconds, why):
                self._notify(f"{why} The next try is in {seconds:g} s.")
                self._wait(seconds)
                return None

    def _sent(self, request: Request, token: str | None) -> httpx.Response | Failed:
        try:
            response = self._client.send(self._client.build_request(**arguments(request, token)), stream=True)
        except httpx.TransportError as error:
            return failed(error, was_reached=self._reached)
        self._reached = True
        return response

    def _read(self, response: Any) -> bytes | Failed | None:
        body = bytearray()
        try:
            for piece in response.iter_bytes():
                body += piece
                if len(body) > MOST_BYTES:
                    return None
        except BROKEN as error:
            return failed(error, was_reached=True)
        finally:
            response.close()
        return bytes(body)


def _pieces(response: httpx.Response) -> Iterator[bytes]:
    try:
        yield from response.iter_bytes()
    except BROKEN as error:
        raise CutShort(f"The connection was lost before the end: {reason_of(error)}") from error

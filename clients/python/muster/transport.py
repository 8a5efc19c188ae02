"""Requests to the server. Nothing else here knows httpx."""

import time
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import quote

import httpx

from muster import __version__
from muster.errors import ApiError, CutShort, SettingsMissing, Unreachable, error_of
from muster.settings import Settings
from muster.tokens import ClientTokens, GivenToken, Granted, Tokens

CONNECT_SECONDS: Final = 10.0
PAUSE_SECONDS: Final = 60.0
"""In which something must be sent or received."""
MOST_BYTES: Final = 16 * 1024 * 1024
"""Of an answer that is no stream; Muster's are shorter."""
MOST_TRIES: Final = 6
LONGEST_WAIT: Final = 120.0
"""Seconds: a server that asks for more is not waited for."""
_BACKOFF: Final = (0.5, 1.0, 2.0, 4.0, 8.0)
_REFUSED_EARLY: Final = frozenset({429, 503})
"""Statuses of requests that had no effect."""
_FAILED: Final = frozenset({502, 504})
"""Statuses after which nobody knows: only what changes nothing is sent again."""
_TOKEN_CODES: Final = frozenset({"token_expired", "token_invalid"})

Query = Mapping[str, str | int | bool]


@dataclass(frozen=True)
class Upload:
    """A body that is sent as it is read. `open` may be called again if `is_repeatable`."""

    open: Callable[[], Iterator[bytes]]
    content_type: str
    encoding: str | None = None
    length: int | None = None
    is_repeatable: bool = True
    refused: Callable[[], None] = lambda: None
    """Called when the server has refused it: it had no effect, and may be sent again."""


@dataclass(frozen=True)
class Answer:
    """Headers are found in any case; `data` is the JSON of the body."""

    status: int
    headers: Mapping[str, str]
    data: Any


@dataclass(frozen=True)
class Stream:
    """An answer that is read as it comes. `pieces` raises `CutShort` if it ends before its end."""

    headers: Mapping[str, str]
    pieces: Iterator[bytes]


@dataclass(frozen=True)
class _Request:
    method: str
    path: str
    query: Query = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    upload: Upload | None = None
    silence: float = PAUSE_SECONDS
    """Seconds without anything received."""
    token_seconds: float = 0
    """For how long its token should be good."""
    form: Mapping[str, str] | None = None
    """Of a request for a token, which needs none."""

    @property
    def changes_nothing(self) -> bool:
        return self.method == "GET" or self.form is not None

    @property
    def is_repeatable(self) -> bool:
        return self.upload is None or self.upload.is_repeatable


def _ignore(text: str) -> None:
    pass


class Transport:
    """Connections to one server, with tokens and further tries.

    `notify` gets a line for a person where it waits. `through` replaces the network in tests.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        notify: Callable[[str], None] = _ignore,
        wait: Callable[[float], None] = time.sleep,
        through: httpx.BaseTransport | None = None,
    ) -> None:
        self._settings = settings
        self._notify = notify
        self._wait = wait
        self._reached = False
        try:
            self._client = httpx.Client(
                base_url=settings.url,
                headers={"User-Agent": f"muster-client/{__version__}", "Accept": "application/json"},
                timeout=httpx.Timeout(PAUSE_SECONDS, connect=CONNECT_SECONDS),
                transport=through,
            )
        except httpx.InvalidURL as error:
            raise SettingsMissing(f"MUSTER_URL is no address: {error}") from error
        self._tokens: Tokens = ClientTokens(self._grant) if settings.token is None else GivenToken(settings.token)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()

    def request(self, method: str, path: str, query: Query | None = None, upload: Upload | None = None) -> Answer:
        """Raises `ApiError`, `Unreachable` or `CutShort`."""
        long = PAUSE_SECONDS if upload is None else 600.0
        request = _Request(method, path, query or {}, upload=upload, token_seconds=long)
        response = self._answered(request)
        with _closing(response):
            data = _json(self._read(response))
            if data is None:
                raise error_of(response.status_code, None, address=self._settings.url)
            return Answer(response.status_code, response.headers, data)

    @contextmanager
    def stream(self, path: str, query: Query, *, accept: str, silence: float) -> Iterator[Stream]:
        """The answer to a GET, while it comes. Raises as `request` does."""
        request = _Request("GET", path, query, {"Accept": accept}, silence=silence, token_seconds=600.0)
        response = self._answered(request)
        with _closing(response):
            yield Stream(response.headers, self._pieces(response))

    def _answered(self, request: _Request) -> httpx.Response:
        """An answer that is no error, its body unread."""
        renewed = False
        for number in range(MOST_TRIES):
            try:
                response = self._sent(request)
            except httpx.TransportError as error:
                if number == MOST_TRIES - 1 or not self._may_repeat(request, error):
                    raise self._unreachable(request, error) from error
                self._pause(_BACKOFF[number], "The connection failed.")
                continue
            if response.status_code < 300:
                return response
            refusal = self._refusal(response)
            if request.upload is not None:
                request.upload.refused()
            if not renewed and self._may_renew(refusal, request):
                renewed = True
                continue
            wait = _wait_after(refusal, request, number)
            if wait is None:
                raise refusal
            self._pause(wait, refusal.message)
        raise Unreachable(f"{self._settings.url} has refused {MOST_TRIES} times.")

    def _sent(self, request: _Request) -> httpx.Response:
        headers, upload = dict(request.headers), request.upload
        if request.form is None:
            headers["Authorization"] = f"Bearer {self._tokens.current(request.token_seconds)}"
        if upload is not None:
            headers["Content-Type"] = upload.content_type
            if upload.encoding is not None:
                headers["Content-Encoding"] = upload.encoding
            if upload.length is not None:
                headers["Content-Length"] = str(upload.length)
        built = self._client.build_request(
            request.method,
            request.path,
            params={name: str(value) for name, value in request.query.items()},
            headers=headers,
            content=None if upload is None else upload.open(),
            data=request.form,
            timeout=httpx.Timeout(PAUSE_SECONDS, connect=CONNECT_SECONDS, read=request.silence),
        )
        response = self._client.send(built, stream=True)
        self._reached = True
        return response

    def _may_renew(self, refusal: ApiError, request: _Request) -> bool:
        return refusal.code in _TOKEN_CODES and request.is_repeatable and self._tokens.renew()

    def _may_repeat(self, request: _Request, error: httpx.TransportError) -> bool:
        """An address that was never reached is probably wrong."""
        never_sent = isinstance(error, httpx.ConnectError | httpx.ConnectTimeout)
        return self._reached and request.is_repeatable and (request.changes_nothing or never_sent)

    def _unreachable(self, request: _Request, error: httpx.TransportError) -> Unreachable:
        reason = str(error) or type(error).__name__
        if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout):
            return Unreachable(f"{self._settings.url} cannot be reached: {reason}. Is MUSTER_URL right?")
        return Unreachable(f"The connection to {self._settings.url} was lost before an answer came: {reason}")

    def _refusal(self, response: httpx.Response) -> ApiError:
        with _closing(response):
            try:
                data = _json(self._read(response))
            except CutShort:
                data = None
        return error_of(
            response.status_code,
            data,
            address=self._settings.url,
            retry_after=_seconds(response.headers.get("Retry-After")),
            request_id=response.headers.get("X-Request-Id"),
        )

    def _pause(self, seconds: float, why: str) -> None:
        self._notify(f"{why} The next try is in {seconds:g} s.")
        self._wait(seconds)

    def _read(self, response: httpx.Response) -> bytes:
        """All of an answer but a stream's. Raises `CutShort`, and `ApiError` for one that cannot be Muster's."""
        body = bytearray()
        for piece in self._pieces(response):
            body += piece
            if len(body) > MOST_BYTES:
                raise error_of(response.status_code, None, address=self._settings.url)
        return bytes(body)

    def _pieces(self, response: httpx.Response) -> Iterator[bytes]:
        try:
            yield from response.iter_bytes()
        except (httpx.TransportError, httpx.DecodingError) as error:
            raise CutShort(f"The connection was lost before the end: {error or type(error).__name__}") from error

    def _grant(self) -> Granted:
        """A token for the program's id and secret (RFC 6749, section 4.4)."""
        pair = f"{quote(self._settings.client_id or '', safe='')}:{quote(self._settings.client_secret or '', safe='')}"
        headers = {"Authorization": f"Basic {b64encode(pair.encode()).decode()}"}
        request = _Request("POST", "/oauth/token", headers=headers, form={"grant_type": "client_credentials"})
        response = self._answered(request)
        with _closing(response):
            data = _json(self._read(response))
        if not isinstance(data, dict) or not isinstance(data.get("access_token"), str):
            raise error_of(response.status_code, None, address=self._settings.url)
        return Granted(data["access_token"], float(data.get("expires_in", 0)))


def _wait_after(refusal: ApiError, request: _Request, number: int) -> float | None:
    """Seconds until the next try; None where there is none."""
    if number == MOST_TRIES - 1 or not request.is_repeatable:
        return None
    if refusal.status not in _REFUSED_EARLY and not (refusal.status in _FAILED and request.changes_nothing):
        return None
    wait = _BACKOFF[number] if refusal.retry_after is None else refusal.retry_after
    return wait if wait <= LONGEST_WAIT else None


def _seconds(header: str | None) -> float | None:
    """Of a `Retry-After`, which may also be a date: then it is not known here, whose clock may be off."""
    return float(header) if header is not None and header.isascii() and header.isdigit() else None


def _json(body: bytes) -> Any:
    try:
        return httpx.Response(200, content=body).json()
    except ValueError:
        return None


@contextmanager
def _closing(response: httpx.Response) -> Iterator[None]:
    try:
        yield
    finally:
        response.close()

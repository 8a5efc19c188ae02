"""What is asked of the server, and what came of it, as values: nothing here sends anything."""

import json
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

CONNECT_SECONDS: Final = 10.0
PAUSE_SECONDS: Final = 60.0
"""In which something must be sent or received."""
MOST_BYTES: Final = 16 * 1024 * 1024
"""Of an answer that is no stream; Muster's are shorter."""
MOST_TRIES: Final = 6
LONGEST_WAIT: Final = 120.0
"""Seconds: a server that asks for more is not waited for."""

Query = Mapping[str, str | int | bool]


@dataclass(frozen=True)
class Upload:
    """A body that is sent as it is read. `open` may be called again if `is_repeatable`."""

    open: Callable[[], Iterable[bytes]]
    content_type: str
    encoding: str | None = None
    length: int | None = None
    is_repeatable: bool = True
    refused: Callable[[], None] = lambda: None
    """Called when the server has refused it: it had no effect, and may be sent again."""


def json_upload(body: Any, content_type: str = "application/json") -> Upload:
    """Of what JSON can hold."""
    text = json.dumps(body, ensure_ascii=False, allow_nan=False).encode()
    return Upload(lambda: [text], content_type, length=len(text))


@dataclass(frozen=True)
class Request:
    """`is_safe` says that it may be sent again although nobody knows what came of it."""

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
    is_public: bool = False
    """It needs no token, and gets none."""
    is_safe: bool = False
    is_streamed: bool = False
    """Its answer is read as it comes."""

    @property
    def is_repeatable(self) -> bool:
        return self.upload is None or self.upload.is_repeatable


class Reply(Protocol):
    """The head of an answer; headers are found in any case."""

    @property
    def status_code(self) -> int: ...
    @property
    def headers(self) -> Mapping[str, str]: ...


@dataclass(frozen=True)
class Answer:
    """Headers are found in any case; `data` is the JSON of the body, or its bytes where it is none."""

    status: int
    headers: Mapping[str, str]
    data: Any

    @property
    def etag(self) -> str | None:
        return self.headers.get("ETag")

    @property
    def request_id(self) -> str | None:
        return self.headers.get("X-Request-Id")


@dataclass(frozen=True)
class Failed:
    """There was no answer, or not all of it."""

    reason: str
    never_sent: bool = False
    was_reached: bool = True
    """Whether the server has ever answered."""


@dataclass(frozen=True)
class Limits:
    """How often something is tried, and how long a single wait may be, in seconds."""

    tries: int = MOST_TRIES
    longest_wait: float = LONGEST_WAIT


@dataclass(frozen=True)
class Stream:
    """An answer that is read as it comes. `pieces` raises `CutShort` if it ends before its end."""

    headers: Mapping[str, str]
    pieces: Iterator[bytes]


@dataclass(frozen=True)
class AsyncStream:
    """An answer that is read as it comes. `pieces` raises `CutShort` if it ends before its end."""

    headers: Mapping[str, str]
    pieces: AsyncIterator[bytes]

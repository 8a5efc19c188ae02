"""Server-sent events as they go over the wire (WHATWG HTML, section 9.2)."""

from collections.abc import Iterator
from typing import Final, NamedTuple

EVENT_STREAM: Final = "text/event-stream"
COMMENT: Final = b":\n\n"
"""Says nothing, and keeps the connection from being taken for dead."""


class ServerEvent(NamedTuple):
    name: str
    event_id: str
    data: str


def event(data: str, *, name: str, event_id: str) -> bytes:
    """One event; `data` is a single line."""
    return f"id: {event_id}\nevent: {name}\ndata: {data}\n\n".encode()


def retry(seconds: float) -> bytes:
    """How long the client is to wait before it connects again."""
    return b"retry: %d\n\n" % (seconds * 1000)


class EventReader:
    """Reads the events of a stream of our own, which come in pieces of any size."""

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._rest = b""

    def feed(self, piece: bytes) -> Iterator[ServerEvent]:
        """The events that the piece completes; raises `ValueError` for one that is too long."""
        *blocks, self._rest = (self._rest + piece).split(b"\n\n")
        if len(self._rest) > self._most_bytes:
            raise ValueError("an event is too long")
        for block in blocks:
            fields = dict(_fields(block.decode()))
            if "data" in fields:
                yield ServerEvent(fields.get("event", "message"), fields.get("id", ""), fields["data"])


def _fields(block: str) -> Iterator[tuple[str, str]]:
    for line in block.split("\n"):
        name, _, value = line.partition(": ")
        if name and not line.startswith(":"):
            yield name, value

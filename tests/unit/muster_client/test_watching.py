"""Server-sent events, in whatever pieces they come, across breaks of the connection."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

import pytest

from muster.asked import Stream
from muster.asking import Asked
from muster.errors import CutShort, Unexpected
from muster.models import LiveSeats
from muster.watching import MOST_BYTES, Watching


def seats(version: int) -> bytes:
    members = ("max_participants", "enrolled_count", "available_spots", "waiting")
    numbers = ",".join(f'"{name}":{version}' for name in members)
    data = f'{{"session_id":12,"version":{version},"status":"scheduled",{numbers}}}'
    return f"id: {version}\nevent: seats\ndata: {data}\n\n".encode()


REMOVED = b'event: removed\ndata: {"session_id":12}\n\n'


class Server:
    """Each connection brings these pieces, and ends well or in a break."""

    def __init__(self, *connections: tuple[list[bytes], bool]) -> None:
        self.connections = list(connections)
        self.asked: list[Asked] = []
        self.waits: list[float] = []

    @contextmanager
    def connect(self, asked: Asked) -> Iterator[Stream]:
        self.asked.append(asked)
        pieces, is_cut = self.connections.pop(0)

        def read() -> Iterator[bytes]:
            yield from pieces
            if is_cut:
                raise CutShort("lost")

        yield Stream({}, read())

    def watching(self) -> Watching[LiveSeats]:
        return Watching(self.connect, LiveSeats, self.waits.append)


def test_it_goes_on_where_it_was() -> None:
    server = Server(([seats(1), seats(2)[:20]], True), ([b"retry: 2500\n\n", seats(3)], False), ([REMOVED], False))
    seen = list(server.watching())
    assert [each.data.version for each in seen if each.data is not None] == [1, 3]
    assert seen[-1].event == "removed"
    assert server.asked == [{}, {"last_event_id": "1"}, {"last_event_id": "3"}]
    assert server.waits == [1.0, 2.5]


@pytest.mark.parametrize("size", [1, 2, 7, 1000])
def test_pieces_end_anywhere(size: int) -> None:
    text = b": alive\n\n" + seats(1) + seats(2).replace(b"\n", b"\r\n") + REMOVED
    server = Server(([text[start : start + size] for start in range(0, len(text), size)], False))
    assert [each.raw.get("version") for each in server.watching()] == [1, 2, None]


@pytest.mark.parametrize(
    "piece",
    [b"data: {\n\n", b"data: {}\n\n", b"x" * (MOST_BYTES + 1)],
    ids=["no JSON", "of another kind", "without an end"],
)
def test_what_is_none_of_ours_is_said(piece: bytes) -> None:
    read: Callable[[], list[object]] = partial(list, Server(([piece], False)).watching())
    with pytest.raises(Unexpected):
        read()

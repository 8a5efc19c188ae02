"""Server-sent events: what is written is read, in whatever pieces it comes."""

import pytest

from shared.http.event_stream import COMMENT, EventReader, ServerEvent, event, retry

STREAM = event('{"n":1}', name="seats", event_id="7") + COMMENT + event("{}", name="removed", event_id="1:2,3:4")
EVENTS = [ServerEvent("seats", "7", '{"n":1}'), ServerEvent("removed", "1:2,3:4", "{}")]


def test_an_event_has_the_form_of_the_specification() -> None:
    assert event('{"n":1}', name="seats", event_id="7") == b'id: 7\nevent: seats\ndata: {"n":1}\n\n'
    assert retry(1.5) == b"retry: 1500\n\n"


@pytest.mark.parametrize("size", [1, 2, 7, 1000])
def test_events_are_read_from_pieces_of_any_size(size: int) -> None:
    reader = EventReader(100)
    pieces = [STREAM[start : start + size] for start in range(0, len(STREAM), size)]
    assert [found for piece in pieces for found in reader.feed(piece)] == EVENTS


def test_what_is_not_complete_is_no_event() -> None:
    assert list(EventReader(100).feed(STREAM[:-1])) == EVENTS[:1]


def test_an_event_without_end_is_refused() -> None:
    reader = EventReader(100)
    assert list(reader.feed(b"data: " + b"x" * 94)) == []
    with pytest.raises(ValueError, match="too long"):
        list(reader.feed(b"x"))

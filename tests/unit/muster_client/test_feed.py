"""The feed's position: nothing is passed over, whenever one stops."""

from typing import Any

import httpx
import pytest

from muster.errors import Unexpected
from muster.refusals import CursorExpiredError
from muster.resources import Resources
from muster.settings import Settings
from muster.transport import Transport

GIVEN = Settings("https://m.example", token="a.b.c")


def event(number: int) -> dict[str, Any]:
    return {"id": f"e{number}", "type": "t", "source": "s", "subject": "x/1", "data": {"version": number}}


def page(numbers: list[int], next_: str, *, has_more: bool) -> dict[str, Any]:
    return {"success": True, "data": [event(number) for number in numbers], "next": next_, "has_more": has_more}


class Server:
    """The feed has the events 1, 2 and 3, two of them in its first answer; another one comes later."""

    def __init__(self) -> None:
        self.queries: list[dict[str, str]] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        query = dict(request.url.params)
        self.queries.append(query)
        answers = {None: page([1, 2], "b", has_more=True), "b": page([3], "c", has_more=False)}
        return httpx.Response(200, json=answers.get(query.get("after"), page([4], "d", has_more=False)))

    @property
    def client(self) -> Resources:
        return Resources(Transport(GIVEN, through=httpx.MockTransport(self)))


def test_it_ends_where_nothing_follows() -> None:
    server = Server()
    feed = server.client.events.follow(types=["a.*", "b"], endless=False)
    assert [each.version for each in feed] == [1, 2, 3]
    assert feed.cursor == "c"
    assert [query.get("wait") for query in server.queries] == ["0", "0"]
    assert server.queries[0]["types"] == "a.*,b"


def test_it_waits_for_what_comes() -> None:
    server = Server()
    feed = server.client.events.follow()
    seen = iter(feed)
    assert [next(seen).version for _ in range(4)] == [1, 2, 3, 4]
    assert [query["wait"] for query in server.queries] == ["0", "0", "20"]
    assert feed.cursor == "d"


@pytest.mark.parametrize(("count", "cursor"), [(1, None), (2, "b"), (3, "c")])
def test_whoever_stops_misses_nothing(count: int, cursor: str | None) -> None:
    """In the middle of an answer the cursor is the one before it: some events come again."""
    server = Server()
    feed = server.client.events.follow()
    seen = iter(feed)
    for _ in range(count):
        next(seen)
    assert feed.cursor == cursor
    rest = server.client.events.follow(after=feed.cursor, endless=False)
    assert {each.version for each in rest} >= {1, 2, 3} - set(range(1, count + 1))


def test_a_cursor_that_has_expired_is_an_exception_of_its_own() -> None:
    refusal = httpx.Response(410, json={"success": False, "message": "Gone.", "code": "cursor_expired"})
    client = Resources(Transport(GIVEN, through=httpx.MockTransport(lambda request: refusal)))
    with pytest.raises(CursorExpiredError):
        next(iter(client.events.follow(after="a")))


def test_what_is_no_feed_is_said() -> None:
    client = Resources(Transport(GIVEN, through=httpx.MockTransport(lambda request: httpx.Response(200, json={}))))
    with pytest.raises(Unexpected, match="no events"):
        next(iter(client.events.follow()))

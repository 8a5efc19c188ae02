"""How far a client is that watches sessions, and how changes reach all who watch one."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from gateway.live import session_changes
from gateway.live.live_sessions import LiveSessions
from gateway.live.session_changes import SessionChanges, SessionEvent, Watcher, removed
from gateway.live.watch_handler import LONGEST_LAST_ID, Watch, read_last_id


def state(session_id: int, version: int, *, gone: bool = False) -> dict[str, Any]:
    seats = None if gone else {"session_id": session_id, "version": version}
    return {"id": session_id, "version": version, "removed": gone, "seats": seats}


def ids(text: bytes) -> list[str]:
    return [line.removeprefix("id: ") for line in text.decode().split("\n") if line.startswith("id: ")]


def change(session_id: int, version: int) -> SessionEvent:
    return SessionEvent(session_id, version, "seats", "{}")


def test_one_session_has_its_version_as_id() -> None:
    watch = Watch(1, [state(5, 7)], alone=True)
    assert watch.first() == b'id: 7\nevent: seats\ndata: {"session_id":5,"version":7}\n\n'
    assert ids(watch.shown(change(5, 8))) == ["8"]
    assert watch.keys == [(1, 5)]


def test_several_sessions_have_the_version_of_each() -> None:
    watch = Watch(1, [state(5, 7), state(6, 2)], alone=False)
    assert ids(watch.first()) == ["5:7", "5:7,6:2"]
    assert ids(watch.shown(change(6, 3))) == ["5:7,6:3"]
    assert watch.keys == [(1, 5), (1, 6)]


def test_the_first_of_several_says_only_what_was_sent() -> None:
    """A connection may end between two events of the same moment."""
    watch = Watch(1, [state(5, 7), state(6, 2)], alone=False)
    watch.go_on_from("5:1,6:1")
    assert ids(watch.first()) == ["5:7,6:1", "5:7,6:2"]


@pytest.mark.parametrize(
    ("last", "shown"),
    [("5:7,6:2", []), ("5:7,6:1", [6]), ("5:6", [5, 6]), ("", [5, 6]), ("7", [5, 6]), ("5:99,6:2", [5])],
)
def test_a_client_goes_on_from_its_last_event(last: str, shown: list[int]) -> None:
    watch = Watch(1, [state(5, 7), state(6, 2)], alone=False)
    watch.go_on_from(last)
    data = [json.loads(line[6:]) for line in watch.first().decode().split("\n") if line.startswith("data: ")]
    assert [each["session_id"] for each in data] == shown


def test_who_has_seen_everything_gets_a_comment() -> None:
    watch = Watch(1, [state(5, 7)], alone=True)
    watch.go_on_from("7")
    assert watch.first() == b":\n\n"


@pytest.mark.parametrize(
    "text", ["x", "-1", "1:2:3", "1,2", ",", "5:", "1:2,", "9" * 20, " 7", "7 ", "٧", "1:2," * (LONGEST_LAST_ID // 4)]
)
def test_what_is_no_id_of_ours_is_ignored(text: str) -> None:
    assert read_last_id(text, [5]) == {}


def test_a_removed_session_is_watched_no_more() -> None:
    watch = Watch(1, [state(5, 7), state(6, 0, gone=True)], alone=False)
    assert b'event: removed\ndata: {"session_id":6}' in watch.first()
    assert watch.keys == [(1, 5)]
    assert not watch.is_over
    watch.shown(removed(5, 8))
    assert watch.is_over


def session_with(*watchers: Watcher) -> SessionChanges:
    changes = SessionChanges(None, "", 5, dict, lambda _: None)  # type: ignore[arg-type]  # nobody is asked
    for watcher in watchers:
        changes.join(watcher)
    return changes


async def test_many_hear_of_a_change_in_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    """What else the process has to do gets its turn in between."""
    monkeypatch.setattr(session_changes, "AT_ONCE", 10)
    watchers, heard = [Watcher() for _ in range(35)], list[int]()
    telling = asyncio.ensure_future(session_with(*watchers)._tell(change(5, 1)))
    while not telling.done():
        await asyncio.sleep(0)
        heard.append(sum(bool(watcher._untaken) for watcher in watchers))
    assert heard[:4] == [10, 20, 30, 35]


async def test_an_older_state_is_told_to_nobody() -> None:
    watcher = Watcher()
    changes = session_with(watcher)
    await changes._tell(change(5, 3))
    late = Watcher()
    changes.join(late)
    await changes._tell(change(5, 2))
    assert await watcher.take(0) == await late.take(0) == [change(5, 3)]


async def test_a_watcher_that_fails_costs_the_others_nothing() -> None:
    def fail(_: SessionEvent) -> None:
        raise RuntimeError

    watchers = [Watcher() for _ in range(5)]
    for failing in watchers[1:4]:
        failing.give_to(fail)
    await session_with(*watchers)._tell(change(5, 1))
    assert [await watcher.take(0) for watcher in (watchers[0], watchers[4])] == [[change(5, 1)]] * 2
    assert [watcher.has_ended for watcher in watchers] == [False, True, True, True, False]


async def test_a_cancellation_that_is_not_ours_ends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Some libraries let one escape when a connection is lost: the session's watchers would hear nothing any more."""
    begun = 0

    async def escaping_once(_: SessionChanges) -> AsyncIterator[SessionEvent]:
        nonlocal begun
        begun += 1
        if begun == 1:
            raise asyncio.CancelledError
        yield removed(5, 1)

    monkeypatch.setattr(SessionChanges, "_changes", escaping_once)
    watcher = Watcher()
    async with asyncio.timeout(20):
        await session_with(watcher).follow()
    assert [each.version for each in await watcher.take(0)] == [1]


async def test_following_ends_when_it_is_cancelled(monkeypatch: pytest.MonkeyPatch) -> None:
    following = asyncio.ensure_future(session_with(Watcher()).follow())
    await asyncio.sleep(0)
    following.cancel()
    await asyncio.wait({following}, timeout=20)
    assert following.cancelled()


async def test_who_comes_once_the_process_ends_is_sent_to_another_one() -> None:
    live, ending, early, late = LiveSessions(None, "", dict), asyncio.Event(), Watcher(), Watcher()  # type: ignore[arg-type]
    with live.watching([], early):
        assert not early.has_ended
        ending.set()
        await live.end_with(ending)
        assert early.has_ended
    with live.watching([], late):
        assert late.has_ended


async def test_one_session_that_fails_beside_others_that_do_not_is_one_line(caplog: pytest.LogCaptureFixture) -> None:
    live = LiveSessions(None, "", dict)  # type: ignore[arg-type]
    odd, well = (1, 5), (1, 6)
    for _ in range(3):
        live._note(odd, "it says nothing")
        live._note(well, None)
    live._note(odd, None)
    assert [record.levelname for record in caplog.records] == ["WARNING", "WARNING"]
    assert caplog.records[0].message.endswith("trying again: it says nothing")
    assert caplog.records[1].message.endswith("again")

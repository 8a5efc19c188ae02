"""What a reader of news has not taken yet: the newest of each key, once, and nothing older after it."""

import asyncio
from dataclasses import dataclass

from shared.concurrency.newest import Newest


@dataclass(frozen=True)
class Value:
    key: str
    version: int


async def test_the_newest_of_each_key_is_taken_once() -> None:
    newest: Newest[Value] = Newest()
    for value in (Value("a", 1), Value("b", 1), Value("a", 2)):
        newest.put(value)
    assert await newest.take(1) == [Value("a", 2), Value("b", 1)]
    assert await newest.take(0) == []


async def test_what_is_not_newer_is_not_taken() -> None:
    newest: Newest[Value] = Newest({"a": 3})
    for version in (2, 3):
        newest.put(Value("a", version))
    assert await newest.take(0) == []
    newest.put(Value("a", 4))
    assert await newest.take(0) == [Value("a", 4)]
    newest.put(Value("a", 4))
    assert await newest.take(0) == []


async def test_who_waits_is_woken() -> None:
    newest: Newest[Value] = Newest()
    taking = asyncio.ensure_future(newest.take(20))
    await asyncio.sleep(0)
    newest.put(Value("a", 1))
    newest.put(Value("a", 2))
    assert await taking == [Value("a", 2)]


async def test_the_end_comes_after_what_is_left() -> None:
    newest: Newest[Value] = Newest()
    newest.put(Value("a", 1))
    newest.end()
    assert await newest.take(20) == [Value("a", 1)]
    assert await newest.take(20) == []
    assert newest.has_ended


async def test_the_end_wakes_who_waits() -> None:
    newest: Newest[Value] = Newest()
    taking = asyncio.ensure_future(newest.take(20))
    await asyncio.sleep(0)
    newest.end()
    assert await taking == []


async def test_patience_ends() -> None:
    newest: Newest[Value] = Newest()
    assert await newest.take(0.01) == []
    assert not newest.has_ended


async def test_what_is_given_is_untaken_first_and_then_as_it_comes() -> None:
    newest, given = Newest[Value](), list[Value]()
    newest.put(Value("a", 1))
    newest.give_to(given.append)
    newest.put(Value("a", 2))
    newest.put(Value("a", 2))
    assert given == [Value("a", 1), Value("a", 2)]
    assert await newest.take(0) == []


async def test_it_goes_on_until_the_end() -> None:
    newest: Newest[Value] = Newest()
    newest.give_to(lambda _: None)
    assert await newest.goes_on(0.01)
    waiting = asyncio.ensure_future(newest.goes_on(20))
    await asyncio.sleep(0)
    newest.put(Value("a", 1))
    newest.end()
    assert not await waiting
    assert not await newest.goes_on(20)

import asyncio

import pytest

from shared.concurrency.tasks import first_ended


async def forever(ended: list[str]) -> None:
    try:
        await asyncio.Event().wait()
    finally:
        ended.append("the other")


async def ends(error: BaseException | None) -> None:
    if error is not None:
        raise error


@pytest.mark.parametrize("error", [ConnectionResetError(), asyncio.CancelledError()])
async def test_it_ends_as_the_first_one_did(error: BaseException) -> None:
    ended: list[str] = []
    with pytest.raises(type(error)):
        await first_ended([forever(ended), ends(error)])
    assert ended == ["the other"]


async def test_it_ends_when_one_is_done() -> None:
    ended: list[str] = []
    await first_ended([forever(ended), ends(None)])
    assert ended == ["the other"]


async def test_cancelled_it_cancels_all() -> None:
    ended: list[str] = []
    task = asyncio.create_task(first_ended([forever(ended), forever(ended)]))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended == ["the other"] * 2

import asyncio

from shared.concurrency.turns import AT_ONCE, in_turns


async def test_results_are_in_the_order_of_the_items() -> None:
    assert await in_turns(str, range(3 * AT_ONCE)) == [str(each) for each in range(3 * AT_ONCE)]
    assert await in_turns(str, []) == []


async def test_others_get_their_turn_meanwhile() -> None:
    done: list[int] = []
    seen: list[int] = []

    async def look() -> None:
        while len(done) < 3 * AT_ONCE:
            seen.append(len(done))
            await asyncio.sleep(0)

    await asyncio.gather(look(), in_turns(done.append, range(3 * AT_ONCE)))
    assert seen == [0, AT_ONCE, 2 * AT_ONCE]


async def test_a_single_item_waits_for_nobody() -> None:
    others = asyncio.create_task(asyncio.sleep(0))
    await in_turns(str, range(AT_ONCE))
    assert not others.done()
    await others

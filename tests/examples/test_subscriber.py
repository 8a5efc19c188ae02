"""Both programs of `examples/subscriber`, with a broker that they outlive."""

import secrets
from dataclasses import replace
from pathlib import Path

import pytest

from stack.servers.credentials import load_credentials, make_subscriber
from stack.servers.rabbitmq_definitions import subscriber_user
from stack.servers.subscribers import admit
from tests.examples.conftest import OwnBroker
from tests.support.events import encoded, enrollment
from tests.support.eventually import eventually
from tests.support.example_subscriber import EXAMPLE, PROGRAMS, Example, changed_copy, running

OF_BOTH = pytest.mark.parametrize("program", PROGRAMS)
NEWEST = "WHERE excluded.version > version"
POISON = (b"no event", b"[]", b'{"organisationid": "7", "data": {"id": 1}}')

REJECTING = {
    "subscriber.py": ("await set_aside(channel, message)", "await message.reject(requeue=False)\n            return"),
    "with_faststream.py": ("await set_aside(message)", "await message.reject(requeue=False)"),
}
"""How each program would hand its dead letters to the broker."""


def completed(enrollment_id: int, version: int) -> bytes:
    return encoded(enrollment(7, enrollment_id, version, "completed"))[1].encode()


async def example(broker: OwnBroker, program: str, folder: Path, source: Path = EXAMPLE) -> Example:
    """With a user of its own, which it gets while the broker runs."""
    name = f"test-{secrets.token_hex(4)}"
    make_subscriber(broker.layout.secrets, name)
    server = broker.reread()
    await admit(server, load_credentials(broker.layout.secrets).subscribers)
    user = subscriber_user(name)
    return Example(
        broker.server.url, server.url_of(user), user, folder / "completions.db", program=program, folder=source
    )


async def kept_after_an_older_version(example: Example) -> int | None:
    async with running(example):
        await example.publish(completed(1, 3), completed(1, 2), completed(1, 3), completed(2, 1))
        await example.has(2, 1)  # in the order of the queue
        return example.version(1)


@OF_BOTH
async def test_an_older_version_after_a_newer_one_changes_nothing(
    own_broker: OwnBroker, program: str, tmp_path: Path
) -> None:
    assert await kept_after_an_older_version(await example(own_broker, program, tmp_path)) == 3


@OF_BOTH
async def test_control_without_the_comparison_the_older_version_wins(
    own_broker: OwnBroker, program: str, tmp_path: Path
) -> None:
    careless = changed_copy(tmp_path, "completions.py", NEWEST, "WHERE excluded.version <> version")
    found = await example(own_broker, program, tmp_path, careless)
    async with running(found):
        for enrollment, version in ((1, 3), (1, 2)):  # one after the other: it may work on several at once
            await found.publish(completed(enrollment, version))
            await found.has(enrollment, version)


@OF_BOTH
async def test_other_events_do_not_reach_it(own_broker: OwnBroker, program: str, tmp_path: Path) -> None:
    found = await example(own_broker, program, tmp_path)
    async with running(found):
        await found.publish(completed(1, 1), routing_key="enrollment.cancelled")
        await found.publish(completed(2, 1))
        await found.has(2, 1)
    assert found.version(1) is None


@OF_BOTH
async def test_poison_goes_to_the_dead_letters_and_holds_up_nothing(
    own_broker: OwnBroker, program: str, tmp_path: Path
) -> None:
    found = await example(own_broker, program, tmp_path)
    async with running(found):
        await found.publish(*POISON, completed(1, 1))
        await found.has(1, 1)
        await eventually(lambda: has_letters(found, *POISON))


@OF_BOTH
async def test_a_dead_letter_that_reaches_no_queue_is_not_lost(
    own_broker: OwnBroker, program: str, tmp_path: Path
) -> None:
    found = await example(own_broker, program, tmp_path)
    async with running(found):
        await found.unbind_dead_letters()
        await found.publish(*POISON, completed(1, 1))
        await eventually(lambda: has_letters(found, *POISON))
        await found.has(1, 1)


@OF_BOTH
async def test_control_a_rejected_one_is_lost(own_broker: OwnBroker, program: str, tmp_path: Path) -> None:
    careless = changed_copy(tmp_path, program, *REJECTING[program])
    found = await example(own_broker, program, tmp_path, careless)
    async with running(found):
        await found.unbind_dead_letters()
        await found.publish(*POISON, completed(1, 1))
        await found.has(1, 1)
    async with running(found):  # which binds them again
        await found.publish(completed(1, 2))
        await found.has(1, 2)
    assert await found.letters() == []


@OF_BOTH
async def test_it_goes_on_after_restarts_of_the_broker_and_of_its_own(
    own_broker: OwnBroker, program: str, tmp_path: Path
) -> None:
    found = await example(own_broker, program, tmp_path)
    async with running(found):
        await found.publish(completed(1, 1))
        await found.has(1, 1)
        await own_broker.restart()
        await found.publish(completed(1, 2))
        await found.has(1, 2)
    await found.publish(completed(1, 3), b"no event")  # its queue keeps them
    await own_broker.restart()
    async with running(found):
        await found.has(1, 3)
        await eventually(lambda: has_letters(found, b"no event"))


async def test_each_goes_on_with_the_queue_of_the_other(own_broker: OwnBroker, tmp_path: Path) -> None:
    found = await example(own_broker, PROGRAMS[0], tmp_path)
    for version, program in enumerate((*PROGRAMS, PROGRAMS[0]), start=1):
        async with running(replace(found, program=program)):
            await found.publish(completed(1, version))
            await found.has(1, version)


async def test_dead_letters_are_shown_and_put_back(own_broker: OwnBroker, tmp_path: Path) -> None:
    found = await example(own_broker, PROGRAMS[0], tmp_path)
    strict = changed_copy(tmp_path, "completions.py", "event = json.loads(body)", 'event = json.loads(body)["later"]')
    body = completed(1, 1)
    async with running(replace(found, folder=strict)):
        await found.publish(body)
        await eventually(lambda: has_letters(found, body))
    assert '"id": 1,' in (await found.run_dead_letters()).replace('"id":1,', '"id": 1,')
    assert await has_letters(found, body)
    async with running(found):
        await found.run_dead_letters("retry")
        await found.has(1, 1)
    assert await has_letters(found)


async def has_letters(example: Example, *bodies: bytes) -> bool:
    """At least once: a letter may be there twice."""
    return set(await example.letters()) == set(bodies)

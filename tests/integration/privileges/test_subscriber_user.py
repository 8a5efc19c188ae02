"""What a subscriber's user may do on the broker: declare and read what begins with its own name, and publish no event.

Each refusal beside the administrator, who is not refused.
"""

import secrets
from collections.abc import AsyncIterator
from typing import Any

import aio_pika
import pytest
from aio_pika.abc import AbstractChannel
from aio_pika.exceptions import DeliveryError

from shared.messaging.broker import QueueName, connection_to, declare_queue, open_channel
from stack.commands.test import SUBSCRIBER
from stack.servers.rabbitmq_definitions import subscriber_user
from tests.integration.privileges.test_broker_users import Action, consume, get, is_refused, publish
from tests.support.broker import TIMEOUT
from tests.support.databases import amqp_url, subscriber_amqp_url
from tests.support.stack import next_installation

NAMES = next_installation()
USER = subscriber_user(SUBSCRIBER)
OWN = f"{USER}.{secrets.token_hex(4)}"
SERVICE = QueueName(f"{NAMES.queue_prefix}.history")
OTHER = "subscriber.other"
QUORUM: dict[str, Any] = {"x-queue-type": "quorum"}


@pytest.fixture(autouse=True)
async def installation() -> AsyncIterator[None]:
    """Its exchange, a service's queues, and those of another subscriber; each test's own queue is gone afterwards."""
    async with connection_to(amqp_url(), name="test") as connection:
        channel = await connection.channel()
        await declare_queue(channel, SERVICE, ["#"], NAMES.exchange)
        await channel.declare_queue(OTHER, durable=True, arguments=QUORUM, timeout=TIMEOUT)
        await channel.declare_exchange(OTHER, aio_pika.ExchangeType.FANOUT, timeout=TIMEOUT)
        await channel.declare_exchange(OWN, aio_pika.ExchangeType.FANOUT, timeout=TIMEOUT)
        await channel.declare_queue(OWN, durable=True, arguments=QUORUM, timeout=TIMEOUT)
        yield
        for name in (OWN, f"{OWN}.more", OTHER, f"{USER}er", "elsewhere", f"{SERVICE.name}.more"):
            await channel.queue_delete(name, timeout=TIMEOUT)
            await channel.exchange_delete(name, timeout=TIMEOUT)


def declare(queue: str, **arguments: Any) -> Action:
    return lambda channel: channel.declare_queue(
        queue, durable=True, arguments={**QUORUM, **arguments}, timeout=TIMEOUT
    )


def declare_exchange(name: str, **arguments: Any) -> Action:
    return lambda channel: channel.declare_exchange(
        name, aio_pika.ExchangeType.FANOUT, arguments=arguments, timeout=TIMEOUT
    )


def publish_by_default(queue: str) -> Action:
    return lambda channel: channel.default_exchange.publish(aio_pika.Message(b"{}"), queue, timeout=TIMEOUT)


def lead(source: str, destination: str) -> Action:
    """From one exchange into another."""

    async def action(channel: AbstractChannel) -> None:
        exchange = await channel.get_exchange(destination, ensure=False)
        await exchange.bind(source, "enrollment.completed", timeout=TIMEOUT)

    return action


REFUSED: dict[str, Action] = {
    "publish an event": publish(NAMES.exchange, "enrollment.completed"),
    "publish what is no event": publish(NAMES.exchange, "anything"),
    "lead its own exchange into that of events": lead(OWN, NAMES.exchange),
    "dead letter into the events": declare(f"{OWN}.more", **{"x-dead-letter-exchange": NAMES.exchange}),
    "dead letter into any queue": declare(f"{OWN}.more", **{"x-dead-letter-exchange": ""}),
    "pass on to the events what it cannot route": declare_exchange(
        f"{OWN}.more", **{"alternate-exchange": NAMES.exchange}
    ),
    "reach a service's queue by the default exchange": publish_by_default(SERVICE.name),
    "reach its own queue by the default exchange": publish_by_default(OWN),
    "write to a service's dead letters": publish(SERVICE.dead_letters, SERVICE.name),
    "consume from a service": consume(SERVICE.name),
    "take from a service": get(SERVICE.name),
    "take from a service's dead letters": get(SERVICE.dead_letters),
    "purge a service's queue": lambda channel: channel_purge(channel, SERVICE.name),
    "delete a service's queue": lambda channel: channel.queue_delete(SERVICE.name, timeout=TIMEOUT),
    "bind a service's queue": lambda channel: bind_to_events(channel, SERVICE.name),
    "take from another subscriber": get(OTHER),
    "bind another subscriber": lambda channel: bind_to_events(channel, OTHER),
    "write to another subscriber": publish(OTHER, "anything"),
    "read another subscriber's exchange": lead(OTHER, OWN),
    "declare a queue elsewhere": declare("elsewhere"),
    "declare a queue of a name that only begins alike": declare(f"{USER}er"),
    "declare a queue below a service's": declare(f"{SERVICE.name}.more"),
    "declare an exchange elsewhere": declare_exchange("elsewhere"),
    "delete the exchange of events": lambda channel: channel.exchange_delete(NAMES.exchange, timeout=TIMEOUT),
}
ALLOWED: dict[str, Action] = {
    "declare a queue with dead letters": declare(f"{OWN}.more", **{"x-dead-letter-exchange": OWN}),
    "declare an exchange": declare_exchange(f"{OWN}.more"),
    "bind its queue to every event": lambda channel: bind_to_events(channel, OWN),
    "lead the events into its own exchange": lead(NAMES.exchange, OWN),
    "consume": consume(OWN),
    "take": get(OWN),
    "publish to its own exchange": publish(OWN, "anything"),
    "purge": lambda channel: channel_purge(channel, OWN),
    "delete its queue": lambda channel: channel.queue_delete(OWN, timeout=TIMEOUT),
}


async def channel_purge(channel: AbstractChannel, name: str) -> None:
    await (await channel.get_queue(name, ensure=False)).purge(timeout=TIMEOUT)


async def bind_to_events(channel: AbstractChannel, name: str) -> None:
    await (await channel.get_queue(name, ensure=False)).bind(NAMES.exchange, "#", timeout=TIMEOUT)


@pytest.mark.parametrize("what", REFUSED)
async def test_a_subscriber_is_refused_what_is_not_its_own(what: str) -> None:
    assert await is_refused(subscriber_amqp_url(), REFUSED[what])


@pytest.mark.parametrize("what", REFUSED)
async def test_control_the_administrator_is_not_refused(what: str) -> None:
    assert not await is_refused(amqp_url(), REFUSED[what])


@pytest.mark.parametrize("what", ALLOWED)
async def test_a_subscriber_is_allowed_its_work(what: str) -> None:
    assert not await is_refused(subscriber_amqp_url(), ALLOWED[what])


async def test_an_event_reaches_the_subscriber() -> None:
    async with connection_to(amqp_url(), name="test") as connection:
        own = await (await connection.channel()).get_queue(OWN)
        assert not await is_refused(subscriber_amqp_url(), ALLOWED["bind its queue to every event"])
        assert not await is_refused(amqp_url(), REFUSED["publish an event"])
        message = await own.get(no_ack=True, timeout=TIMEOUT)
    assert message is not None
    assert message.routing_key == "enrollment.completed"


async def filled(queue: str, arguments: dict[str, Any]) -> bool:
    """Whether a queue of one message takes a second one."""
    async with connection_to(amqp_url(), name="test") as connection:
        channel = await open_channel(connection)
        declared = await channel.declare_queue(queue, durable=True, arguments=arguments, timeout=TIMEOUT)
        await declared.bind(NAMES.exchange, "#", timeout=TIMEOUT)
        exchange = await channel.get_exchange(NAMES.exchange, ensure=False)
        try:
            for _ in range(8):  # a limit of a quorum queue is soft
                await exchange.publish(aio_pika.Message(b"{}"), "enrollment.completed", timeout=TIMEOUT)
        except DeliveryError:
            return False
        finally:
            await channel.queue_delete(queue, timeout=TIMEOUT)
        return True


FULL = {**QUORUM, "x-max-length": 1, "x-overflow": "reject-publish"}


async def test_a_full_queue_of_a_subscriber_holds_up_no_event() -> None:
    """Of a classic queue its own argument counts: the page for subscribers has quorum queues alone."""
    assert await filled(f"{OWN}.more", FULL)


async def test_control_a_full_queue_without_the_policy_holds_events_up() -> None:
    assert not await filled("elsewhere", FULL)

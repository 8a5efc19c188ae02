"""What a service's user may not do on the broker, each refusal beside the administrator, who is not refused."""

from collections.abc import Awaitable, Callable
from typing import Any

import aio_pika
import aiormq
import pytest
from aio_pika.abc import AbstractChannel, AbstractIncomingMessage

import services.history.handlers
from shared.events.types import STATE_OF
from shared.messaging.broker import QueueName, connection_to, declare_exchange, declare_queue, find_queue
from shared.messaging.consumer import Consumer
from shared.messaging.subscriptions import Subscribed
from stack.services import SERVICE_NAMES, SERVICES
from tests.support.broker import TIMEOUT
from tests.support.consumers import following
from tests.support.databases import amqp_url, service_amqp_url
from tests.support.eventually import eventually
from tests.support.projections import history_database
from tests.support.stack import next_installation

NAMES = next_installation()
QUEUES = {service: QueueName(f"{NAMES.queue_prefix}.{service}") for service in SERVICE_NAMES}
EVENTS = {
    service.name: [
        next(each.type for each in STATE_OF if each.type.startswith(f"{kind}.")) for kind in service.publishes
    ]
    for service in SERVICES
}
"""One of each kind that a service publishes."""

Action = Callable[[AbstractChannel], Awaitable[Any]]


def publish(exchange_name: str, routing_key: str) -> Action:
    async def action(channel: AbstractChannel) -> None:
        exchange = await channel.get_exchange(exchange_name, ensure=False)
        await exchange.publish(aio_pika.Message(b"{}"), routing_key, mandatory=False, timeout=TIMEOUT)

    return action


def publish_by_default(queue: str) -> Action:
    return lambda channel: channel.default_exchange.publish(aio_pika.Message(b"{}"), queue, timeout=TIMEOUT)


async def ignore(message: AbstractIncomingMessage) -> None:
    return


def consume(queue: str) -> Action:
    async def action(channel: AbstractChannel) -> None:
        await (await find_queue(channel, queue)).consume(ignore, timeout=TIMEOUT)

    return action


def get(queue: str) -> Action:
    async def action(channel: AbstractChannel) -> None:
        await (await find_queue(channel, queue)).get(fail=False, timeout=TIMEOUT)

    return action


def declare(queue: str) -> Action:
    return lambda channel: channel.declare_queue(queue, auto_delete=True, timeout=TIMEOUT)


def bind(queue: str) -> Action:
    async def action(channel: AbstractChannel) -> None:
        await (await find_queue(channel, queue)).bind(NAMES.exchange, "employee.saved", timeout=TIMEOUT)

    return action


def declare_events(channel: AbstractChannel) -> Awaitable[Any]:
    return declare_exchange(channel, NAMES.exchange)


def delete_events(channel: AbstractChannel) -> Awaitable[Any]:
    return channel.exchange_delete(NAMES.exchange, timeout=TIMEOUT)


async def is_refused(url: str, action: Action) -> bool:
    async with connection_to(url, name="test") as connection:
        try:
            await action(await connection.channel(publisher_confirms=True))
        except aiormq.exceptions.ChannelAccessRefused:
            return True
        return False


@pytest.fixture(autouse=True)
async def installation() -> None:
    """Its exchange and queues, declared again where a test took them away."""
    async with connection_to(amqp_url(), name="test") as connection:
        channel = await connection.channel()
        for queue in QUEUES.values():
            await declare_queue(channel, queue, ["#"], NAMES.exchange)


def refused_to(service: str) -> dict[str, Action]:
    """What the service's user must not be able to do."""
    own, others = QUEUES[service].name, [other for other in SERVICE_NAMES if other != service]
    actions: dict[str, Action] = {
        "declare a queue elsewhere": declare("mine"),
        "declare a queue that the broker names": declare(""),
        "declare a queue below its own name": declare(f"{own}.mine"),
        "declare the exchange": declare_events,
        "delete the exchange": delete_events,
        "delete its queue": lambda channel: channel.queue_delete(own, timeout=TIMEOUT),
        "bind its queue to more": bind(own),
        "reach a queue by the default exchange": publish_by_default(own),
    }
    for other in others:
        queue = QUEUES[other]
        actions |= {
            f"consume from {other}": consume(queue.name),
            f"take from {other}": get(queue.name),
            f"take from the dead letters of {other}": get(queue.dead_letters),
            f"bind {other}": bind(queue.name),
            f"write to {other}": publish_by_default(queue.name),
            f"write through the dead letters of {other}": publish(queue.dead_letters, queue.name),
        }
    foreign = [key for each, keys in EVENTS.items() if each != service for key in keys]
    for key in (*foreign, "courses.saved", "xcourse.saved", "anything", ""):
        actions[f"publish '{key}'"] = publish(NAMES.exchange, key)
    return actions


def allowed_to(service: str) -> dict[str, Action]:
    queue = QUEUES[service]
    return {
        "consume": consume(queue.name),
        "take": get(queue.name),
        "take from the dead letters": get(queue.dead_letters),
        "dead letter": publish(queue.dead_letters, queue.dead_letters),
        "put back": publish(queue.dead_letters, queue.name),
        **{f"publish {key}": publish(NAMES.exchange, key) for key in EVENTS[service]},
    }


REFUSED = [(service, what) for service in SERVICE_NAMES for what in refused_to(service)]
ALLOWED = [(service, what) for service in SERVICE_NAMES for what in allowed_to(service)]


@pytest.mark.parametrize(("service", "what"), REFUSED)
async def test_a_service_is_refused_what_is_not_its_own(service: str, what: str) -> None:
    assert await is_refused(service_amqp_url(service), refused_to(service)[what])


@pytest.mark.parametrize(("service", "what"), REFUSED)
async def test_control_the_administrator_is_not_refused(service: str, what: str) -> None:
    assert not await is_refused(amqp_url(), refused_to(service)[what])


@pytest.mark.parametrize(("service", "what"), ALLOWED)
async def test_a_service_is_allowed_its_work(service: str, what: str) -> None:
    assert not await is_refused(service_amqp_url(service), allowed_to(service)[what])


async def test_a_service_sets_poison_aside_with_no_more_than_its_own_privileges() -> None:
    queue = QUEUES["history"]
    async with history_database() as database, connection_to(amqp_url(), name="test") as connection:
        channel = await connection.channel(publisher_confirms=True)
        await (await find_queue(channel, queue.name)).purge(timeout=TIMEOUT)
        dead_letters = await find_queue(channel, queue.dead_letters)
        await dead_letters.purge(timeout=TIMEOUT)
        exchange = await channel.get_exchange(NAMES.exchange, ensure=False)
        subscriptions = services.history.handlers.SUBSCRIPTIONS
        async with following(Consumer(database.pool, service_amqp_url("history"), queue, Subscribed(subscriptions))):
            await exchange.publish(aio_pika.Message(b"poison"), "course.saved", timeout=TIMEOUT)
            letter = await eventually(lambda: dead_letters.get(no_ack=True, fail=False, timeout=TIMEOUT))
    assert letter is not None
    assert letter.body == b"poison"

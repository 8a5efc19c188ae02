"""Every event that a stack publishes is read as others do: by CloudEvents' own package, and by the schemas that the
gateway serves.
"""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from typing import Any
from urllib.parse import urlsplit

import aio_pika
from aio_pika.abc import AbstractIncomingMessage
from cloudevents.core.bindings.rabbitmq import RabbitMQMessage, from_rabbitmq_event
from cloudevents.core.exceptions import CloudEventValidationError
from jsonschema_rs import Draft202012Validator, ValidationError

from documents.event_schemas import DIRECTORY, ENVELOPE
from shared.events.cloudevents import CONTENT_TYPE
from shared.messaging.broker import declare_exchange
from stack.paths import REPOSITORY
from tests.support.databases import amqp_url

_WIDEST_INTEGER = 2**31
"""An attribute is text, a boolean, or an integer below this (CloudEvents 1.0, type system)."""


def complaint_about(body: bytes, content_type: str | None = CONTENT_TYPE) -> str | None:
    """What is wrong with an event, or None."""
    try:
        event = from_rabbitmq_event(RabbitMQMessage({}, content_type, body))
        _envelope().validate(json.loads(body))
        _data_of(event.get_type()).validate(event.get_data())
    except (CloudEventValidationError, ValidationError, ValueError, OSError) as error:
        return f"{type(error).__name__}: {error}"[:500]
    return _complaint_about_attributes(event.get_attributes())


def _complaint_about_attributes(attributes: dict[str, Any]) -> str | None:
    """Of what CloudEvents asks for and its package does not look at."""
    for name, value in attributes.items():
        if isinstance(value, int) and not -_WIDEST_INTEGER <= value < _WIDEST_INTEGER:
            return f"{name} is wider than CloudEvents' integers"
    for name in ("source", "dataschema"):
        if not urlsplit(attributes[name]).scheme:
            return f"{name} is no URI: {attributes[name]}"
    return None


@cache
def _envelope() -> Draft202012Validator:
    return Draft202012Validator(ENVELOPE, validate_formats=True)


@cache
def _data_of(type_: str) -> Draft202012Validator:
    """By the file that the gateway serves."""
    schema = json.loads((REPOSITORY / DIRECTORY / f"{type_}.json").read_text(encoding="utf-8"))
    return Draft202012Validator(schema, validate_formats=True)


@asynccontextmanager
async def every_event_read(exchange: str) -> AsyncIterator[list[str]]:
    """The types of the events of the exchange while the block runs; AssertionError at its end if one is none."""
    read: list[str] = []
    complaints: list[str] = []

    async def take(message: AbstractIncomingMessage) -> None:
        complaint = complaint_about(message.body, message.content_type)
        (read if complaint is None else complaints).append(complaint or str(message.routing_key))

    async with await aio_pika.connect(amqp_url(), timeout=5) as connection:
        channel = await connection.channel()
        queue = await channel.declare_queue(exclusive=True)
        await queue.bind(await declare_exchange(channel, exchange), "#")
        await queue.consume(take, no_ack=True)
        yield read
    assert complaints == [], complaints[:5]

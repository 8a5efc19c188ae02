"""The AsyncAPI document of all events, made from the table of their types."""

from typing import Any, Final

from documents.event_examples import example, publisher
from documents.event_notes import NOTES
from documents.event_schemas import ENVELOPE, name_of, state_schemas
from documents.keywords import check_keywords
from documents.schemas import prose
from documents.writing import DocumentError, json_text
from shared.events.cloudevents import CONTENT_TYPE, qualified_type
from shared.events.states import State
from shared.events.types import EXCHANGE, STATE_OF, Event

VERSION: Final = "3.0.0"
"""Of AsyncAPI."""
_INFO: Final = {
    "title": "Muster: events",
    "version": "1",
    "description": NOTES,
    "license": {"name": "Apache License 2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
    "tags": [{"name": "CloudEvents 1.0"}, {"name": "AMQP 0-9-1"}],
}
_SERVERS: Final = {
    "broker": {
        "host": "localhost:5672",
        "protocol": "amqp",
        "protocolVersion": "0.9.1",
        "description": "The installation's RabbitMQ, with a user of your own; `amqps` where it has TLS. Host and port"
        " are an example: ask whoever runs it.",
    }
}
_ENVELOPE: Final = "CloudEvent"
_PERSISTENT: Final = 2
"""AMQP's delivery mode."""
_EXCHANGE: Final = {"name": EXCHANGE, "type": "topic", "durable": True, "autoDelete": False, "vhost": "/"}


def asyncapi_text() -> str:
    """Raises `DocumentError`."""
    return json_text(asyncapi())


def asyncapi() -> dict[str, Any]:
    """The document; raises `DocumentError` for an event type of which nothing is said."""
    names = {event: _name(event) for event in STATE_OF}
    document = {
        "asyncapi": VERSION,
        "info": _INFO,
        "defaultContentType": CONTENT_TYPE,
        "servers": _SERVERS,
        "channels": {name: _channel(event, name) for event, name in names.items()},
        "operations": {f"send{name}": _operation(event, name) for event, name in names.items()},
        "components": {
            "schemas": {_ENVELOPE: ENVELOPE, **state_schemas()},
            "messages": {name: _message(event, name) for event, name in names.items()},
        },
    }
    check_keywords(document)
    return document


def _name(event: type[Event[State]]) -> str:
    """`EnrollmentCheckInRemoved`, of `enrollment.check_in_removed`."""
    return "".join(part.capitalize() for part in event.type.replace(".", "_").split("_"))


def _channel(event: type[Event[State]], name: str) -> dict[str, Any]:
    """The address is the routing key."""
    return {
        "address": event.type,
        "title": event.type,
        "summary": _summary(event),
        "messages": {name: {"$ref": f"#/components/messages/{name}"}},
        "bindings": {"amqp": {"is": "routingKey", "exchange": _EXCHANGE, "bindingVersion": "0.3.0"}},
    }


def _operation(event: type[Event[State]], name: str) -> dict[str, Any]:
    return {
        "action": "send",
        "channel": {"$ref": f"#/channels/{name}"},
        "summary": _summary(event),
        "description": f"Published by {publisher(event)}.",
        "messages": [{"$ref": f"#/channels/{name}/messages/{name}"}],
        "bindings": {"amqp": {"deliveryMode": _PERSISTENT, "timestamp": False, "ack": True, "bindingVersion": "0.3.0"}},
    }


def _message(event: type[Event[State]], name: str) -> dict[str, Any]:
    data = {"$ref": f"#/components/schemas/{name_of(STATE_OF[event])}"}
    own = {"type": "object", "properties": {"type": {"const": qualified_type(event)}, "data": data}}
    return {
        "name": qualified_type(event),
        "title": event.type,
        "summary": _summary(event),
        "contentType": CONTENT_TYPE,
        "payload": {"allOf": [{"$ref": f"#/components/schemas/{_ENVELOPE}"}, own]},
        "bindings": {
            "amqp": {"contentEncoding": "utf-8", "messageType": qualified_type(event), "bindingVersion": "0.3.0"}
        },
        "examples": [{"payload": example(event)}],
    }


def _summary(event: type[Event[State]]) -> str:
    """The first sentence of its docstring."""
    docstring = event.__doc__
    if not docstring or event.__dict__.get("__doc__") is None:
        raise DocumentError(f"{event.__name__} has no docstring, which says when it is published")
    return prose(docstring).partition("\n\n")[0]

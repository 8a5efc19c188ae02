"""Events on the wire: CloudEvents 1.0 in structured JSON (contract, section 6)."""

import re
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import to_json

from shared.events.states import State
from shared.events.types import STATE_OF, Event
from shared.observability import NO_TRACE, Trace, new_uuid

CONTENT_TYPE = "application/cloudevents+json"
VERSION = "v1"


def qualified_type(event_type: type[Event[State]]) -> str:
    """`training.enrollment.completed.v1`: the type as the envelope has it."""
    return f"training.{event_type.type}.{VERSION}"


_FLAGS = re.compile(r'"traceparent": ?"[0-9a-f-]{53}([0-9a-f]{2})"')
"""The first is the envelope's, if it has one: quotation marks in a text are escaped."""
_TYPES = {qualified_type(event_type): event_type for event_type in STATE_OF}


def known_type(qualified: str) -> str | None:
    """`enrollment.completed` of `training.enrollment.completed.v1`; None for a type that is not known here."""
    event_type = _TYPES.get(qualified)
    return None if event_type is None else event_type.type


class EventInvalid(Exception):
    """The message is no event of a type and version known here; it can never be applied."""


class CloudEvent(BaseModel):
    """The attributes the specification asks for, and ours."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    specversion: str = Field(pattern=r"^1\.\d+$")
    id: UUID
    source: str
    type: str
    subject: str
    time: datetime
    dataschema: str
    datacontenttype: str = "application/json"
    traceparent: str = ""
    tracestate: str = ""
    requestid: str = ""
    organisationid: int = Field(ge=1)
    """Written as text, since an integer of CloudEvents ends at 2³¹; a number in events of earlier releases."""
    data: dict[str, Any]


def encode(event: Event[State]) -> tuple[UUID, str]:
    """The id made for this change, and the message body but for `time`, `source` and `dataschema`.

    These the database knows, and the outbox adds (shared/messaging/outbox.py).
    """
    event_id = new_uuid()
    envelope = {
        "specversion": "1.0",
        "id": str(event_id),
        "type": qualified_type(type(event)),
        "subject": f"{event.type.partition('.')[0].removesuffix('s')}s/{event.data.id}",
        "datacontenttype": "application/json",
        "organisationid": str(event.organisation_id),
    }
    if event.trace.traceparent:
        envelope["traceparent"] = event.trace.traceparent
    if event.trace.request_id:
        envelope["requestid"] = event.trace.request_id
    if event.trace.tracestate:
        envelope["tracestate"] = event.trace.tracestate
    # The state is JSON already; parsing it to write it again would cost as much as making it.
    return event_id, f'{to_json(envelope)[:-1].decode()}, "data": {event.data.model_dump_json()}}}'


def decode(body: bytes) -> Event[State]:
    """The event in a message; raises `EventInvalid`."""
    try:
        envelope = CloudEvent.model_validate_json(body)
        event_type = _TYPES[envelope.type]
        state = STATE_OF[event_type].model_validate(envelope.data)
    except ValidationError as error:
        raise EventInvalid(_reason(error)) from None
    except KeyError as error:
        raise EventInvalid(f"no event has the type {error.args[0]!r}") from None
    return event_type(envelope.organisationid, state, trace_of(envelope), envelope.time)


def envelope_of(body: bytes) -> CloudEvent:
    """The envelope of an event whose type and version need not be known here; raises `EventInvalid`."""
    try:
        return CloudEvent.model_validate_json(body)
    except ValidationError as error:
        raise EventInvalid(_reason(error)) from None


def trace_of(envelope: CloudEvent) -> Trace:
    """Of the request that caused the event."""
    return Trace(envelope.requestid, envelope.traceparent, envelope.tracestate)


def trace_in(body: str) -> Trace:
    """The same, of an event that is not parsed for it, if it is sampled."""
    if (found := _FLAGS.search(body)) is None or not int(found[1], 16) & 1:
        return NO_TRACE
    try:
        return trace_of(CloudEvent.model_validate_json(body))
    except ValidationError:
        return NO_TRACE


def _reason(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False)[0]
    return f"{'.'.join(map(str, first['loc'])) or 'body'}: {first['msg']}"

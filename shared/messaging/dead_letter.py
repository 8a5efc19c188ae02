"""Dead letters: messages that could not be applied, and what is known about each (architecture, principle 7).

Those from a consumer carry their history in headers; those that RabbitMQ dead-lettered carry its `x-death`.
Nothing in them is trusted: headers may be missing or of another type, and a body may be anything.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import aio_pika
from aio_pika.abc import AbstractIncomingMessage

REASON = "x-reason"
FAILED_AT = "x-failed-at"
FIRST_FAILED_AT = "x-first-failed-at"
"""When it first failed; kept when a retry fails again."""
ATTEMPTS = "x-attempts"
ROUTING_KEY = "x-routing-key"
"""The event's routing key; a retry is routed to one queue and so has another."""

_LAST_FAILURE = {REASON, FAILED_AT}
_DELIVERIES = "x-delivery-count"
_BROKER_HEADERS = {"x-death", _DELIVERIES, "x-acquired-count"}
_BROKER_PREFIXES = ("x-first-death-", "x-last-death-")
MAX_REASON = 1000
_ID = re.compile(r"[0-9]{1,19}\Z")


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One message of a dead-letter queue."""

    message: AbstractIncomingMessage

    @property
    def id(self) -> str:
        """The event's id, or a digest of the body if the message has none."""
        message_id = self.message.message_id
        return printable(message_id) if message_id else f"sha256-{hashlib.sha256(self.message.body).hexdigest()[:16]}"

    @property
    def reason(self) -> str:
        if self._death:
            return f"RabbitMQ: {printable(_text(self._death.get('reason')))}"
        return printable(_text(self._headers.get(REASON))) or "unknown"

    @property
    def first_failed_at(self) -> str:
        """RFC 3339, or empty if unknown."""
        value = self._headers.get(FIRST_FAILED_AT) or self._headers.get(FAILED_AT) or self._death.get("time")
        return printable(_text(value))

    @property
    def attempts(self) -> int:
        """How often applying it failed."""
        return _count(self._headers.get(ATTEMPTS)) + bool(self._death) or 1

    @property
    def routing_key(self) -> str:
        keys = self._death.get("routing-keys")
        of_death = keys[0] if isinstance(keys, list) and keys else None
        return _text(self._headers.get(ROUTING_KEY) or of_death or self.message.routing_key)

    @property
    def event_type(self) -> str:
        event_type = self._event.get("type")
        return printable(event_type if isinstance(event_type, str) else self.routing_key)

    @property
    def organisation_id(self) -> int | None:
        """Text, or a number from earlier releases."""
        organisation_id = self._event.get("organisationid")
        if isinstance(organisation_id, str) and _ID.match(organisation_id):
            return int(organisation_id)
        return organisation_id if type(organisation_id) is int else None

    @property
    def deliveries(self) -> int:
        """How often the broker delivered it and got it back."""
        return _count(self._headers.get(_DELIVERIES))

    @property
    def headers(self) -> dict[str, str]:
        """The headers as printable text."""
        return {printable(name): printable(_text(value)) for name, value in self._headers.items()}

    @property
    def body(self) -> Any:
        """The JSON object in the body, or the body as text with unprintable characters escaped."""
        return self._event or printable(self.message.body.decode("utf-8", "backslashreplace"))

    @property
    def _headers(self) -> Mapping[str, Any]:
        return self.message.headers or {}

    @property
    def _death(self) -> Mapping[str, Any]:
        """RabbitMQ's record of the last time it dead-lettered the message itself."""
        deaths = self._headers.get("x-death")
        return deaths[0] if isinstance(deaths, list) and deaths and isinstance(deaths[0], dict) else {}

    @property
    def _event(self) -> Mapping[str, Any]:
        try:
            value = json.loads(self.message.body)
            json.dumps(value, indent=2, allow_nan=False)  # the encoder's limit of nesting is lower than the parser's
        except (ValueError, RecursionError):
            return {}
        return value if isinstance(value, dict) else {}

    def retry(self) -> aio_pika.Message:
        """The message for another attempt, with the time of its first failure and the number of attempts."""
        headers = {name: value for name, value in self._kept_headers().items() if name not in _LAST_FAILURE}
        history = {FIRST_FAILED_AT: self.first_failed_at, ATTEMPTS: self.attempts, ROUTING_KEY: self.routing_key}
        return _message_like(self.message, headers | history)

    def copy(self) -> aio_pika.Message:
        """The same dead letter as a new message, which the broker has not delivered yet."""
        headers = self._kept_headers()
        if self._death:
            headers |= {REASON: self.reason, ATTEMPTS: self.attempts, FIRST_FAILED_AT: self.first_failed_at}
            headers |= {ROUTING_KEY: self.routing_key}
        return _message_like(self.message, headers)

    def _kept_headers(self) -> dict[str, Any]:
        return {
            name: value
            for name, value in self._headers.items()
            if name not in _BROKER_HEADERS and not name.startswith(_BROKER_PREFIXES)
        }


def dead_letter_of(message: AbstractIncomingMessage, error: Exception) -> aio_pika.Message:
    """The dead letter for a message that can never be applied."""
    headers = message.headers or {}
    now = datetime.now(UTC).isoformat()
    history = {
        REASON: f"{type(error).__name__}: {error}"[:MAX_REASON],
        FAILED_AT: now,
        FIRST_FAILED_AT: _text(headers.get(FIRST_FAILED_AT)) or now,
        ATTEMPTS: _count(headers.get(ATTEMPTS)) + 1,
        ROUTING_KEY: _text(headers.get(ROUTING_KEY) or message.routing_key),
    }
    return _message_like(message, history)


def _message_like(message: AbstractIncomingMessage, headers: dict[str, Any]) -> aio_pika.Message:
    return aio_pika.Message(
        message.body,
        content_type=message.content_type,
        message_id=message.message_id,
        delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
        headers=headers,
    )


def printable(text: str) -> str:
    """The text with control characters escaped, so that no message can write to an operator's terminal."""
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in text)


def _text(value: Any) -> str:
    match value:
        case None:
            return ""
        case bytes():
            return value.decode("utf-8", "backslashreplace")
        case datetime():
            return value.replace(tzinfo=value.tzinfo or UTC).isoformat()
    return str(value)


def _count(value: Any) -> int:
    return value if type(value) is int and value > 0 else 0

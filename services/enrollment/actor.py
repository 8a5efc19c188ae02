"""Who acts in a call: for the audit trail and the events."""

from typing import Any

from services.enrollment.rules import Actor
from shared.http.routing import Call
from shared.observability import current_trace


def actor_of(call: Call[Any, Any]) -> Actor:
    return Actor(call.caller.subject, call.caller.name, current_trace.get())

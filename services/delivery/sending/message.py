"""What is sent of an event (contract, section 9)."""

import json
from typing import Final

CONTENT_TYPE: Final = "application/cloudevents+json"
USER_AGENT: Final = "Muster-Webhooks/1"
_LEFT_OUT: Final = frozenset({"data", "datacontenttype", "dataschema"})
"""What a CloudEvent has of its data: a thin one says that something happened, and to what."""


def body_of(event: str, *, thin: bool) -> str:
    """The event byte for byte as subscribers on the broker get it, or its envelope alone."""
    if not thin:
        return event
    envelope = {name: value for name, value in json.loads(event).items() if name not in _LEFT_OUT}
    return json.dumps(envelope, ensure_ascii=False)

"""What clients ask delivery (contract, sections 8 and 9)."""

from typing import Annotated, Final

from pydantic import AfterValidator, Field

from services.delivery.event_types import Wanted, is_known, wanted
from shared.http import feed_cursor
from shared.http.models import Query
from shared.validation.fields import DIGITS

DEFAULT_EVENTS = 100
MAX_EVENTS = 1000
MAX_WAIT = 20
"""Seconds."""
MAX_TYPES = 50

_PART: Final = "[a-z0-9_]{1,64}"
TYPE_PATTERN: Final = rf"{_PART}(?:[.]{_PART}){{0,7}}(?:[.][*])?"
"""A type of event, or what several begin with and `.*`."""


def _cursor(text: str) -> str:
    feed_cursor.decode(text)
    return text


FeedCursor = Annotated[str, Field(pattern=f"^[A-Za-z0-9_-]{{{feed_cursor.LENGTH}}}$"), AfterValidator(_cursor)]


def _known(text: str) -> str:
    for name in text.split(","):
        if not is_known(name):
            raise ValueError(f"names an unknown type of event, {name}")
    return text


EventTypes = Annotated[
    str,
    Field(max_length=4000, pattern=f"^{TYPE_PATTERN}(?:,{TYPE_PATTERN}){{0,{MAX_TYPES - 1}}}$"),
    AfterValidator(_known),
]
"""`training.enrollment.completed.v1,training.course.*`"""


class FeedQuery(Query):
    """`after` is the `next` of an answer before; without it the feed begins with the oldest event that is kept."""

    after: FeedCursor | None = None
    types: EventTypes | None = None
    limit: Annotated[int, Field(ge=1, le=MAX_EVENTS), DIGITS] = DEFAULT_EVENTS
    wait: Annotated[int, Field(ge=0, le=MAX_WAIT), DIGITS] = 0

    @property
    def wanted(self) -> Wanted:
        return wanted(self.types.split(",") if self.types else [])

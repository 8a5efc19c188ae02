"""What clients ask delivery (contract, sections 8 and 9)."""

from typing import Annotated

from pydantic import AfterValidator, Field

from shared.http import feed_cursor
from shared.http.models import Query
from shared.validation.fields import DIGITS

DEFAULT_EVENTS = 100
MAX_EVENTS = 1000


def _cursor(text: str) -> str:
    feed_cursor.decode(text)
    return text


FeedCursor = Annotated[str, Field(pattern=f"^[A-Za-z0-9_-]{{{feed_cursor.LENGTH}}}$"), AfterValidator(_cursor)]


class FeedQuery(Query):
    """`after` is the `next` of an answer before; without it the feed begins with the oldest event that is kept."""

    after: FeedCursor | None = None
    limit: Annotated[int, Field(ge=1, le=MAX_EVENTS), DIGITS] = DEFAULT_EVENTS

"""Keys of rows, through all organisations."""

from shared.events.states import State
from shared.events.types import Event

Key = tuple[int, int]
"""Organisation and id of a row; pages are in this order, through all organisations."""
FIRST: Key = (0, 0)
"""Before all rows."""
MAX_PAGE = 500


def key_of(event: Event[State]) -> Key:
    return event.organisation_id, event.data.id

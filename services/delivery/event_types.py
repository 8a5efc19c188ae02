"""Which events are meant by the types that a client names (contract, section 8)."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from shared.events.cloudevents import qualified_type
from shared.events.types import STATE_OF

EVENT_TYPES: Final = frozenset(map(qualified_type, STATE_OF))
"""Those of this version. A later one may have more, which the feed keeps as well."""

_ALL_BELOW: Final = "*"


class Wanted(NamedTuple):
    """Types of events, and what others begin with. Without any, every event is wanted."""

    types: Sequence[str] = ()
    beginnings: Sequence[str] = ()


def is_known(name: str) -> bool:
    """Whether there are events of this type, or for `training.course.*` of one that begins so."""
    if name.endswith(_ALL_BELOW):
        return any(each.startswith(name.removesuffix(_ALL_BELOW)) for each in EVENT_TYPES)
    return name in EVENT_TYPES


def wanted(names: Sequence[str]) -> Wanted:
    """`training.course.*` wants every type that begins with `training.course.`, also of a later version."""
    return Wanted(
        [name for name in names if not name.endswith(_ALL_BELOW)],
        [name.removesuffix(_ALL_BELOW) for name in names if name.endswith(_ALL_BELOW)],
    )

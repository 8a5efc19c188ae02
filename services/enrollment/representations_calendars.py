"""What answers about calendars look like (contract, section 12)."""

from typing import Literal

from services.enrollment.schemas_calendars import CalendarKind
from shared.http.conditional import RowKey
from shared.http.representation import ChangedBy, Representation, TrainingTimestamp


class OfCalendar(Representation):
    """A location has no id. `name` is null for a person or a facilitator of whom nothing is known."""

    id: int | None
    name: str | None


class CalendarItem(Representation):
    id: int
    kind: CalendarKind
    of: OfCalendar
    status: Literal["active", "revoked"]
    created_at: TrainingTimestamp
    created_by: ChangedBy
    revoked_at: TrainingTimestamp | None
    revoked_by: ChangedBy | None


class CalendarWithAddress(CalendarItem):
    """`address` is null where the answer is repeated for an `Idempotency-Key`."""

    address: str | None


def calendar_row(organisation_id: int, row_id: int) -> RowKey:
    return RowKey("calendar", organisation_id, row_id)

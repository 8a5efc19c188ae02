"""Models of calendars.

Written by `./dev documents`: change the routes, or what writes this.
"""

import datetime as dt
from typing import Literal

from muster.model import Model
from muster.models.shared import ChangedBy, OfCalendar


class CalendarWithAddress(Model):
    """`address` is null where the answer is repeated for an `Idempotency-Key`."""

    id: int
    kind: Literal["facilitator", "person", "location"] | str
    of: OfCalendar
    status: Literal["active", "revoked"] | str
    created_at: dt.datetime
    created_by: ChangedBy
    revoked_at: dt.datetime | None
    revoked_by: ChangedBy | None
    address: str | None

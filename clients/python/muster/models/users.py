"""Models of users.

Written by `./dev documents`: change the routes, or what writes this.
"""

import datetime as dt
from typing import Literal

from muster.model import Model


class UserItem(Model):
    """`invitation_expires_at` is when the newest link expires, `null` once it was used."""

    id: int
    name: str
    email: str
    role: Literal["Admin", "HR Manager", "Trainer", "Employee", "Contractor Coordinator"] | str
    created_at: dt.datetime
    user_type: Literal["staff", "contractor"] | str
    employee_id: int | None
    company_ids: list[int]
    status: Literal["invited", "active", "disabled"] | str
    invitation_expires_at: dt.datetime | None

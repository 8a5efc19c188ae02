"""Models of training.

Written by `./dev documents`: change the routes, or what writes this.
"""

import datetime as dt
from typing import Literal

from muster.model import Model


class Training(Model):
    """`S` and the id of a session, or `C` and the id of a course that is taught online."""

    id: str
    type: Literal["online", "offline"] | str
    name: str
    description: str | None
    status: Literal["confirmed", "completed", "cancelled"] | str
    date: dt.datetime | None
    venue: str | None
    total_seats: int
    occupied_seats: int
    self_register: bool
    projects: list[str]
    labels: list[str]

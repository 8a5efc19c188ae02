"""Models of auth.

Written by `./dev documents`: change the routes, or what writes this.
"""

import datetime as dt
from typing import Literal

from muster.model import Model


class SignedInUser(Model):
    id: int
    name: str
    email: str
    role: Literal["Admin", "HR Manager", "Trainer", "Employee", "Contractor Coordinator"] | str
    created_at: dt.datetime


class LoggedIn(Model):
    """Lifetimes are in seconds. The last two are there for clients that asked for a refresh token."""

    token: str
    token_type: Literal["Bearer"] | str
    expires_in: int
    user: SignedInUser
    refresh_token: str | None = None
    refresh_expires_in: int | None = None


class OwnUser(Model):
    """A user of an outside provider has what their token says of them."""

    id: int | None = None
    name: str | None = None
    email: str | None = None
    role: Literal["Admin", "HR Manager", "Trainer", "Employee", "Contractor Coordinator"] | str | None = None
    created_at: dt.datetime | None = None
    user_type: str | None = None
    permissions: list[str]

"""Models of organisations.

Written by `./dev documents`: change the routes, or what writes this.
"""

import datetime as dt
from typing import Literal

from muster.model import Model
from muster.models.shared import InvitedUser


class FirstAdmin(Model):
    name: str
    email: str


class NewOrganisation(Model):
    id: int
    name: str
    status: Literal["active", "suspended"] | str
    suspended_at: dt.datetime | None
    created_at: dt.datetime
    admin: InvitedUser


class OrganisationItem(Model):
    id: int
    name: str
    status: Literal["active", "suspended"] | str
    suspended_at: dt.datetime | None
    created_at: dt.datetime

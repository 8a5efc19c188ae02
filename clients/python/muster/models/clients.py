"""Models of clients.

Written by `./dev documents`: change the routes, or what writes this.
"""

import datetime as dt
from typing import Literal

from muster.model import Model


class ClientItem(Model):
    """`last_used_at` is when the client last asked for a token, to the minute; until `previous_secret_until` the
    secret before the current one holds.
    """

    id: int
    client_id: str
    name: str
    permissions: list[str]
    rate_limit: int | None
    company_ids: list[int]
    status: Literal["active", "expired", "revoked"] | str
    expires_at: dt.datetime | None
    last_used_at: dt.datetime | None
    previous_secret_until: dt.datetime | None
    revoked_at: dt.datetime | None
    created_at: dt.datetime


class ClientWithSecret(Model):
    """`client_secret` is null where the answer is repeated: it is nowhere stored."""

    id: int
    client_id: str
    name: str
    permissions: list[str]
    rate_limit: int | None
    company_ids: list[int]
    status: Literal["active", "expired", "revoked"] | str
    expires_at: dt.datetime | None
    last_used_at: dt.datetime | None
    previous_secret_until: dt.datetime | None
    revoked_at: dt.datetime | None
    created_at: dt.datetime
    client_secret: str | None

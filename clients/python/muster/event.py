"""Events, as the feed has them and as webhooks bring them (the API's contract, section 6)."""

import datetime as dt
from typing import Any

from pydantic import Field

from muster.model import Model


class Event(Model):
    """A CloudEvent. `data` has the whole state of the row that `subject` names; the highest `version` is right."""

    id: str
    type: str
    source: str
    subject: str | None = None
    time: dt.datetime | None = None
    data: dict[str, Any] = Field(default_factory=dict)

    @property
    def version(self) -> int | None:
        version = self.data.get("version")
        return version if isinstance(version, int) else None

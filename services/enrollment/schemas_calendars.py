"""What clients send about calendars (contract, section 12)."""

from typing import Annotated, Final, Literal, Self

from pydantic import ConfigDict, Field, model_validator
from pydantic.config import JsonDict

from shared.http.models import Body, Query
from shared.http.pagination import PagedQuery
from shared.validation.fields import Id, Name, QueryId

CalendarKind = Literal["facilitator", "person", "location"]


class CalendarQuery(PagedQuery):
    kind: CalendarKind | None = None
    of_id: Annotated[QueryId | None, Field(description="The person or the facilitator.")] = None
    status: Literal["active", "revoked"] | None = None


_OF_A_PLACE: Final[JsonDict] = {
    "properties": {"kind": {"const": "location"}, "id": {"type": "null"}, "name": {"type": "string"}},
    "required": ["name"],
}
_OF_SOMEBODY: Final[JsonDict] = {
    "properties": {
        "kind": {"enum": ["facilitator", "person"]},
        "id": {"type": "integer"},
        "name": {"type": "null"},
    },
    "required": ["id"],
}


class CalendarFields(Body):
    """Whose sessions it shows: those of a person or of a facilitator, by `id`, or at a location, by `name`."""

    model_config = ConfigDict(json_schema_extra={"oneOf": [_OF_SOMEBODY, _OF_A_PLACE]})

    rules = ("A location has a name, a person and a facilitator have an id.",)

    kind: CalendarKind
    id: Id | None = None
    name: Name | None = None

    @model_validator(mode="after")
    def _of_one(self) -> Self:
        if self.kind == "location" and (self.name is None or self.id is not None):
            raise ValueError("of a location needs its name, and no id")
        if self.kind != "location" and (self.id is None or self.name is not None):
            raise ValueError(f"of a {self.kind} needs their id, and no name")
        return self


class CalendarDigest(Query):
    """Of the secret that a client asks by."""

    digest: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]

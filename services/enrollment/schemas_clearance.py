"""What clients ask about clearance (contract, section 4)."""

from typing import Annotated

from pydantic import Field, field_validator

from shared.http.models import Body, Query
from shared.http.pagination import PagedQuery
from shared.validation.fields import Id, QueryDate, QueryFlag, QueryId

MAX_ASKED = 500
"""People in one request."""


class ClearanceQuery(Query):
    """Without `project_id` the question is about what is required everywhere; `on` is today where it is left out."""

    project_id: QueryId | None = None
    on: QueryDate | None = None


class RosterQuery(PagedQuery):
    """`cleared` goes with a walk that counts nothing, or with an export."""

    rules = ("cleared is given with a cursor or for an export, and without total.",)

    project_id: QueryId | None = None
    company_id: QueryId | None = None
    on: QueryDate | None = None
    cleared: QueryFlag | None = None


class ClearanceQuestion(Body):
    """Without `project_id` the question is about what is required everywhere; `on` is today where it is left out."""

    employee_ids: Annotated[
        list[Id], Field(min_length=1, max_length=MAX_ASKED, json_schema_extra={"uniqueItems": True})
    ]
    project_id: Id | None = None
    on: QueryDate | None = None

    @field_validator("employee_ids")
    @classmethod
    def _distinct(cls, ids: list[int]) -> list[int]:
        if len(set(ids)) != len(ids):
            raise ValueError("must not contain an id more than once")
        return ids

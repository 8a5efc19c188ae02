"""What clients ask the compliance matrix for (contract, section 4)."""

from typing import Literal, Self

from pydantic import model_validator

from shared.http.models import Query
from shared.validation.fields import QueryId


class MatrixQuery(Query):
    """`by`: what its rows are; without it there is one, of everything. `after`: the id of the last row before."""

    rules = ("after goes with by.",)

    by: Literal["company", "project", "label"] | None = None
    company_id: QueryId | None = None
    after: QueryId | None = None

    @model_validator(mode="after")
    def _after_what(self) -> Self:
        if self.after is not None and self.by is None:
            raise ValueError("after goes with by")
        return self

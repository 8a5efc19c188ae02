"""What clients send about programs (contract, section 7)."""

from typing import Annotated, Final, Literal

from pydantic import AfterValidator, Field, ValidationInfo

from shared.auth.claims import MAX_COMPANIES
from shared.auth.internal_token import API_ACCESS, SCOPES
from shared.http.models import Body, MergePatch
from shared.http.pagination import PagedQuery
from shared.validation.fields import STORED, Count, Id, Name, Timestamp

MAX_RATE_LIMIT: Final = 1_000_000


def _known(name: str, info: ValidationInfo) -> str:
    if name not in SCOPES and info.context is not STORED:
        raise ValueError(f"must be one of {', '.join(SCOPES)}")
    return name


def _with_access(names: list[str]) -> list[str]:
    """Without `api.access` a token opens nothing, so every program has it."""
    return sorted({*names, API_ACCESS})


def _distinct(ids: list[int]) -> list[int]:
    if len(set(ids)) != len(ids):
        raise ValueError("must not contain an id more than once")
    return sorted(ids)


Permission = Annotated[str, Field(max_length=100, json_schema_extra={"enum": list(SCOPES)}), AfterValidator(_known)]
Permissions = Annotated[list[Permission], Field(min_length=1, max_length=50), AfterValidator(_with_access)]
CompanyIds = Annotated[
    list[Id], Field(max_length=MAX_COMPANIES, json_schema_extra={"uniqueItems": True}), AfterValidator(_distinct)
]


class ClientQuery(PagedQuery):
    status: Literal["active", "expired", "revoked"] | None = None


class ClientFields(Body):
    """A program as clients write it: the body of its creation, and the document that a change is merged into.

    `rate_limit` is in requests a minute; None is the installation's default.
    """

    name: Name
    permissions: Permissions
    rate_limit: Annotated[Count, Field(ge=1, le=MAX_RATE_LIMIT)] | None = None
    company_ids: CompanyIds = Field(default_factory=list)
    expires_at: Timestamp | None = None


class ClientPatch(MergePatch):
    document = ClientFields


class Rotation(Body):
    """`at_once`: the old secret is refused from now on, and so are the tokens that were issued before."""

    at_once: bool = False

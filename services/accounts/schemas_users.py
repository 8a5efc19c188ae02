"""What clients send about users, and people who set their password (contract, section 7)."""

from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, BaseModel, Field, ValidationInfo, field_validator

from services.accounts.roles import RoleName
from services.accounts.schemas import RULE_OF_PASSWORDS, Email, NewPassword
from shared.auth.claims import MAX_COMPANIES
from shared.http.models import Body, MergePatch
from shared.http.pagination import PagedQuery
from shared.validation.fields import Id, Name, Search, storable
from shared.validation.text_patterns import STORABLE

UserStatus = Literal["invited", "active", "disabled"]
COORDINATOR: RoleName = "Contractor Coordinator"


def _distinct(ids: list[int]) -> list[int]:
    if len(set(ids)) != len(ids):
        raise ValueError("must not contain an id more than once")
    return ids


CompanyIds = Annotated[
    list[Id], Field(max_length=MAX_COMPANIES, json_schema_extra={"uniqueItems": True}), AfterValidator(_distinct)
]


class UserQuery(PagedQuery):
    search: Search | None = None
    role: RoleName | None = None
    status: UserStatus | None = None


class UserFields(Body):
    """A user as those who manage users write them.

    `employee_id` is the person the user is; `company_ids` are those whose people a Contractor Coordinator looks after.
    """

    rules = (f"company_ids is empty unless the role is {COORDINATOR}.",)

    name: Name
    email: Email
    role: RoleName
    user_type: Literal["staff", "contractor"] = "staff"
    employee_id: Id | None = None
    company_ids: CompanyIds = Field(default_factory=list)

    @field_validator("company_ids")
    @classmethod
    def _of_a_coordinator(cls, company_ids: list[int], info: ValidationInfo) -> list[int]:
        if company_ids and info.data.get("role", COORDINATOR) != COORDINATOR:
            raise ValueError(f"must be empty unless the role is {COORDINATOR}")
        return company_ids


class UserDocument(UserFields):
    """What a change of a user is merged into."""

    disabled: bool = False


class UserPatch(MergePatch):
    document: ClassVar[type[BaseModel]] = UserDocument


class PasswordOfInvitation(Body):
    """`token` is that of the link."""

    rules = (f"password: {RULE_OF_PASSWORDS}",)

    token: Annotated[
        str,
        Field(min_length=1, max_length=255, repr=False, json_schema_extra={"pattern": STORABLE}),
        AfterValidator(storable),
    ]
    password: NewPassword

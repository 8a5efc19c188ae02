"""Where an outside provider's tokens say what the gateway has to know of a caller (operations, "Identity providers").

A source is a path (`realm_access.roles`), a constant (`{"value": 7}`), or a path whose values are translated
(`{"path": "tid", "map": {"…": 7}}`). Whatever a map leaves open is refused when it is read.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Self, get_args

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from shared.auth.claims import UserType
from shared.auth.internal_token import CLIENT_PERMISSIONS, PLATFORM
from shared.auth.trust import is_internal
from shared.errors import TokenInvalid
from shared.validation.fields import MAX_ID

Members = Mapping[str, Any]
"""The claims of a token, as its provider names them."""
Scalar = str | int
STANDARD = ("iss", "aud", "exp", "iat", "nbf")
"""Claims that mean the same everywhere (RFC 7519, section 4.1)."""
_MAX_SEGMENTS = 8
_MAX_MAPPED = 1000
_OF_SEVERAL = frozenset({"companies", "permissions", "roles"})
_GRANTED_BY_VALUE = CLIENT_PERMISSIONS - {PLATFORM}
"""What a provider's token may name by itself; anything else the map has to say."""


class ClaimRefused(TokenInvalid):
    """A claim is missing or of the wrong type; the reason names which, in the words of the map."""

    def __init__(self, name: str) -> None:
        super().__init__("The token's claims are not valid.", reason=f"claim_{name}")


class _Setting(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, hide_input_in_errors=True)


def _segments(path: object) -> object:
    """A list names claims that have dots in them: `["https://muster.example/roles"]`."""
    return tuple(path.split(".")) if isinstance(path, str) else tuple(path) if isinstance(path, list) else path


Segment = Annotated[str, Field(min_length=1, max_length=255)]
Path = Annotated[tuple[Segment, ...], BeforeValidator(_segments), Field(min_length=1, max_length=_MAX_SEGMENTS)]


class Source(_Setting):
    """Where one thing comes from. `any_organisation`: the token may name any, and whoever fills the claim decides."""

    path: Path | None = None
    value: Scalar | list[Scalar] | None = None
    map: Annotated[dict[str, Scalar], Field(min_length=1, max_length=_MAX_MAPPED)] | None = None
    default: Scalar | None = None
    any_organisation: bool = False

    @model_validator(mode="before")
    @classmethod
    def _of_a_path_alone(cls, source: object) -> object:
        return {"path": source} if isinstance(source, str) else source

    @model_validator(mode="after")
    def _of_one_kind(self) -> Self:
        if (self.path is None) == (self.value is None):
            raise ValueError('must be a path ("oid"), a constant ({"value": 7}) or a translated path ({"path", "map"})')
        if self.path is None and (self.map is not None or self.default is not None):
            raise ValueError("a constant has neither map nor default")
        return self

    def values(self, members: Members, name: str, *, split: bool = False) -> list[Scalar] | None:
        """What the token says, None where it says nothing; raises `ClaimRefused`. `split`: texts are lists of words."""
        if self.path is None:
            return _listed(self.value, name)
        found = _found(self.path, members)
        if found is None:
            return None if self.default is None else [self.default]
        words = found.split() if split and isinstance(found, str) else found
        values = _listed(words, name)
        if self.map is None:
            return values
        return [self.map[str(value)] for value in values if str(value) in self.map]

    def one(self, members: Members, name: str) -> Scalar | None:
        """The same of what there is one of. Of a translated list exactly one value may have a meaning."""
        values = self.values(members, name)
        if values is None:
            return None
        if len(set(values)) != 1 or self._is_list_as_it_stands(members):
            raise ClaimRefused(name)
        return values[0]

    def _is_list_as_it_stands(self, members: Members) -> bool:
        return self.path is not None and self.map is None and isinstance(_found(self.path, members), list)


def _found(path: tuple[str, ...], members: Members) -> Any:
    value: Any = members
    for segment in path:
        value = value.get(segment) if isinstance(value, dict) else None
    return value


def _listed(value: Any, name: str) -> list[Scalar]:
    values = value if isinstance(value, list) else [value]
    if any(isinstance(each, bool) or not isinstance(each, str | int) for each in values):
        raise ClaimRefused(name)
    return values


def _client_permission(name: str) -> str:
    if is_internal(name):
        raise ValueError(f"{name} is what services grant each other, and no provider: remove it")
    if name not in CLIENT_PERMISSIONS:
        raise ValueError(f"the permission {name} is unknown; there are {', '.join(sorted(CLIENT_PERMISSIONS))}")
    return name


Permission = Annotated[str, AfterValidator(_client_permission)]


class ClaimMap(_Setting):
    """What is not named in it, no token of the provider says."""

    organisation: Source | None = None
    subject: Source = Source.model_validate("sub")
    name: Source | None = None
    user_type: Source | None = None
    person: Source | None = None
    companies: Source | None = None
    permissions: Source | None = None
    roles: Source | None = None
    role_permissions: dict[str, list[Permission]] = {}
    token_id: Source = Source.model_validate("jti")
    rate_limit: Source | None = None
    require: dict[str, str | list[str]] = {}
    """Values that a token must have, by path: which kind it is, or which program it was made for."""

    @model_validator(mode="after")
    def _says_whose_rows(self) -> Self:
        source = self.organisation
        if source is None:
            raise ValueError(
                'claims names no organisation: {"organisation": {"value": 7}} gives all tokens one,'
                ' {"organisation": {"path": "tid", "map": {"<value>": 7}}} one for each value of a claim'
            )
        if source.default is not None:
            raise ValueError("claims.organisation has a default: a token that names no organisation must be refused")
        if source.path is not None and source.map is None and not source.any_organisation:
            raise ValueError(
                f"claims.organisation takes any number from the claim {'.'.join(source.path)}, so whoever fills that"
                ' claim would choose the organisation: translate its values with "map", or say "any_organisation": true'
                " if this provider speaks for all of them"
            )
        named = [source.value] if source.map is None and source.path is None else list((source.map or {}).values())
        if not all(_is_id(each) for each in named):
            raise ValueError("claims.organisation must lead to the ids of organisations, whole numbers from 1")
        return self

    @model_validator(mode="after")
    def _says_what_they_may(self) -> Self:
        if self.permissions is None and self.roles is None:
            raise ValueError('claims names neither "permissions" nor "roles": nobody could do anything')
        if (self.roles is None) != (not self.role_permissions):
            raise ValueError(
                'claims.roles and claims.role_permissions belong together: {"roles": "roles", "role_permissions":'
                ' {"<role>": ["api.access", "training.view"]}}'
            )
        for name in _constants(self.permissions):
            _client_permission(str(name))
        return self

    @model_validator(mode="after")
    def _says_who_they_are(self) -> Self:
        kinds = get_args(UserType)
        if self.user_type is None:
            raise ValueError('claims names no user_type: {"user_type": {"value": "staff"}} gives all tokens one')
        wrong = [each for each in _constants(self.user_type) if each not in kinds]
        if wrong:
            raise ValueError(f"claims.user_type leads to {wrong[0]}; there are {', '.join(kinds)}")
        if self.subject.value is not None or self.subject.default is not None:
            raise ValueError("claims.subject gives several users one name: take it from a claim, like sub or oid")
        if self.token_id.value is not None or self.token_id.default is not None:
            raise ValueError("claims.token_id gives several tokens one id: take it from a claim, like jti or uti")
        return self

    @model_validator(mode="after")
    def _of_one_value_each(self) -> Self:
        sources = {name: getattr(self, name) for name in type(self).model_fields}
        for name, source in sources.items():
            if not isinstance(source, Source):
                continue
            if isinstance(source.value, list) and name not in _OF_SEVERAL:
                raise ValueError(f"claims.{name} is one value, not a list")
            if source.any_organisation and name != "organisation":
                raise ValueError(f"claims.{name}: any_organisation has a meaning in claims.organisation alone")
        return self

    def translated(self, members: Members) -> dict[str, Any]:
        """The claims as our own tokens have them (contract, section 2), types unchecked; raises `ClaimRefused`."""
        self._check_required(members)
        named: dict[str, Any] = {
            "org": _number(self._one("organisation", members)),
            "sub": self._one("subject", members),
            "jti": self._one("token_id", members),
            "name": self._one("name", members),
            "user_type": self._one("user_type", members),
            "employee_id": _number(self._one("person", members)),
            "company_ids": self._companies(members),
            "rate_limit": _number(self._one("rate_limit", members)),
            "permissions": sorted(self._permissions(members)),
        }
        standard = {name: members[name] for name in STANDARD if name in members}
        return standard | {name: value for name, value in named.items() if value is not None}

    def _check_required(self, members: Members) -> None:
        for path, accepted in self.require.items():
            found = _found(tuple(path.split(".")), members)
            if found not in ([accepted] if isinstance(accepted, str) else accepted):
                raise ClaimRefused("required")

    def _one(self, name: str, members: Members) -> Scalar | None:
        source: Source | None = getattr(self, name)
        return None if source is None else source.one(members, name)

    def _companies(self, members: Members) -> list[Any] | None:
        values = None if self.companies is None else self.companies.values(members, "companies", split=True)
        return None if values is None else [_number(value) for value in values]

    def _permissions(self, members: Members) -> set[str]:
        """A token needs one of the two claims that say what it may; what it says there may be nothing."""
        by_value = self.permissions and self.permissions.values(members, "permissions", split=True)
        roles = self.roles and self.roles.values(members, "roles", split=True)
        if by_value is None and roles is None:
            raise ClaimRefused("permissions")
        known = CLIENT_PERMISSIONS if _is_explicit(self.permissions) else _GRANTED_BY_VALUE
        of_roles = [name for role in roles or () for name in self.role_permissions.get(str(role), ())]
        return {str(name) for name in by_value or () if name in known} | set(of_roles)


def _is_explicit(source: Source | None) -> bool:
    """Whether all that it can lead to stands in the map."""
    return source is not None and (source.value is not None or source.map is not None)


def _constants(source: Source | None) -> list[Scalar]:
    """What stands in the map itself."""
    if source is None:
        return []
    value = [] if source.value is None else source.value if isinstance(source.value, list) else [source.value]
    return [*value, *(source.map or {}).values(), *([] if source.default is None else [source.default])]


def _is_id(value: object) -> bool:
    return isinstance(value, int) and 1 <= value <= MAX_ID


def _number(value: Scalar | None) -> Scalar | None:
    """Providers keep attributes as texts; what is no number stays, and is refused for its type."""
    return int(value) if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 20 else value

"""What may become of programs, and what their tokens are asked for (contract, section 7)."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.accounts.clients import (
    Client,
    changed_client,
    check_may_grant,
    check_new,
    granted,
    narrows,
    permissions_of,
)
from services.accounts.errors import ClientRevoked
from services.accounts.schemas_clients import ClientFields
from shared.auth.internal_token import (
    ACCOUNTS,
    API_ACCESS,
    ENROLL,
    ENROLL_COMPANY,
    ENROLL_SELF,
    MANAGE,
    SCOPES,
    VIEW,
    VIEW_COMPANY,
    VIEW_SELF,
    Caller,
)
from shared.errors import PermissionDenied, ValidationFailed
from shared.validation.fields import STORED

NOW = datetime(2030, 5, 15, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)


def fields(**changes: Any) -> ClientFields:
    return ClientFields.model_validate({"name": "Payroll", "permissions": [VIEW]} | changes)


def client(**changes: Any) -> Client:
    values: dict[str, Any] = {
        "organisation_id": 7,
        "id": 1,
        "version": 1,
        "client_id": "muster_ci_1",
        "fields": fields(),
        "secret_digest": b"new",
        "previous_digest": b"old",
        "previous_until": None,
        "last_used_at": None,
        "revoked_at": None,
        "cut_off_at": None,
    }
    return Client(**values | changes)


def maker(*permissions: str, company_ids: tuple[int, ...] = ()) -> Caller:
    return Caller(7, "ann", "Ann", "staff", frozenset({API_ACCESS, *permissions}), company_ids=company_ids)


def test_every_program_has_access_and_each_permission_once() -> None:
    assert fields(permissions=[VIEW, ENROLL, VIEW]).permissions == [API_ACCESS, ENROLL, VIEW]


@pytest.mark.parametrize("permission", SCOPES)
def test_a_maker_gives_what_they_have(permission: str) -> None:
    check_may_grant(maker(permission, company_ids=(1,)), fields(permissions=[permission], company_ids=[1]))
    if permission != API_ACCESS:
        with pytest.raises(PermissionDenied) as refused:
            check_may_grant(
                maker(ACCOUNTS) if permission != ACCOUNTS else maker(VIEW), fields(permissions=[permission])
            )
        assert refused.value.permission == permission


@pytest.mark.parametrize(
    ("has", "gives"), [(VIEW, VIEW_SELF), (VIEW, VIEW_COMPANY), (ENROLL, ENROLL_SELF), (ENROLL, ENROLL_COMPANY)]
)
def test_who_may_about_everybody_lets_a_program_do_it_about_some(has: str, gives: str) -> None:
    check_may_grant(maker(has), fields(permissions=[gives], company_ids=[1, 2]))
    with pytest.raises(PermissionDenied):
        check_may_grant(maker(gives), fields(permissions=[has]))


def test_who_looks_after_companies_gives_no_others() -> None:
    both = fields(permissions=[VIEW_COMPANY, ENROLL_COMPANY], company_ids=[4, 5])
    check_may_grant(maker(VIEW_COMPANY, ENROLL_COMPANY, company_ids=(4, 5, 6)), both)
    with pytest.raises(PermissionDenied):
        check_may_grant(maker(VIEW_COMPANY, ENROLL_COMPANY, company_ids=(4,)), both)
    with pytest.raises(PermissionDenied):
        check_may_grant(maker(VIEW, ENROLL_COMPANY, company_ids=(4,)), both)
    check_may_grant(maker(VIEW, ENROLL), both)


def test_a_program_does_not_begin_expired() -> None:
    check_new(fields(), NOW)
    check_new(fields(expires_at=NOW + timedelta(microseconds=1)), NOW)
    for expires_at in (NOW, NOW - HOUR):
        with pytest.raises(ValidationFailed) as refused:
            check_new(fields(expires_at=expires_at), NOW)
        assert refused.value.details["errors"] == {"expires_at": ["Must be in the future."]}


def test_a_change_is_merged_and_checked_as_a_whole() -> None:
    changed = changed_client(client(), {"name": "Wages", "company_ids": [2, 1]}, NOW)
    assert changed == fields(name="Wages", company_ids=[1, 2])
    assert changed_client(client(fields=changed), {"company_ids": None}, NOW) == fields(name="Wages")
    for patch in ({"name": None}, {"permissions": None}, {"expires_at": "2030-05-15T09:00:00Z"}):
        with pytest.raises(ValidationFailed):
            changed_client(client(), patch, NOW)


def test_a_name_makes_no_permission() -> None:
    """Texts that are stored stay allowed: where they are, not in another field."""
    with pytest.raises(ValidationFailed):
        changed_client(client(fields=fields(name="training.fly")), {"permissions": ["training.fly"]}, NOW)


def test_a_name_that_an_earlier_version_took_may_stay() -> None:
    odd = ClientFields.model_validate({"name": "a\u2028b", "permissions": [VIEW]}, context=STORED)
    assert changed_client(client(fields=odd), {"rate_limit": 5}, NOW).name == "a\u2028b"
    with pytest.raises(ValidationFailed):
        changed_client(client(fields=odd), {"name": "a\u2028c"}, NOW)


def test_an_expired_program_stays_so_until_it_is_extended() -> None:
    expired = client(fields=fields(expires_at=NOW - HOUR))
    assert changed_client(expired, {"name": "Old"}, NOW).expires_at == NOW - HOUR
    assert changed_client(expired, {"expires_at": None}, NOW).expires_at is None


def test_a_revoked_program_changes_no_more() -> None:
    with pytest.raises(ClientRevoked):
        changed_client(client(revoked_at=NOW), {"name": "x"}, NOW)


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ({}, {}, False),
        ({}, {"permissions": [VIEW, MANAGE]}, False),
        ({"permissions": [VIEW, MANAGE]}, {}, True),
        ({"permissions": [MANAGE]}, {"permissions": [VIEW]}, True),
        ({"company_ids": [1, 2]}, {"company_ids": [2]}, True),
        ({"company_ids": [2]}, {"company_ids": [1, 2]}, False),
        ({}, {"expires_at": NOW}, True),
        ({"expires_at": NOW}, {"expires_at": NOW - HOUR}, True),
        ({"expires_at": NOW}, {"expires_at": NOW}, False),
        ({"expires_at": NOW}, {"expires_at": NOW + HOUR}, False),
        ({"expires_at": NOW}, {}, False),
    ],
)
def test_what_narrows_a_program(before: dict[str, Any], after: dict[str, Any], expected: bool) -> None:
    assert narrows(fields(**before), fields(**after)) is expected


@pytest.mark.parametrize(
    ("scope", "expected"),
    [
        (None, [ENROLL, VIEW]),
        (VIEW, [VIEW]),
        (f"{VIEW} {ENROLL}", [ENROLL, VIEW]),
        (f" {VIEW}  {VIEW} ", [VIEW]),
        ("", None),
        ("  ", None),
        (MANAGE, None),
        (f"{VIEW} {MANAGE}", None),
        (f"{VIEW}\t{ENROLL}", None),
    ],
)
def test_a_scope_is_part_of_the_permissions(scope: str | None, expected: list[str] | None) -> None:
    assert granted(scope, {VIEW, ENROLL}) == expected


def test_whatever_is_asked_for_opens_the_api() -> None:
    assert permissions_of([VIEW]) == {API_ACCESS, VIEW}


def test_the_secret_before_holds_until_its_time() -> None:
    rotated = client(previous_until=NOW)
    assert rotated.digests(NOW - timedelta(microseconds=1)) == (b"new", b"old")
    assert rotated.digests(NOW) == (b"new", None)
    assert client().digests(NOW) == (b"new", None)


def test_times_of_tokens_are_whole_seconds() -> None:
    ends = client(fields=fields(expires_at=NOW + timedelta(seconds=5, milliseconds=900)))
    assert not ends.is_expired(NOW + timedelta(seconds=4, milliseconds=999))
    assert ends.is_expired(NOW + timedelta(seconds=5))
    assert not client().is_expired(NOW)

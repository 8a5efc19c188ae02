"""Tokens of outside providers: what a documented map reads in them, and what it refuses."""

import json
from typing import Any

import pytest
from pydantic import ValidationError

from gateway.auth.claim_map import ClaimMap
from gateway.auth.client_claims import OutsideClaims, mapped_claims
from shared.errors import TokenInvalid
from tests.support.providers import (
    ENTRA_MAP,
    ENTRA_TENANT,
    KEYCLOAK_MAP,
    entra_claims,
    keycloak_claims,
)

LEAST: dict[str, Any] = {
    "organisation": {"value": 7},
    "user_type": {"value": "staff"},
    "permissions": "permissions",
}


def read(claim_map: dict[str, Any], claims: dict[str, Any]) -> OutsideClaims:
    return mapped_claims(ClaimMap.model_validate(claim_map))(json.dumps(claims).encode())


def refused(claim_map: dict[str, Any], claims: dict[str, Any]) -> str:
    """Why."""
    with pytest.raises(TokenInvalid) as caught:
        read(claim_map, claims)
    return caught.value.reason


def test_a_token_of_entra_passes_with_the_documented_map() -> None:
    claims = read(ENTRA_MAP, entra_claims(employeeid="42"))
    assert (claims.org, claims.sub, claims.name) == (7, "2f4a0b1c-5d6e-4f70-8a9b-0c1d2e3f4a5b", "Hannah Reed")
    assert (claims.user_type, claims.employee_id, claims.jti) == ("staff", 42, "Sd9fE1pYwEq6kz0oVbUGAA")
    assert set(claims.permissions) == {"api.access", "training.view", "training.enroll", "training.manage"}


def test_a_program_of_entra_has_roles_alone() -> None:
    claims = read(ENTRA_MAP, entra_claims(idtyp="app", scp=..., name=..., roles=["Training.Sync"]))
    assert (claims.user_type, claims.name, claims.employee_id) == ("service", "", None)
    assert set(claims.permissions) == {"api.access", "training.view"}


def test_a_token_of_keycloak_passes_with_the_documented_map() -> None:
    claims = read(KEYCLOAK_MAP, keycloak_claims())
    assert (claims.org, claims.name, claims.employee_id, claims.company_ids) == (8, "hannah", 42, [7, 9])
    assert set(claims.permissions) == {"api.access", "training.view", "training.record"}
    assert claims.jti == "onrtac:5f0c2a7e-8f7b-4b0e-8d5e-1f6a7b8c9d0e"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"tid": ...}, "claim_organisation"),
        ({"tid": "another tenant"}, "claim_organisation"),
        ({"tid": [ENTRA_TENANT, "x"]}, None),
        ({"tid": {"a": 1}}, "claim_organisation"),
        ({"tid": True}, "claim_organisation"),
        ({"oid": ...}, "claim_subject"),
        ({"oid": 5}, "claim_subject"),
        ({"oid": ["a", "b"]}, "claim_subject"),
        ({"oid": "x" * 256}, "claim_subject"),
        ({"oid": ["a"]}, "claim_subject"),
        ({"uti": 5}, "claim_token_id"),
        ({"uti": ["a"]}, "claim_token_id"),
        ({"idtyp": "device"}, "claim_user_type"),
        ({"idtyp": ["app", "user"]}, "claim_user_type"),
        ({"idtyp": "user"}, None),
        ({"uti": ""}, "claim_token_id"),
        ({"uti": ...}, None),
        ({"name": 5}, "claim_name"),
        ({"employeeid": "x"}, "claim_person"),
        ({"employeeid": "0"}, "claim_person"),
        ({"employeeid": -1}, "claim_person"),
        ({"employeeid": 1.5}, "claim_person"),
        ({"employeeid": "9" * 25}, "claim_person"),
        ({"roles": ..., "scp": ...}, "claim_permissions"),
        ({"roles": {"a": 1}}, "claim_roles"),
        ({"roles": [["Training.Manager"]]}, "claim_roles"),
        ({"roles": [True]}, "claim_roles"),
        ({"scp": 1.5}, "claim_permissions"),
        ({"ver": "1.0"}, "claim_required"),
        ({"ver": ...}, "claim_required"),
        ({"azp": "another program"}, "claim_required"),
        ({"iat": ...}, "claim_iat"),
        ({"iat": "now"}, "claim_iat"),
        ({"exp": ...}, "claim_exp"),
        ({"exp": True}, "claim_exp"),
        ({"nbf": "x"}, "claim_nbf"),
        ({"aud": ...}, "claim_aud"),
        ({"aud": 5}, "claim_aud"),
    ],
)
def test_a_claim_that_is_missing_forged_or_wrong_is_refused(changes: dict[str, Any], reason: str | None) -> None:
    claims = entra_claims(**changes)
    if reason is None:
        assert read(ENTRA_MAP, claims).org == 7
    else:
        assert refused(ENTRA_MAP, claims) == reason


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"typ": "ID"}, "claim_required"),
        ({"typ": "Refresh"}, "claim_required"),
        ({"typ": ...}, "claim_required"),
        ({"realm_access": ...}, "claim_permissions"),
        ({"realm_access": ["trainer"]}, "claim_permissions"),
        ({"company_ids": ["7", "x"]}, "claim_companies"),
        ({"company_ids": {"7": 1}}, "claim_companies"),
        ({"company_ids": list(range(1, 102))}, "claim_companies"),
    ],
)
def test_what_keycloak_does_not_say_like_that_is_refused(changes: dict[str, Any], reason: str) -> None:
    assert refused(KEYCLOAK_MAP, keycloak_claims(**changes)) == reason


def test_a_claim_of_our_own_name_says_nothing_that_the_map_does_not_name() -> None:
    forged = {"org": 99, "permissions": ["training.manage"], "company_ids": [1], "rate_limit": 1_000_000}
    claims = read(ENTRA_MAP, entra_claims(roles=[], scp="", employee_id=1, **forged))
    assert (claims.org, claims.permissions, claims.company_ids) == (7, [], [])
    assert (claims.employee_id, claims.rate_limit) == (None, None)


@pytest.mark.parametrize("said", ["api.access platform.manage internal.seats openid", ["platform.manage", "x"]])
def test_a_token_grants_by_itself_neither_the_platform_nor_what_services_do(said: object) -> None:
    claims = {"iss": "i", "aud": "a", "sub": "s", "iat": 1, "exp": 2, "permissions": said}
    assert set(read(LEAST, claims).permissions) <= {"api.access"}


def test_a_map_may_say_expressly_that_a_role_manages_the_platform() -> None:
    expressly = {**LEAST, "permissions": {"path": "scp", "map": {"Operate": "platform.manage"}}}
    claims = {"iss": "i", "aud": "a", "sub": "s", "iat": 1, "exp": 2, "scp": "Operate"}
    assert read(expressly, claims).permissions == ["platform.manage"]


def test_a_path_with_dots_in_its_names_is_a_list() -> None:
    named = {**LEAST, "permissions": {"path": ["https://muster.example/permissions"]}}
    claims = {"iss": "i", "aud": "a", "sub": "s", "iat": 1, "exp": 2}
    assert read(named, {**claims, "https://muster.example/permissions": "api.access"}).permissions == ["api.access"]


def test_a_list_names_an_organisation_if_one_value_of_it_does() -> None:
    groups = {**LEAST, "organisation": {"path": "groups", "map": {"/acme": 7, "/bolt": 8}}}
    claims = {"iss": "i", "aud": "a", "sub": "s", "iat": 1, "exp": 2, "permissions": []}
    assert read(groups, {**claims, "groups": ["/staff", "/acme"]}).org == 7
    assert refused(groups, {**claims, "groups": ["/bolt", "/acme"]}) == "claim_organisation"
    assert refused(groups, {**claims, "groups": []}) == "claim_organisation"


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"organisation": ...}, "names no organisation"),
        ({"organisation": "org"}, "whoever fills that claim would choose the organisation"),
        ({"organisation": {"path": "org"}}, '"any_organisation": true'),
        ({"organisation": {"path": "tid", "map": {}}}, "at least 1"),
        ({"organisation": {"path": "tid", "map": {"a": "7"}}}, "whole numbers from 1"),
        ({"organisation": {"path": "tid", "map": {"a": 7}, "default": 8}}, "must be refused"),
        ({"organisation": {"value": 0}}, "whole numbers from 1"),
        ({"organisation": {"value": 2**63}}, "whole numbers from 1"),
        ({"organisation": {"value": [7, 8]}}, "whole numbers from 1"),
        ({"organisation": {}}, "must be a path"),
        ({"organisation": {"value": 7, "path": "org"}}, "must be a path"),
        ({"organisation": {"path": "", "map": {"a": 7}}}, "at least 1"),
        ({"organisation": {"paths": "org"}}, "Extra inputs"),
        ({"subject": {"value": "ada"}}, "gives several users one name"),
        ({"subject": {"path": "sub", "default": "ada"}}, "gives several users one name"),
        ({"token_id": {"value": "x"}}, "gives several tokens one id"),
        ({"user_type": ...}, "names no user_type"),
        ({"user_type": {"value": "root"}}, "there are staff, contractor, service"),
        ({"user_type": {"path": "idtyp", "map": {"app": "robot"}}}, "there are staff, contractor, service"),
        ({"user_type": {"path": "idtyp", "default": "robot"}}, "there are staff, contractor, service"),
        ({"permissions": ...}, 'neither "permissions" nor "roles"'),
        ({"permissions": {"value": ["api.acces"]}}, "there are accounts.manage, api.access"),
        ({"permissions": {"path": "scp", "map": {"a": "internal.seats"}}}, "what services grant each other"),
        ({"roles": "roles"}, "belong together"),
        ({"role_permissions": {"a": ["api.access"]}}, "belong together"),
        ({"roles": "roles", "role_permissions": {"a": ["training.veiw"]}}, "training.veiw is unknown"),
        ({"roles": "roles", "role_permissions": {"a": ["internal.seats"]}}, "what services grant each other"),
        ({"name": {"value": ["a", "b"]}}, "claims.name is one value"),
        ({"person": {"path": "x", "any_organisation": True}}, "claims.organisation alone"),
        ({"organization": "org"}, "Extra inputs"),
    ],
)
def test_a_map_that_leaves_something_open_is_refused_with_what_would_be_right(
    changes: dict[str, Any], told: str
) -> None:
    claim_map = {name: value for name, value in {**LEAST, **changes}.items() if value is not ...}
    with pytest.raises(ValidationError) as caught:
        ClaimMap.model_validate(claim_map)
    assert told in str(caught.value)


def test_a_map_that_names_nothing_is_refused() -> None:
    with pytest.raises(ValidationError, match="names no organisation"):
        ClaimMap.model_validate({})


def test_a_provider_may_speak_for_every_organisation_if_the_map_says_so() -> None:
    every = {**LEAST, "organisation": {"path": "org", "any_organisation": True}}
    claims = {"iss": "i", "aud": "a", "sub": "s", "iat": 1, "exp": 2, "permissions": []}
    assert [read(every, {**claims, "org": org}).org for org in (9, "9")] == [9, 9]
    for org in (0, -1, "x", 1.5, True, None, 2**63, "1e3", "٣"):
        assert refused(every, {**claims, "org": org}) == "claim_organisation"


TOKEN: dict[str, Any] = {"iss": "i", "aud": "a", "sub": "s", "iat": 1, "exp": 2, "permissions": []}


@pytest.mark.parametrize("organisation", [1, 2**63 - 1])
def test_any_id_of_an_organisation_may_stand_in_a_map(organisation: int) -> None:
    assert read({**LEAST, "organisation": {"value": organisation}}, TOKEN).org == organisation


def test_words_may_be_separated_by_blanks() -> None:
    spaced = {**LEAST, "companies": "c", "roles": "r", "role_permissions": {"a": ["training.view"]}}
    claims = read(spaced, TOKEN | {"permissions": "api.access training.record", "c": "7 9", "r": "b a"})
    assert claims.permissions == ["api.access", "training.record", "training.view"]
    assert claims.company_ids == [7, 9]


def test_a_rate_limit_may_come_from_the_token_or_the_map() -> None:
    assert read({**LEAST, "rate_limit": "rate"}, TOKEN | {"rate": "600"}).rate_limit == 600
    assert read({**LEAST, "rate_limit": {"value": 600}}, TOKEN).rate_limit == 600
    assert refused({**LEAST, "rate_limit": "rate"}, TOKEN | {"rate": 0}) == "claim_rate_limit"


def test_what_is_required_may_stand_deep_in_the_token() -> None:
    required = {**LEAST, "require": {"act.azp": ["portal", "kiosk"]}}
    assert read(required, TOKEN | {"act": {"azp": "kiosk"}}).sub == "s"
    for act in ({"azp": "other"}, {}, "kiosk", None):
        assert refused(required, TOKEN | {"act": act}) == "claim_required"


def test_a_client_learns_no_more_than_that_its_claims_are_wrong() -> None:
    with pytest.raises(TokenInvalid, match=r"^The token's claims are not valid\.$"):
        read(ENTRA_MAP, entra_claims(tid="x"))

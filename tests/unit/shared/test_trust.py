"""Whose internal tokens count where, and what each issuer may grant."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from shared.auth.claims import EVERY_ORGANISATION
from shared.auth.internal_token import Caller, InternalTokenVerifier
from shared.auth.jwk import KeyInvalid, new_private_keys
from shared.auth.key_changes import record_trusted_keys
from shared.auth.trust import (
    CALENDARS,
    FETCH_SESSION,
    GATEWAY,
    KNOWN,
    PUBLIC,
    REVOCATIONS,
    SEATS,
    STATES,
    parse_trusted_keys,
)
from shared.auth.watched_file import WatchedFile
from shared.errors import TokenInvalid
from stack.services import SERVICE_NAMES
from tests.support.issuers import KEYS, PRIVATE, Trusted, claims, minted, published, signed, verifier, verify

CALLER = Caller(7, "user-1", "Ann", "staff", frozenset({"api.access", "training.view"}), employee_id=42)


def of_service(name: str, *permissions: str, organisation: int = 7) -> Caller:
    return Caller(organisation, name, name, "service", frozenset(permissions))


@pytest.mark.parametrize(
    ("issuer", "permission", "audience"),
    [
        ("catalog", SEATS, "enrollment"),
        ("catalog", STATES, "enrollment"),
        ("enrollment", FETCH_SESSION, "catalog"),
        ("enrollment", STATES, "catalog"),
        ("history", STATES, "catalog"),
        ("history", STATES, "enrollment"),
        ("history", KNOWN, "catalog"),
        ("history", KNOWN, "enrollment"),
    ],
)
def test_a_service_may_ask_what_it_needs_there_and_nowhere_else(
    issuer: str, permission: str, audience: str, tmp_path: Path
) -> None:
    caller = of_service(issuer, permission)
    token = minted(caller, tmp_path, issuer, audience)
    assert verifier(audience).verify(token) == caller
    for other in {*SERVICE_NAMES} - {audience}:
        with pytest.raises(TokenInvalid):
            verifier(other).verify(token)


@pytest.mark.parametrize(
    ("issuer", "changes"),
    [
        ("catalog", {"permissions": ["api.access", "training.manage"]}),
        ("catalog", {"permissions": [SEATS, "training.view"]}),
        ("catalog", {"permissions": [FETCH_SESSION]}),
        ("catalog", {"permissions": ["internal.call"]}),
        ("catalog", {"iss": GATEWAY}),
        ("catalog", {"iss": "enrollment", "sub": "enrollment"}),
        ("catalog", {"sub": "user-1"}),
        ("catalog", {"user_type": "staff"}),
        ("catalog", {"org": EVERY_ORGANISATION}),
        ("history", {"iss": "history", "sub": "history"}),
        (GATEWAY, {"iss": GATEWAY}),
        (GATEWAY, {}),
    ],
)
def test_whoever_holds_a_key_cannot_say_everything(issuer: str, changes: dict[str, Any]) -> None:
    own = {"iss": "catalog", "sub": "catalog", "user_type": "service", "permissions": [SEATS]}
    assert verify(signed(claims(**own), "catalog")).permissions == {SEATS}
    with pytest.raises(TokenInvalid):
        verify(signed(claims(**own | changes), issuer))


@pytest.mark.parametrize("permission", [PUBLIC, REVOCATIONS, CALENDARS])
def test_the_gateway_asks_in_its_own_name_of_no_organisation(permission: str, tmp_path: Path) -> None:
    caller = Caller(EVERY_ORGANISATION, "anonymous", "", "service", frozenset({permission}))
    assert verify(minted(caller, tmp_path, GATEWAY)) == caller
    with pytest.raises(TokenInvalid):
        verify(minted(replace(caller, organisation_id=7), tmp_path, GATEWAY))
    with pytest.raises(TokenInvalid):
        verify(
            signed(
                claims(iss="catalog", sub="catalog", user_type="service", org=0, permissions=[permission]), "catalog"
            )
        )


def test_only_services_ask_about_every_organisation(tmp_path: Path) -> None:
    caller = of_service("history", STATES, organisation=EVERY_ORGANISATION)
    assert verify(minted(caller, tmp_path, "history")) == caller
    with pytest.raises(TokenInvalid):
        verify(signed(claims(org=EVERY_ORGANISATION)))


def test_a_key_that_is_taken_from_the_file_counts_no_more() -> None:
    trusted = Trusted(GATEWAY, "catalog")
    checked, token = InternalTokenVerifier("enrollment", trusted), signed(claims())
    assert checked.verify(token).subject == "user-1"
    trusted.change_to(published("catalog"))
    with pytest.raises(TokenInvalid):
        checked.verify(token)


def test_a_new_key_in_the_file_counts_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another process may sign with it already; the pause between two looks at the file does not count."""
    monkeypatch.setattr("shared.auth.watched_file.CHECK_INTERVAL_SECONDS", 1000)
    old, new = json.loads(new_private_keys())["keys"], json.loads(PRIVATE[GATEWAY])["keys"]
    public = [{name: key[name] for name in key if name != "d"} for key in (*old, *new)]
    file = tmp_path / "trusted.json"
    file.write_text(json.dumps({GATEWAY: {"keys": public[:1]}}))
    checked = InternalTokenVerifier("enrollment", WatchedFile(file, parse_trusted_keys, record_trusted_keys))
    with pytest.raises(TokenInvalid):
        checked.verify(signed(claims()))
    file.write_text(json.dumps({GATEWAY: {"keys": public}}))
    assert checked.verify(signed(claims())).subject == "user-1"


@pytest.mark.parametrize(
    "text",
    [
        "", "[]", "{}", '{"muster-gateway": []}', '{"muster-gateway": {"keys": []}}', '{"somebody": {"keys": []}}',
        json.dumps({GATEWAY: json.loads(PRIVATE[GATEWAY])}),
        json.dumps({issuer: json.loads(KEYS[GATEWAY].published()) for issuer in (GATEWAY, "catalog")}),
    ],
    ids=str.__len__,
)  # fmt: skip
def test_a_file_that_cannot_be_trusted_is_refused(text: str) -> None:
    with pytest.raises(KeyInvalid):
        parse_trusted_keys(text)


def test_issuers_of_a_later_version_are_passed_over() -> None:
    sets = {issuer: json.loads(KEYS[GATEWAY].published()) for issuer in (GATEWAY, "later")}
    assert {trusted.issuer for trusted in parse_trusted_keys(json.dumps(sets)).values()} == {GATEWAY}

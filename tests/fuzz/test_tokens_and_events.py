"""Tokens and events: whatever is not exactly one is refused as declared, and what is accepted is of the right types."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from gateway.auth.client_token import ClientTokenVerifier, Provider
from gateway.auth.key_sources import parse_public_keys
from shared.auth.claims import MAX_COMPANIES
from shared.auth.internal_token import Caller
from shared.auth.jwk import Key, Keys
from shared.auth.trust import GATEWAY
from shared.errors import TokenInvalid
from shared.events.cloudevents import EventInvalid, decode
from shared.validation.fields import MAX_ID
from tests.fuzz.effort import examples
from tests.fuzz.mutation import JSON, changed_members, mutated, mutated_bytes
from tests.security.keys import ALGORITHMS, keys_of, outside_key_set
from tests.support.events import encoded
from tests.support.internal_keys import internal_private_key, verifier
from tests.support.stack import CLIENT_SECRET
from tests.support.strategies import ANY_EVENT

CLIENTS, SERVICES = keys_of("gateway", 7), keys_of("catalog", 7)
HEADER = {"alg": "HS256", "typ": "JWT", "kid": "ed"}
HEADERS = changed_members(HEADER, ["crit", "b64", "jwk", "jku", "x5u", "cty"]) | st.sampled_from(
    [{"alg": name, "kid": key} for key, name in ALGORITHMS.items()]
)

INTERNAL_HEADER = {"alg": "EdDSA", "typ": "JWT", "kid": internal_private_key(GATEWAY)[0]}
INTERNAL_HEADERS = changed_members(INTERNAL_HEADER, ["crit", "b64", "jwk", "jku", "x5u", "cty"])


class FixedKeys:
    """The corpus' own keys."""

    def __init__(self) -> None:
        self.keys: Keys = parse_public_keys(outside_key_set())

    async def find(self, key_id: str) -> Key | None:
        return self.keys.get(key_id)


VERIFIER = ClientTokenVerifier(
    [
        Provider(
            "muster",
            "muster-api",
            frozenset(("EdDSA", "ES256", "RS256", "HS256")),
            FixedKeys(),
            secret=CLIENT_SECRET,
        )
    ]
)
INTERNAL = verifier("catalog")


def assert_is_whole(caller: Caller) -> None:
    """Every claim a caller is made of is of its type and within its bounds."""
    assert type(caller.organisation_id) is int
    assert 1 <= caller.organisation_id <= MAX_ID
    assert caller.subject
    assert caller.subject.isprintable()
    assert caller.user_type in ("staff", "contractor", "service")
    assert all(isinstance(permission, str) and permission for permission in caller.permissions)
    assert caller.employee_id is None or (type(caller.employee_id) is int and 1 <= caller.employee_id <= MAX_ID)
    assert len(caller.company_ids) <= MAX_COMPANIES
    assert all(type(company_id) is int and 1 <= company_id <= MAX_ID for company_id in caller.company_ids)
    "\0".join((caller.subject, caller.name)).encode()


@examples
@given(claims=changed_members(dict(CLIENTS.claims), ["nbf", "employee_id", "company_ids"]), header=HEADERS)
async def test_a_client_token_with_any_claims_and_header(claims: dict[str, Any], header: dict[str, Any]) -> None:
    token = CLIENTS.rightly(json.dumps(claims).encode(), json.dumps(header).encode())
    try:
        verified = await VERIFIER.verify(token)
    except TokenInvalid:
        return
    assert header["alg"] == "HS256"
    assert {"iss", "aud", "sub", "org", "exp", "iat", "jti", "user_type"} <= claims.keys()
    assert_is_whole(verified.caller)
    assert "internal.seats" not in verified.caller.permissions
    assert verified.rate_limit is None or verified.rate_limit >= 1


@examples
@given(claims=changed_members(dict(SERVICES.claims), ["nbf", "employee_id", "company_ids"]), header=INTERNAL_HEADERS)
def test_an_internal_token_with_any_claims_and_header(claims: dict[str, Any], header: dict[str, Any]) -> None:
    token = SERVICES.rightly(json.dumps(claims).encode(), json.dumps(header).encode())
    try:
        caller = INTERNAL.verify(token)
    except TokenInvalid:
        return
    assert header["alg"] == "EdDSA"
    assert {"iss", "aud", "jti", "sub", "org", "exp", "iat", "user_type"} <= claims.keys()
    assert_is_whole(caller)


@examples
@given(payload=mutated_bytes(st.just(CLIENTS.payload())), header=mutated_bytes(st.just(json.dumps(HEADER).encode())))
async def test_a_client_token_of_any_bytes_rightly_signed(payload: bytes, header: bytes) -> None:
    try:
        assert_is_whole((await VERIFIER.verify(CLIENTS.rightly(payload, header or b"{}"))).caller)
    except TokenInvalid:
        return


@examples
@given(mutated(st.sampled_from([CLIENTS.good(), *(CLIENTS.by_key(key) for key in ALGORITHMS)])))
async def test_a_client_token_with_any_change(token: str) -> None:
    try:
        verified = await VERIFIER.verify(token)
    except TokenInvalid:
        return
    assert verified.caller.organisation_id == 7


@examples
@given(mutated(st.just(SERVICES.good())))
def test_an_internal_token_with_any_change(token: str) -> None:
    try:
        caller = INTERNAL.verify(token)
    except TokenInvalid:
        return
    assert caller.organisation_id == 7


@examples
@given(event=ANY_EVENT, data=st.data())
def test_a_message_with_any_change_is_an_event_or_invalid(event: Any, data: st.DataObject) -> None:
    body = data.draw(mutated_bytes(st.just(encoded(event)[1].encode())))
    try:
        decoded = decode(body)
    except EventInvalid:
        return
    assert decoded.organisation_id >= 1
    assert decode(encoded(decoded)[1].encode()).data == decoded.data


@examples
@given(event=ANY_EVENT, data=st.data())
def test_an_envelope_with_any_members_is_an_event_or_invalid(event: Any, data: st.DataObject) -> None:
    envelope = json.loads(encoded(event)[1])
    envelope["data"] = data.draw(changed_members(envelope["data"]) | JSON)
    body = json.dumps(data.draw(changed_members(envelope))).encode()
    try:
        decoded = decode(body)
    except EventInvalid:
        return
    assert decode(encoded(decoded)[1].encode()).data == decoded.data

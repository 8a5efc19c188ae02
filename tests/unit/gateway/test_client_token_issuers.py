"""Client tokens of several issuers: what each is known by, and what only our own may say."""

import time
from typing import Any

import jwt
import pytest

from gateway.auth.client_claims import MAX_AGE, outside_claims
from gateway.auth.client_token import ClientTokenVerifier, Provider
from shared.errors import TokenExpired, TokenInvalid
from tests.unit.gateway.test_client_token import (
    ALGORITHMS,
    GOOD,
    PRIVATE,
    SECRET,
    FixedKeys,
    claims,
    hs256,
    refused,
    signed,
)

OUTSIDE = "https://id.example"


def outside(**changes: Any) -> ClientTokenVerifier:
    """One of our own issuer, and one outside, whose tokens are signed with the same secret here."""
    own = Provider("muster", "muster-api", ALGORITHMS, FixedKeys(), secret=SECRET)
    values: dict[str, Any] = {"secret": SECRET, "read": outside_claims, "is_one_of_several": True}
    return ClientTokenVerifier([own, Provider(OUTSIDE, "muster-api", ALGORITHMS, FixedKeys(), **(values | changes))])


async def test_a_token_knows_its_issuer_and_when_it_was_issued() -> None:
    now = int(time.time())
    for issuer in ("muster", OUTSIDE):
        verified = await outside().verify(hs256(iss=issuer, iat=now - 5, sid="s"))
        assert (verified.issuer, verified.issued_at, verified.has_session) == (issuer, now - 5, True)
        assert verified.rate_key == "rate:1:7"
    assert not (await outside().verify(hs256())).has_session


async def test_ids_differ_by_their_provider_and_without_one_by_subject_and_second() -> None:
    ids = [(await outside().verify(hs256(iss=issuer))).id for issuer in ("muster", OUTSIDE)]
    assert ids[0] == "j"
    assert len(set(ids)) == 2
    now = int(time.time())
    same: list[dict[str, Any]] = [{"iat": now}, {"iat": now, "name": "Bob"}]
    others: list[dict[str, Any]] = [{"iat": now - 1}, {"iat": now, "sub": "8"}]
    found = [(await outside().verify(hs256(iss=OUTSIDE, jti=..., **each))).id for each in same + others]
    assert found[0] == found[1]
    assert len(set(found)) == 3


async def test_the_one_provider_there_is_keeps_its_ids() -> None:
    """Of a version before, revocations stand under them in Redis."""
    assert (await outside(is_one_of_several=False).verify(hs256(iss=OUTSIDE))).id == "j"


async def test_our_own_tokens_need_an_id_and_an_outside_one_grants_no_platform() -> None:
    assert (await outside().verify(hs256(iss=OUTSIDE, jti=...))).id
    with pytest.raises(TokenInvalid):
        await outside().verify(hs256(jti=...))
    permissions = ["api.access", "platform.manage"]
    assert (await outside().verify(hs256(permissions=permissions))).caller.permissions == set(permissions)
    assert (await outside().verify(hs256(iss=OUTSIDE, permissions=permissions))).caller.permissions == {"api.access"}


async def test_a_token_that_is_older_than_cut_offs_are_kept_has_expired() -> None:
    now = int(time.time())
    young, old = now - MAX_AGE + 60, now - MAX_AGE - 60
    assert await outside().verify(hs256(iss=OUTSIDE, iat=young))
    assert await outside().verify(hs256(iat=old))  # accounts issues none for so long
    with pytest.raises(TokenExpired):
        await outside().verify(hs256(iss=OUTSIDE, iat=old))


@pytest.mark.parametrize(
    ("token", "reason"),
    [
        (hs256(iss="elsewhere"), "issuer"),
        (hs256(iss=["muster"]), "issuer"),
        (hs256(aud="elsewhere"), "audience"),
        (signed(GOOD, {"alg": "HS512"}), "algorithm"),
        (jwt.encode(claims(), PRIVATE["ed"], "EdDSA", headers={"kid": "unknown"}), "unknown_key"),
        (jwt.encode(claims(), PRIVATE["ed"], "EdDSA"), "unknown_key"),
        (hs256()[:-4] + "AAAA", "signature"),
        (signed(b"[]"), "claims"),
    ],
)
async def test_the_log_says_why(token: str, reason: str) -> None:
    error = await refused(token)
    assert isinstance(error, TokenInvalid)
    assert error.reason == reason

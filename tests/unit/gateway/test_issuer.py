"""Tokens of the built-in issuer: what they carry is what the verifier finds."""

import pytest

from gateway.auth.client_token import ClientTokenVerifier
from gateway.auth.issuer import issue
from gateway.auth.issuer_keys import NoKeys
from gateway.cli import _rate_limit
from shared.auth.internal_token import Caller
from shared.auth.jwk import Key, Keys, new_private_keys, parse_private_keys

KEYS = parse_private_keys(new_private_keys())


class OwnKeys(NoKeys):
    async def find(self, key_id: str) -> Key | None:
        keys: Keys = KEYS.keys
        return keys.get(key_id)


@pytest.mark.parametrize("rate_limit", [None, 1, 1_000_000])
async def test_a_token_carries_its_rate_limit(rate_limit: int | None) -> None:
    caller = Caller(1, "7", "Ada", "staff", frozenset({"api.access"}))
    token = issue(KEYS, caller, issuer="muster", audience="muster-api", ttl=60, rate_limit=rate_limit)
    verifier = ClientTokenVerifier(
        OwnKeys(), issuer="muster", audience="muster-api", algorithms=frozenset({"EdDSA"}), secret=None
    )
    assert (await verifier.verify(token)).rate_limit == rate_limit


@pytest.mark.parametrize("text", ["0", "-1", "1000001", "x", ""])
def test_a_rate_limit_that_no_token_may_carry_is_refused(text: str) -> None:
    with pytest.raises(Exception, match="from 1 to 1000000"):
        _rate_limit(text)

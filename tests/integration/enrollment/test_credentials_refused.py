"""What a verifier that others wrote refuses: what was tampered with, has expired, or cannot be looked up."""

import json
from collections.abc import Callable

import jwt
import pytest
from openbadgeslib.ob3 import OB3VerificationError

from shared.auth.jwk import new_private_keys, parse_private_keys
from tests.support.client import Client
from tests.support.credentials import (
    Stranger,
    claims_in,
    completed,
    credential_of,
    page_of,
)
from tests.support.external_records import accepted
from tests.support.lifecycle import changed
from tests.support.stack import Stack
from tests.support.world import RECORDS, new_employee


@pytest.fixture
def judge(stack: Stack, organisation: int) -> Client:
    """Somebody else than `admin`, who submits."""
    return stack.client(organisation, sub="judge-1", name="Judy Judge")


def _forged(token: str) -> str:
    head, _, signature = token.split(".")
    claims = claims_in(token) | {"name": "Brain Surgery"}
    body = jwt.utils.base64url_encode(json.dumps(claims).encode()).decode()
    return f"{head}.{body}.{signature}"


def _cut(token: str) -> str:
    return token[:-40]


def _signed_anew(token: str) -> str:
    """By a key of one's own, which calls itself what the organisation's is called."""
    keys = parse_private_keys(new_private_keys())
    headers = {"kid": jwt.get_unverified_header(token)["kid"], "typ": "vc+jwt"}
    return jwt.PyJWS().encode(json.dumps(claims_in(token)).encode(), keys.signing, "EdDSA", headers=headers)


def _unsigned(token: str) -> str:
    return jwt.encode(claims_in(token), "", algorithm="none")


@pytest.mark.parametrize("change_of", [_forged, _cut, _signed_anew, _unsigned])
async def test_a_credential_that_was_tampered_with_is_refused(admin: Client, change_of: Callable[[str], str]) -> None:
    token = (await credential_of(admin, await completed(admin)))["credential"]
    with pytest.raises(OB3VerificationError):
        await Stranger().verify(change_of(token))


async def test_one_that_has_expired_is_refused_and_its_page_says_so(admin: Client, judge: Client, stack: Stack) -> None:
    record = await accepted(admin, judge, await new_employee(admin), valid_until="2025-04-03T08:00:00Z")
    made = await credential_of(admin, record, RECORDS)
    assert made["status"] == "expired"
    with pytest.raises(OB3VerificationError, match="expired"):
        await Stranger().verify(made["credential"])
    page = await page_of(stack, made["code"])
    assert "Expired" in page.text
    assert "3 April 2025" in page.text


async def test_while_the_status_list_is_away_it_is_refused(admin: Client) -> None:
    token = (await credential_of(admin, await completed(admin)))["credential"]

    def away(url: str, body: bytes) -> bytes:
        if "/status/" in url:
            raise OSError("unreachable")
        return body

    with pytest.raises(OB3VerificationError, match="could not fetch status list"):
        await Stranger(away).verify(token)


async def test_a_status_list_that_others_have_made_is_refused(admin: Client) -> None:
    enrollment = await completed(admin)
    token = (await credential_of(admin, enrollment))["credential"]
    await changed(admin, enrollment, "complete", {"score": 10})

    def cleared(url: str, body: bytes) -> bytes:
        return _signed_anew(body.decode()).encode() if "/status/" in url else body

    with pytest.raises(OB3VerificationError, match="proof is invalid"):
        await Stranger(cleared).verify(token)

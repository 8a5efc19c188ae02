"""Credentials, status lists and DID documents as others read them."""

import re
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openbadgeslib.ob3 import OpenBadgeCredential
from openbadgeslib.ob3.status import decode_encoded_list, set_indices

from services.enrollment import open_badge
from services.enrollment.credentials import PLACES, USED, Addresses, list_of
from shared.auth.credential_codes import PATTERN, digest, new_code
from tests.unit.enrollment.certificate_examples import ADDRESSES, CODE, credential


def test_others_read_all_of_it() -> None:
    read = OpenBadgeCredential.from_jwt_payload(open_badge.badge(credential(), ADDRESSES))
    assert (read.id, read.issuer.id) == (f"https://training.example.com/verify/{CODE}", ADDRESSES.did)
    assert (read.issuer.name, read.name, read.achievement.name) == ("Acme Tunnels", *["Working at Heights"] * 2)
    assert read.achievement.id == f"{ADDRESSES.did}#course-12"
    assert read.issuance_date == datetime(2026, 5, 14, 22, 30, tzinfo=UTC)
    assert read.expiration_date == datetime(2028, 5, 14, 22, 30, tzinfo=UTC)
    assert read.credential_status == [
        {
            "id": "https://training.example.com/credentials/7/status/1#70000",
            "type": "BitstringStatusListEntry",
            "statusPurpose": "revocation",
            "statusListIndex": "70000",
            "statusListCredential": "https://training.example.com/credentials/7/status/1",
        }
    ]


def test_one_that_never_ends_has_no_end() -> None:
    payload = open_badge.badge(credential(valid_until=None), ADDRESSES)
    assert {"validUntil", "exp"}.isdisjoint(payload)


def test_training_done_elsewhere_names_who_trained_and_who_accepted() -> None:
    payload = open_badge.badge(credential(provider="Red Cross", course_id=None), ADDRESSES)
    achievement = payload["credentialSubject"]["achievement"]
    assert achievement["id"] == f"{ADDRESSES.did}#record-301"
    assert all(each in achievement["criteria"]["narrative"] for each in ("Red Cross", "Acme Tunnels"))


def test_an_organisation_without_a_name_has_its_number() -> None:
    assert open_badge.badge(credential(issuer_name=None), ADDRESSES)["issuer"]["name"] == "Organisation 7"


@pytest.mark.parametrize(
    ("origin", "did"),
    [
        ("https://training.example.com", "did:web:training.example.com:credentials:7"),
        ("http://localhost:8080", "did:web:localhost%3A8080:credentials:7"),
        ("http://[::1]:8080", "did:web:%5B%3A%3A1%5D%3A8080:credentials:7"),
    ],
)
def test_the_name_of_an_issuer_is_where_its_keys_are(origin: str, did: str) -> None:
    assert Addresses(origin, 7).did == did


@given(st.sets(st.integers(0, PLACES - 1), max_size=50))
def test_others_find_the_places_that_are_revoked(places: set[int]) -> None:
    bits = decode_encoded_list(open_badge.encoded(places))
    assert len(bits) * 8 == PLACES
    assert set_indices(bits) == places


def test_a_list_holds_for_two_days() -> None:
    payload = open_badge.status_list(ADDRESSES, 3, [5], date(2026, 11, 30))
    assert payload["id"] == "https://training.example.com/credentials/7/status/3"
    assert (payload["validFrom"], payload["validUntil"]) == ("2026-11-29T00:00:00Z", "2026-12-02T00:00:00Z")
    held = datetime.fromtimestamp(payload["exp"], UTC) - datetime(2026, 11, 30, tzinfo=UTC)
    assert held == timedelta(days=2)


def test_the_key_that_signs_comes_first() -> None:
    keys = [{"kty": "OKP", "kid": "new"}, {"kty": "OKP", "kid": "old"}]
    document = open_badge.did_document(ADDRESSES, keys)
    assert document["assertionMethod"] == [f"{ADDRESSES.did}#new", f"{ADDRESSES.did}#old"]
    assert [each["publicKeyJwk"] for each in document["verificationMethod"]] == keys


def test_lists_are_never_more_than_half_full() -> None:
    assert [list_of(issued) for issued in (1, USED, USED + 1, 2 * USED, 2 * USED + 1)] == [1, 1, 2, 2, 3]


def test_codes_are_128_bits_that_can_be_typed() -> None:
    codes = {new_code() for _ in range(100)}
    assert len(codes) == 100
    assert all(re.fullmatch(PATTERN, code) for code in codes)
    assert digest(CODE.upper()) == digest(CODE)

"""Credentials as others read them: Open Badges 3.0 as Verifiable Credentials 2.0, a DID document and status lists.

All of them are payloads of JWTs (Securing Verifiable Credentials using JOSE and COSE, section 3) but the document.
"""

import base64
import gzip
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final

from services.enrollment.certificates.texts import issuer_name, texts_of
from services.enrollment.credentials import PLACES, Addresses, Content, Credential

TYP: Final = "vc+jwt"
_DAY: Final = timedelta(days=1)
LIST_HOLDS: Final = 2 * _DAY
"""From the beginning of the day on: an old list, without what was revoked since, cannot be shown for longer. It begins
a day earlier, for those whose clocks are late."""
_CREDENTIALS: Final = "https://www.w3.org/ns/credentials/v2"
_BADGES: Final = "https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.3.json"
_DIDS: Final = ["https://www.w3.org/ns/did/v1", "https://w3id.org/security/jwk/v1"]
_REVOCATION: Final = "revocation"


def badge(credential: Credential, addresses: Addresses) -> dict[str, Any]:
    """The credential, with the claims of a JWT that repeat it (Open Badges 3.0, section 8.2.4)."""
    content, did = credential.content, addresses.did
    issuer = issuer_name(content, credential.organisation_id)
    payload: dict[str, Any] = {
        "@context": [_CREDENTIALS, _BADGES],
        "id": addresses.credential(credential.code),
        "type": ["VerifiableCredential", "OpenBadgeCredential"],
        "name": content.training_name,
        "issuer": {"id": did, "type": ["Profile"], "name": issuer},
        "validFrom": moment(content.completed_at),
        "awardedDate": moment(content.completed_at),
        "credentialSubject": _subject(credential, did, issuer),
        "credentialStatus": _status(credential, addresses),
        "iss": did,
        "jti": addresses.credential(credential.code),
        "nbf": int(content.completed_at.timestamp()),
    }
    if content.valid_until is not None:
        payload |= {"validUntil": moment(content.valid_until), "exp": int(content.valid_until.timestamp())}
    return payload


def _subject(credential: Credential, did: str, issuer: str) -> dict[str, Any]:
    content = credential.content
    called = {"type": "IdentityObject", "hashed": False, "identityHash": content.name, "identityType": "name"}
    return {
        "type": ["AchievementSubject"],
        "identifier": [called],
        "achievement": _achievement(credential, did, issuer),
    }


def _achievement(credential: Credential, did: str, issuer: str) -> dict[str, Any]:
    content, texts = credential.content, texts_of(credential.content.language)
    what = f"course-{content.course_id}" if content.course_id is not None else f"record-{credential.of_id}"
    return {
        "id": f"{did}#{what}",
        "type": ["Achievement"],
        "name": content.training_name,
        "description": texts.achievement.format(training=content.training_name),
        "criteria": {"narrative": _narrative(content, issuer)},
    }


def _narrative(content: Content, issuer: str) -> str:
    texts = texts_of(content.language)
    if content.provider is None:
        return texts.criteria
    return texts.criteria_elsewhere.format(provider=content.provider, issuer=issuer)


def _status(credential: Credential, addresses: Addresses) -> dict[str, Any]:
    """Bitstring Status List v1.0, section 2.1."""
    address = addresses.status_list(credential.list_number)
    return {
        "id": f"{address}#{credential.place}",
        "type": "BitstringStatusListEntry",
        "statusPurpose": _REVOCATION,
        "statusListIndex": str(credential.place),
        "statusListCredential": address,
    }


def status_list(addresses: Addresses, number: int, revoked: Iterable[int], day: date) -> dict[str, Any]:
    """The list of who is revoked, as of `day`, in UTC (Bitstring Status List v1.0, section 2.2)."""
    address, begin = addresses.status_list(number), datetime.combine(day, time(), UTC)
    return {
        "@context": [_CREDENTIALS],
        "id": address,
        "type": ["VerifiableCredential", "BitstringStatusListCredential"],
        "issuer": addresses.did,
        "validFrom": moment(begin - _DAY),
        "validUntil": moment(begin + LIST_HOLDS),
        "credentialSubject": {
            "id": f"{address}#list",
            "type": "BitstringStatusList",
            "statusPurpose": _REVOCATION,
            "encodedList": encoded(revoked),
        },
        "iss": addresses.did,
        "jti": address,
        "nbf": int((begin - _DAY).timestamp()),
        "exp": int((begin + LIST_HOLDS).timestamp()),
    }


def encoded(places: Iterable[int]) -> str:
    """A bit for each place, the first one the highest of its byte, compressed: base64url with its multibase prefix."""
    bits = bytearray(PLACES // 8)
    for place in places:
        bits[place // 8] |= 0x80 >> place % 8
    return "u" + base64.urlsafe_b64encode(gzip.compress(bytes(bits), mtime=0)).decode().rstrip("=")


def did_document(addresses: Addresses, keys: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """`keys`: public JWKs, the one that signs first (Decentralized Identifiers v1.0, section 5)."""
    did = addresses.did
    methods = [
        {"id": f"{did}#{key['kid']}", "type": "JsonWebKey", "controller": did, "publicKeyJwk": dict(key)}
        for key in keys
    ]
    return {
        "@context": _DIDS,
        "id": did,
        "verificationMethod": methods,
        "assertionMethod": [method["id"] for method in methods],
    }


def moment(at: datetime) -> str:
    """To the second, which is as exact as a JWT is."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

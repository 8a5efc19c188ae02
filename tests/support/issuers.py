"""Keys of the gateway and every service, and tokens signed by them that say whatever a test wants."""

import base64
import hmac
import json
import time
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from shared.auth.internal_token import Caller, InternalTokenVerifier
from shared.auth.jwk import new_private_keys
from shared.auth.signing import InternalSigner
from shared.auth.trust import GATEWAY, TrustedKeys, parse_internal_keys, parse_trusted_keys
from shared.auth.watched_file import WatchedFile
from stack.services import SERVICE_NAMES

PRIVATE = {issuer: new_private_keys() for issuer in (GATEWAY, *SERVICE_NAMES)}
KEYS = {issuer: parse_internal_keys(text) for issuer, text in PRIVATE.items()}
SECRET = "s" * 32


def published(*issuers: str) -> TrustedKeys:
    return parse_trusted_keys(json.dumps({issuer: json.loads(KEYS[issuer].published()) for issuer in issuers}))


class Trusted(WatchedFile[TrustedKeys]):
    """A file of trusted keys, without the file."""

    def __init__(self, *issuers: str) -> None:
        self.change_to(published(*issuers))

    @property
    def contents(self) -> TrustedKeys:
        return self._contents

    def current(self) -> TrustedKeys:
        return self._contents

    def change_to(self, trusted: TrustedKeys) -> None:
        self._contents = trusted


def verifier(audience: str = "enrollment", **changes: Any) -> InternalTokenVerifier:
    return InternalTokenVerifier(audience, Trusted(*KEYS), **changes)


def claims(**changes: Any) -> dict[str, Any]:
    now = int(time.time())
    good = {
        "iss": GATEWAY,
        "aud": "enrollment",
        "jti": "one",
        "iat": now,
        "exp": now + 3600,  # parameters are made when a run of all tests begins, and used far into it
        "sub": "user-1",
        "org": 7,
        "name": "Ann",
        "user_type": "staff",
        "permissions": ["api.access"],
        "employee_id": 42,
    }
    return {name: value for name, value in (good | changes).items() if value is not ...}


def signed(claims: Any, issuer: str = GATEWAY, **header: Any) -> str:
    """Signed with an issuer's Ed25519 key whatever the header says; PyJWT itself would refuse to make some of these."""
    members = {"alg": "EdDSA", "typ": "JWT", "kid": KEYS[issuer].key_id} | header
    text = f"{encoded(json.dumps(members))}.{encoded(json.dumps(claims))}"
    return f"{text}.{encoded(KEYS[issuer].signing.key.sign(text.encode()))}"


def hs256(claims: Any, secret: str | bytes, **header: Any) -> str:
    text = f"{encoded(json.dumps({'alg': 'HS256', 'typ': 'JWT'} | header))}.{encoded(json.dumps(claims))}"
    key = secret.encode() if isinstance(secret, str) else secret
    return f"{text}.{encoded(hmac.digest(key, text.encode(), 'sha256'))}"


def encoded(part: str | bytes) -> str:
    octets = part.encode() if isinstance(part, str) else part
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


def verify(token: str) -> Caller:
    return verifier().verify(token)


def minted(caller: Caller, tmp_path: Path, issuer: str = GATEWAY, audience: str = "enrollment") -> str:
    file = tmp_path / f"{issuer}.json"
    file.write_text(PRIVATE[issuer])
    return InternalSigner(issuer, file).sign(caller, audience)


def public_forms() -> list[bytes]:
    """The gateway's public key as somebody might mistake it for a shared secret."""
    key = KEYS[GATEWAY].signing.key.public_key()
    encodings = ((Encoding.PEM, PublicFormat.SubjectPublicKeyInfo), (Encoding.Raw, PublicFormat.Raw))
    jwk = json.loads(KEYS[GATEWAY].published())["keys"][0]
    return [*(key.public_bytes(*each) for each in encodings), jwk["x"].encode(), json.dumps(jwk).encode()]

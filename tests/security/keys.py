"""Tokens, good and forged: for the gateway as clients have them, for a service as the gateway makes them."""

import base64
import hmac
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from shared.auth.trust import GATEWAY
from tests.security.corpus import Service
from tests.support.client import ADMIN_PERMISSIONS, client_claims
from tests.support.internal_keys import internal_private_key
from tests.support.providers import OUTSIDE_ISSUER
from tests.support.stack import CLIENT_SECRET

ALGORITHMS: Mapping[str, str] = {"ed": "EdDSA", "ec": "ES256", "rsa": "RS256"}
"""The algorithm of each key the gateway knows, by its `kid`."""
SUBJECT = "tester"
"""Both organisations have a user of this name: what is kept for one must not be found by the other."""
HS256 = b'{"alg": "HS256"}'


@cache
def private(key_id: str) -> Any:
    """Made once for a run, since an RSA key takes a while."""
    makers: dict[str, Callable[[], Any]] = {
        "ed": ed25519.Ed25519PrivateKey.generate,
        "ec": lambda: ec.generate_private_key(ec.SECP256R1()),
        "rsa": lambda: rsa.generate_private_key(65537, 2048),
        "own": ed25519.Ed25519PrivateKey.generate,
    }
    return makers[key_id]()


def outside_key_set() -> str:
    """The public keys of the outside provider whose tokens the gateway accepts in this run."""
    return json.dumps({"keys": [public_jwk(key_id) | {"kid": key_id} for key_id in ALGORITHMS]})


def public_jwk(key_id: str) -> dict[str, Any]:
    algorithm = jwt.get_algorithm_by_name(ALGORITHMS.get(key_id, "EdDSA"))
    jwk: dict[str, Any] = algorithm.to_jwk(private(key_id).public_key(), as_dict=True)
    return jwk


def public_bytes(key_id: str, form: str) -> bytes:
    """A public key as somebody might mistake it for a shared secret: `raw`, `pem`, `der` or `jwk`."""
    return json.dumps(public_jwk(key_id)).encode() if form == "jwk" else _encoded(private(key_id).public_key(), form)


def _encoded(key: Any, form: str) -> bytes:
    match form:
        case "raw":
            octets: bytes = key.public_bytes_raw()
        case "jwk":
            octets = json.dumps(jwt.get_algorithm_by_name("EdDSA").to_jwk(key, as_dict=True)).encode()
        case _:
            encoding = serialization.Encoding.PEM if form == "pem" else serialization.Encoding.DER
            octets = key.public_bytes(encoding, serialization.PublicFormat.SubjectPublicKeyInfo)
    return octets


def b64(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


@dataclass(frozen=True)
class Keys:
    """What a place verifies with, and the claims of a token that is good there: at the gateway a shared secret."""

    secret: str
    claims: Mapping[str, Any]

    def good(self) -> str:
        return self.rightly()

    def rightly(self, payload: bytes | None = None, header: bytes | None = None, **changes: Any) -> str:
        """Rightly signed whatever header and payload say; `...` among the changes removes a claim."""
        return self.signed_with(self.secret.encode(), payload, header, **changes)

    def signed_with(
        self,
        secret: bytes,
        payload: bytes | None = None,
        header: bytes | None = None,
        digest: str = "sha256",
        **changes: Any,
    ) -> str:
        text = self.unsigned(payload, header, **changes)
        return f"{text}.{b64(hmac.digest(secret, text.encode(), digest))}"

    def unsigned(self, payload: bytes | None = None, header: bytes | None = None, **changes: Any) -> str:
        return f"{b64(header or HS256)}.{b64(self.payload(**changes) if payload is None else payload)}"

    def payload(self, **changes: Any) -> bytes:
        claims = {name: value for name, value in {**self.claims, **changes}.items() if value is not ...}
        return json.dumps(claims).encode()

    def by_key(
        self, key_id: str, header: Mapping[str, Any] | None = None, algorithm: str = "", iss: str = OUTSIDE_ISSUER
    ) -> str:
        """Of the outside provider: signed with a private key, under its own `kid` unless the header says otherwise."""
        members = {"kid": key_id} if header is None else dict(header)
        name = algorithm or ALGORITHMS.get(key_id, "EdDSA")
        return jwt.encode({**self.claims, "iss": iss}, private(key_id), name, headers=members)

    def by_issuer(self, issuer: str, **changes: Any) -> str:
        """Signed with the internal key of the gateway or a service, under its own `kid`."""
        return ed25519_signed(issuer, json.dumps({"alg": "EdDSA"}).encode(), self.payload(**changes))


class ServiceKeys(Keys):
    """At a service, the gateway's internal key; `secret` is the public one, as somebody might mistake it for one.

    A header that names the algorithm of clients' tokens names that of internal ones instead, and the key's `kid`.
    """

    def rightly(self, payload: bytes | None = None, header: bytes | None = None, **changes: Any) -> str:
        header = (header or HS256).replace(b'"HS256"', b'"EdDSA"')
        return ed25519_signed(GATEWAY, header, self.payload(**changes) if payload is None else payload)


def ed25519_signed(issuer: str, header: bytes, payload: bytes) -> str:
    key_id, key = internal_private_key(issuer)
    if header.startswith(b"{") and b'"kid"' not in header:
        header = header.replace(b"{", b'{"kid": "' + key_id.encode() + b'", ', 1)
    text = f"{b64(header)}.{b64(payload)}"
    return f"{text}.{b64(key.sign(text.encode()))}"


def internal_public_bytes(form: str) -> bytes:
    """The gateway's public internal key: `raw`, `pem`, `der` or `jwk`."""
    return _encoded(internal_private_key(GATEWAY)[1].public_key(), form)


def keys_of(place: Literal["gateway"] | Service, organisation: int) -> Keys:
    if place == "gateway":
        # Good for an hour: a run of everything may take that long.
        return Keys(CLIENT_SECRET, client_claims(organisation, sub=SUBJECT, exp=int(time.time()) + 3600))
    now = int(time.time())
    claims = {
        "iss": GATEWAY,
        "aud": place,
        "jti": "corpus",
        "sub": SUBJECT,
        "org": organisation,
        "iat": now,
        "exp": now + 3600,
        "name": "Tester",
        "user_type": "staff",
        "permissions": list(ADMIN_PERMISSIONS),
    }
    return ServiceKeys(internal_public_bytes("raw").hex(), claims)


def flipped(token: str, part: int) -> str:
    """The token with one bit of one of its three parts turned."""
    parts = token.split(".")
    octets = bytearray(base64.urlsafe_b64decode(parts[part] + "=="))
    octets[len(octets) // 2] ^= 1
    parts[part] = b64(bytes(octets))
    return ".".join(parts)

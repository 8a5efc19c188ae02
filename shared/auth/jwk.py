"""JSON Web Keys (RFC 7517): public keys that verify tokens, and private sets whose first key signs them."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

Algorithm = Literal["EdDSA", "ES256", "RS256"]
"""Asymmetric algorithms. Client tokens may also be signed with HS256, which has no public key."""

_ALGORITHM_OF: Mapping[tuple[str, str | None], Algorithm] = {
    ("OKP", "Ed25519"): "EdDSA",
    ("EC", "P-256"): "ES256",
    ("RSA", None): "RS256",
}
"""Key type and curve determine the one algorithm of a key (RFC 8725, section 3.1)."""
_PUBLIC_MEMBERS = ("kty", "crv", "x", "y", "n", "e", "kid", "use", "alg")
_MIN_RSA_BITS = 2048
_JWS = jwt.PyJWS()
MAX_KEYS = 100
MAX_KEY_ID = 128
"""Maximum length of a signing key's `kid`, which every token carries."""


class KeyInvalid(ValueError):
    """A JSON Web Key that cannot be used."""


@dataclass(frozen=True, slots=True)
class Key:
    """A public key and its one algorithm; `jwk` contains nothing private."""

    id: str
    algorithm: Algorithm
    material: jwt.PyJWK
    jwk: Mapping[str, str]


Keys = Mapping[str, Key]
"""Public keys by their `kid`."""


def public_key(jwk: Mapping[str, Any]) -> Key:
    """The public part of a JSON Web Key; raises `KeyInvalid`."""
    public = {name: jwk[name] for name in _PUBLIC_MEMBERS if name in jwk}
    if not all(isinstance(value, str) for value in public.values()) or not public.get("kid"):
        raise KeyInvalid("a key needs a kid, and text in every member")
    algorithm = _ALGORITHM_OF.get((public.get("kty", ""), public.get("crv")))
    if algorithm is None or public.get("alg", algorithm) != algorithm or public.get("use", "sig") != "sig":
        raise KeyInvalid(f"the key {public['kid']} is not for signatures by EdDSA, ES256 or RS256")
    material = _material(public, algorithm)
    if algorithm == "RS256" and material.key.key_size < _MIN_RSA_BITS:
        raise KeyInvalid(f"the key {public['kid']} has less than {_MIN_RSA_BITS} bits")
    return Key(public["kid"], algorithm, material, {**public, "alg": algorithm, "use": "sig"})


def _material(jwk: Mapping[str, Any], algorithm: Algorithm) -> jwt.PyJWK:
    try:
        return jwt.PyJWK(dict(jwk), algorithm=algorithm)
    except (jwt.PyJWTError, ValueError, TypeError) as error:
        raise KeyInvalid(f"the key {jwk.get('kid')} cannot be read: {error}") from None


@dataclass(frozen=True, slots=True)
class PrivateKeySet:
    """The first key signs and all verify, so a new key can be published before it is used."""

    signing: jwt.PyJWK
    algorithm: Algorithm
    key_id: str
    keys: Keys

    def sign(self, claims: Mapping[str, Any], *, typ: str = "JWT") -> str:
        """A compact JWT with this header `typ`.

        Its claims are UTF-8: an escaped non-ASCII character would take six or twelve bytes.
        """
        payload = json.dumps(claims, ensure_ascii=False, separators=(",", ":")).encode()
        return _JWS.encode(payload, self.signing, self.algorithm, headers={"kid": self.key_id, "typ": typ})

    def published(self) -> str:
        """The public key set, as JSON text."""
        return json.dumps({"keys": [key.jwk for key in self.keys.values()]})


def parse_private_keys(text: str) -> PrivateKeySet:
    """A private JWK set; raises `KeyInvalid`."""
    try:
        jwks = json.loads(text)["keys"]
        keys = {key.id: key for key in map(public_key, jwks)}
        first = jwks[0]
        if len(keys) != len(jwks) or len(keys) > MAX_KEYS or "d" not in first:
            raise KeyInvalid("each key needs a kid of its own, and the first one its private part")
    except (KeyError, IndexError, TypeError, AttributeError, json.JSONDecodeError):
        raise KeyInvalid("the file is not a JWK set") from None
    signing = keys[first["kid"]]
    if len(signing.id) > MAX_KEY_ID:
        raise KeyInvalid(f"the kid of the first key is longer than {MAX_KEY_ID} characters")
    return PrivateKeySet(_material(first, signing.algorithm), signing.algorithm, signing.id, keys)


def new_private_keys() -> str:
    """A private JWK set with one new Ed25519 key, as JSON text."""
    return json.dumps({"keys": [new_private_key("EdDSA")]}, indent=2) + "\n"


def new_private_key(algorithm: Algorithm) -> dict[str, str]:
    """A new private JWK; its `kid` is its thumbprint (RFC 7638, section 3.2).

    One that begins with a hyphen would be an option on command lines: then another key is made.
    """
    while True:
        members = _generated(algorithm)
        key_id = _thumbprint(members)
        if not key_id.startswith("-"):
            return {**members, "kid": key_id, "alg": algorithm, "use": "sig"}


def _thumbprint(members: Mapping[str, str]) -> str:
    public = {name: members[name] for name in ("crv", "e", "kty", "n", "x", "y") if name in members}
    thumbprint = hashlib.sha256(json.dumps(public, sort_keys=True, separators=(",", ":")).encode()).digest()
    return jwt.utils.base64url_encode(thumbprint).decode()


def _generated(algorithm: Algorithm) -> dict[str, str]:
    match algorithm:
        case "EdDSA":
            made = OKPAlgorithm.to_jwk(Ed25519PrivateKey.generate(), as_dict=True)
        case "ES256":
            made = ECAlgorithm.to_jwk(ec.generate_private_key(ec.SECP256R1()), as_dict=True)
        case "RS256":
            made = RSAAlgorithm.to_jwk(rsa.generate_private_key(65_537, _MIN_RSA_BITS), as_dict=True)
    return {name: value for name, value in made.items() if isinstance(value, str) and name not in ("kid", "alg", "use")}

"""How clients' tokens are signed: as most providers do, and by the one that is cheapest to verify each time."""

import json
from dataclasses import dataclass
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import RSAAlgorithm

from bench.bed import Bed, System

KEY_ID, ISSUER = "bench", "https://provider.example"
CLAIMS = {
    "organisation": {"path": "org", "any_organisation": True},
    "name": "name",
    "user_type": "user_type",
    "permissions": "permissions",
    "rate_limit": "rate_limit",
}
"""The provider calls them as we do."""
BITS = 2048


@dataclass(frozen=True)
class Signing:
    """An algorithm, what signs by it, and what HAProxy verifies it with: a secret, or the file of a public key."""

    algorithm: str
    key: Any
    haproxy_key: str
    gateway: dict[str, str]
    """The gateway's settings."""
    issuer: str = "muster"

    def sign(self, claims: dict[str, Any]) -> str:
        return jwt.encode({**claims, "iss": self.issuer}, self.key, algorithm=self.algorithm, headers={"kid": KEY_ID})


def shared_secret(system: System) -> Signing:
    """HS256: nothing is cheaper to verify, and whoever verifies could sign as well."""
    secret = system.installed.client_secret
    return Signing("HS256", secret, secret, {"CLIENT_TOKEN_SECRET": secret})


def key_pair(bed: Bed) -> Signing:
    """RS256: what OpenID providers sign with unless told otherwise (OpenID Connect Core, section 2)."""
    private = rsa.generate_private_key(public_exponent=65537, key_size=BITS)
    directory = bed.servers.layout.data
    public_file, keys_file = directory / "client-key.pem", directory / "client-keys.json"
    public_file.write_bytes(private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    jwk = json.loads(RSAAlgorithm.to_jwk(private.public_key())) | {"kid": KEY_ID, "alg": "RS256", "use": "sig"}
    keys_file.write_text(json.dumps({"keys": [{name: jwk[name] for name in jwk if name != "key_ops"}]}))
    provider = {"issuer": ISSUER, "audience": "muster-api", "key_set_file": str(keys_file), "claims": CLAIMS}
    return Signing("RS256", private, str(public_file), {"PROVIDERS": json.dumps([provider])}, issuer=ISSUER)

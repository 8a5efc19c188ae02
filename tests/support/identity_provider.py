"""An identity provider of a test's own, which publishes its keys over HTTP (RFC 7517)."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import jwt
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from tests.support.client import client_claims
from tests.support.stack import serving


@dataclass
class Provider:
    """Publishes whatever keys the test gives it; `asked` counts how often it was asked for them."""

    url: str = ""
    private: dict[str, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey] = field(default_factory=dict)
    broken: bool = False
    asked: int = 0
    frozen: asyncio.Event | None = None
    issuer: str = ""
    """What its metadata calls it, if not by its address."""
    padding: int = 0
    """Bytes more than its key set needs."""
    moved_to: str = ""

    def add_key(self, name: str) -> None:
        self.private[name] = ec.generate_private_key(ec.SECP256R1())

    def add_rsa_key(self, name: str) -> None:
        self.private[name] = rsa.generate_private_key(65537, 2048)

    def signed(self, name: str, claims: Mapping[str, Any], **header: Any) -> str:
        """A token with these claims, of whatever types."""
        key = self.private[name]
        header = {"typ": "JWT", "kid": name, **header}
        return jwt.PyJWS().encode(json.dumps(claims).encode(), key, _algorithm(key), headers=header)

    def token(self, name: str, organisation: int, **changes: Any) -> str:
        claims = client_claims(organisation, **({"iss": self.url, "aud": "training"} | changes))
        return self.signed(name, claims)

    async def key_set(self, _: web.Request) -> web.Response:
        self.asked += 1
        if self.frozen is not None:
            await self.frozen.wait()
        if self.broken:
            return web.Response(status=500)
        if self.moved_to:
            return web.Response(status=302, headers={"Location": self.moved_to})
        jwks = [{**_public_jwk(key), "kid": kid} for kid, key in self.private.items()]
        passed_over = {"kty": "oct", "kid": "passed over", "k": "x" * (1 + self.padding)}
        return web.json_response({"keys": [passed_over, *jwks]})

    async def metadata(self, _: web.Request) -> web.Response:
        return web.json_response({"issuer": self.issuer or self.url, "jwks_uri": f"{self.url}/keys"})


def _algorithm(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> str:
    return "ES256" if isinstance(key, ec.EllipticCurvePrivateKey) else "RS256"


def _public_jwk(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> dict[str, Any]:
    return dict(jwt.get_algorithm_by_name(_algorithm(key)).to_jwk(key.public_key(), as_dict=True))


@asynccontextmanager
async def identity_provider() -> AsyncIterator[Provider]:
    """It has one key, `first`, and publishes at `/keys`; `/metadata` says so."""
    provider = Provider()
    provider.add_key("first")
    app = web.Application()
    app.router.add_get("/keys", provider.key_set)
    app.router.add_get("/metadata", provider.metadata)
    async with serving(app) as provider.url:
        yield provider

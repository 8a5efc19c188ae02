"""An identity provider of a test's own, which publishes its keys over HTTP (RFC 7517)."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import jwt
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import ec

from tests.support.client import client_claims
from tests.support.stack import serving


@dataclass
class Provider:
    """Publishes whatever keys the test gives it; `asked` counts how often it was asked for them."""

    url: str = ""
    private: dict[str, ec.EllipticCurvePrivateKey] = field(default_factory=dict)
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

    def token(self, name: str, organisation: int, **changes: Any) -> str:
        claims = client_claims(organisation, **({"iss": self.url, "aud": "training"} | changes))
        return jwt.encode(claims, self.private[name], "ES256", headers={"kid": name})

    async def key_set(self, _: web.Request) -> web.Response:
        self.asked += 1
        if self.frozen is not None:
            await self.frozen.wait()
        if self.broken:
            return web.Response(status=500)
        if self.moved_to:
            return web.Response(status=302, headers={"Location": self.moved_to})
        algorithm = jwt.get_algorithm_by_name("ES256")
        jwks = [{**algorithm.to_jwk(key.public_key(), as_dict=True), "kid": kid} for kid, key in self.private.items()]
        passed_over = {"kty": "oct", "kid": "passed over", "k": "x" * (1 + self.padding)}
        return web.json_response({"keys": [passed_over, *jwks]})

    async def metadata(self, _: web.Request) -> web.Response:
        return web.json_response({"issuer": self.issuer or self.url, "jwks_uri": f"{self.url}/keys"})


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

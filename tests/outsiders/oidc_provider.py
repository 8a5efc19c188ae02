"""npm's oidc-provider in a process of its own (`node/provider.js`): issues tokens, rotates its keys, goes away."""

import asyncio
import json
import os
import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import aiohttp
import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from stack.config.ports import reserve_port
from tests.support.eventually import DEADLINE

Algorithm = Literal["RS256", "ES256"]
ALGORITHMS: tuple[Algorithm, ...] = ("RS256", "ES256")
AUDIENCE = "training"
CLIENT = "learning-platform"


def node(program: str) -> tuple[str, ...]:
    """The command that runs one of the outsiders. Node.js 18 needs the option, for which later versions have no use."""
    return os.environ["NODE"], "--experimental-global-webcrypto", str(Path(os.environ["OUTSIDERS"]) / program)


def new_keys() -> list[dict[str, Any]]:
    """A private key for each algorithm, without `kid`: the provider names keys by their thumbprint (RFC 7638)."""
    private = (rsa.generate_private_key(65537, 2048), ec.generate_private_key(ec.SECP256R1()))
    return [_jwk(algorithm, key) for algorithm, key in zip(ALGORITHMS, private, strict=True)]


def _jwk(algorithm: Algorithm, private: Any) -> dict[str, Any]:
    members = jwt.get_algorithm_by_name(algorithm).to_jwk(private, as_dict=True)
    members.pop("key_ops", None)  # RFC 7517, section 4.3, wants no "use" beside it
    return {**members, "use": "sig", "alg": algorithm}


@dataclass
class OidcProvider:
    """`claims` are those that it adds to each token of its one client. Changes count from the next start."""

    folder: Path
    claims: Mapping[str, Any]
    audience: str = AUDIENCE
    keys: list[dict[str, Any]] = field(default_factory=new_keys)
    port: int = field(default_factory=reserve_port)
    secret: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    _process: asyncio.subprocess.Process | None = None

    @property
    def issuer(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def metadata_url(self) -> str:
        return f"{self.issuer}/.well-known/openid-configuration"

    @property
    def is_running(self) -> bool:
        return self._process is not None

    async def start(self) -> None:
        """Returns once it serves."""
        client = {"client_id": CLIENT, "client_secret": self.secret, "claims": self.claims}
        settings = self.folder / "provider.json"
        settings.write_text(
            json.dumps({"port": self.port, "jwks": {"keys": self.keys}, "audience": self.audience, "clients": [client]})
        )
        self._process = await asyncio.create_subprocess_exec(
            *node("provider.js"), str(settings), stdout=asyncio.subprocess.PIPE
        )
        assert self._process.stdout is not None
        assert await asyncio.wait_for(self._process.stdout.readline(), DEADLINE) == b"listening\n"

    async def stop(self) -> None:
        """At once; nothing listens at its address any more."""
        if self._process is not None:
            self._process.kill()
            await self._process.wait()
            self._process = None

    async def restart(self) -> None:
        await self.stop()
        await self.start()

    async def rotate(self) -> None:
        """New keys sign from now on; those before are gone."""
        self.keys = new_keys()
        await self.restart()

    def public_key(self, algorithm: Algorithm) -> Any:
        """Of the key that signs by it now."""
        return jwt.PyJWK(next(key for key in self.keys if key["alg"] == algorithm)).key.public_key()

    async def token(self, http: aiohttp.ClientSession, algorithm: Algorithm | None) -> str:
        """As its client gets one, by its credentials (RFC 6749, section 4.4); without an algorithm for no resource."""
        resource = {} if algorithm is None else {"resource": f"https://training.example/{algorithm}"}
        form = {"grant_type": "client_credentials", **resource}
        headers = {"Authorization": aiohttp.encode_basic_auth(CLIENT, self.secret)}
        async with http.post(f"{self.issuer}/token", data=form, headers=headers) as response:
            answer = await response.json()
        assert response.status == 200, answer
        return str(answer["access_token"])


@asynccontextmanager
async def oidc_provider(folder: Path, claims: Mapping[str, Any]) -> AsyncIterator[OidcProvider]:
    provider = OidcProvider(folder, claims)
    try:
        await provider.start()
        yield provider
    finally:
        await provider.stop()

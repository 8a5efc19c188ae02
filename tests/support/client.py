"""A client as the API's users write one: a token, and JSON back and forth."""

import json
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import jwt
from multidict import CIMultiDictProxy

from shared.http.event_stream import EVENT_STREAM
from tests.support.declared import check_against_declaration

ADMIN_PERMISSIONS = (
    "api.access",
    "training.view",
    "training.enroll",
    "training.record",
    "training.manage",
    "accounts.manage",
    "events.view",
    "webhooks.manage",
    "platform.manage",
)
"""All that a client can have; no role has the last."""
INTERNAL_PERMISSIONS = ("internal.seats", "internal.sessions", "internal.states", "internal.known")
"""Those that services have when they ask each other, each of its own."""
UNLIMITED = 1_000_000
"""A rate that no test reaches; those that test the limit set their own."""


@dataclass(frozen=True)
class Answer:
    """`text` is what came over the wire: numbers keep their digits there."""

    status: int
    headers: CIMultiDictProxy[str]
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)

    @property
    def is_by_gateway(self) -> bool:
        """Whether the gateway passed it on or gave it: it alone adds this header."""
        return "X-Content-Type-Options" in self.headers

    @property
    def data(self) -> Any:
        return self.json["data"]


async def _text(response: aiohttp.ClientResponse) -> str:
    """Of a stream of events the first: there is no last."""
    if response.content_type == EVENT_STREAM and response.method != "HEAD":
        return (await response.content.readuntil(b"\n\n")).decode()
    return await response.text()


@dataclass(frozen=True)
class Client:
    """Calls one address with one token."""

    http: aiohttp.ClientSession
    url: str
    token: str | None
    of_services: bool = True
    """Whether services answer, and not stand-ins of theirs: then good answers are as the routes declare them."""
    sends: Mapping[str, str] = field(default_factory=dict)
    """Headers of every request."""

    async def request(self, method: str, path: str, *, headers: dict[str, str] | None = None, **options: Any) -> Answer:
        authorization = {"Authorization": f"Bearer {self.token}"} if self.token is not None else {}
        async with self.http.request(
            method, self.url + path, headers={**authorization, **self.sends, **(headers or {})}, **options
        ) as response:
            answer = Answer(response.status, response.headers, await _text(response))
        if self.of_services:
            check_against_declaration(
                method, path, answer.status, answer.text, by_gateway=answer.is_by_gateway, headers=answer.headers
            )
        return answer

    async def get(self, path: str, **query: Any) -> Answer:
        return await self.request("GET", path, params={name: str(value) for name, value in query.items()})

    async def post(self, path: str, body: Any, **headers: str) -> Answer:
        return await self.request("POST", path, json=body, headers=headers)

    async def patch(self, path: str, body: Any = None, **headers: str) -> Answer:
        return await self.request("PATCH", path, headers=headers, **({} if body is None else {"json": body}))

    async def put(self, path: str, body: Any) -> Answer:
        return await self.request("PUT", path, json=body)

    async def delete(self, path: str, **headers: str) -> Answer:
        return await self.request("DELETE", path, headers=headers)


def new_organisation() -> int:
    """An organisation of a test's own."""
    return secrets.randbelow(2**40) + 1000


def client_claims(organisation: int, **changes: Any) -> dict[str, Any]:
    """The claims of an administrator's token; `None` among the changes removes one."""
    now = int(time.time())
    claims = {
        "iss": "muster",
        "aud": "muster-api",
        "sub": secrets.token_hex(8),
        "org": organisation,
        "iat": now,
        "exp": now + 600,
        "jti": secrets.token_hex(16),
        "name": "Test Admin",
        "user_type": "staff",
        "permissions": list(ADMIN_PERMISSIONS),
        "rate_limit": UNLIMITED,
    } | changes
    return {name: value for name, value in claims.items() if value is not None}


def client_token(secret: str, organisation: int, **changes: Any) -> str:
    return jwt.encode(client_claims(organisation, **changes), secret, algorithm="HS256")

"""Credentials as their holders ask for them, and as a verifier that others wrote reads them."""

import asyncio
import json
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import jwt
from openbadgeslib.ob3 import OB3Verifier

from shared.http.accept import VC_JWT_TYPE
from tests.support.client import Answer, Client
from tests.support.lifecycle import changed
from tests.support.stack import Stack
from tests.support.world import BEGUN, ENROLLMENTS, enroll, new_course, new_employee, new_session

PDF = "application/pdf"
COURSE = {"title": "Working at Heights", "pass_score": 70, "validity_months": 24}


async def completed(client: Client, person: int | None = None, **course: Any) -> int:
    """The id of an enrollment that certifies."""
    session_id = await new_session(client, await new_course(client, **COURSE | course), **BEGUN)
    person = person or await new_employee(client, full_name="Jane Roe")
    [enrollment_id] = await enroll(client, session_id, person)
    await changed(client, enrollment_id, "complete", {"score": 80})
    return enrollment_id


async def ask(client: Client, row_id: int, path: str = ENROLLMENTS, accept: str = "application/json") -> Answer:
    return await client.request("GET", f"{path}/{row_id}/credential", headers={"Accept": accept})


async def credential_of(client: Client, row_id: int, path: str = ENROLLMENTS) -> dict[str, Any]:
    """The data of the answer."""
    answer = await ask(client, row_id, path)
    assert answer.status == 200, answer.text
    return dict(answer.data)


async def certificate_of(client: Client, row_id: int, path: str = ENROLLMENTS) -> bytes:
    """The PDF."""
    headers = {"Authorization": f"Bearer {client.token}", "Accept": PDF}
    async with client.http.get(f"{client.url}{path}/{row_id}/credential", headers=headers) as response:
        assert (response.status, response.content_type) == (200, PDF), await response.read()
        return await response.read()


async def page_of(stack: Stack, code: str) -> Answer:
    """What whoever scans the code sees, without a token."""
    return await stack.anonymous().request("GET", f"/verify/{code}", headers={"Accept": "text/html,*/*;q=0.8"})


def claims_in(token: str) -> dict[str, Any]:
    """Whoever signed them."""
    found: dict[str, Any] = json.loads(jwt.utils.base64url_decode(token.split(".")[1]))
    return found


Change = Callable[[str, bytes], bytes]


@dataclass
class Stranger:
    """Knows openbadgeslib and an address. It asks over TLS, which nobody speaks here: so its fetcher does not."""

    change: Change = lambda _, body: body
    """What becomes of an answer on its way, by its address."""
    asked: list[str] = field(default_factory=list)

    def download(self, url: str) -> bytes:
        self.asked.append(url)
        request = urllib.request.Request(  # noqa: S310 - of an address on this machine
            url.replace("https://", "http://"), headers={"Accept": VC_JWT_TYPE}
        )
        with urllib.request.urlopen(request, timeout=10) as response:  # noqa: S310
            return self.change(url, response.read())

    async def verify_address(self, address: str) -> Any:
        """The credential that is there, as openbadgeslib reads it; raises what it raises, and `HTTPError`."""
        return await asyncio.to_thread(lambda: self._verified(self.download(address).decode()))

    async def verify(self, token: str) -> Any:
        """Raises `OB3VerificationError`."""
        return await asyncio.to_thread(self._verified, token)

    def _verified(self, token: str) -> Any:
        issuer = claims_in(token)["iss"]
        verifier = OB3Verifier.for_issuer_did(issuer, download=self.download)
        return verifier.verify(token, check_status=True, download=self.download)

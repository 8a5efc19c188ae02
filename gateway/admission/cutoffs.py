"""Tokens that are refused before they expire, by subject or by organisation, as accounts keeps them.

Every process follows that list by itself, and goes on with what it knows while accounts is unavailable.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import KW_ONLY, dataclass, field
from typing import Annotated, Final, Literal

import aiohttp
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from gateway.auth.client_claims import MAX_AGE
from gateway.auth.client_token import ClientToken
from shared.auth.internal_token import LEEWAY
from shared.errors import MalformedJson, TokenInvalid, TooManyValues
from shared.validation.fields import MAX_ID
from shared.validation.strict_json import parse_json

log = logging.getLogger(__name__)

INTERVAL: Final = 0.4
"""Seconds between two requests: with the time they take, a token is refused within a second."""
TIMEOUT: Final = aiohttp.ClientTimeout(total=2.0)
PAGE: Final = 1000
"""Rows of a page; fewer are the last ones."""
MAX_PAGE_BYTES: Final = 4 * 1024 * 1024
_MAX_VALUES: Final = 10 * PAGE
_TIDIED_FROM: Final = 10_000

Number = Annotated[int, Field(ge=0, le=MAX_ID)]


class CutOff(BaseModel):
    """One line of the list. `before`: tokens issued until this second are refused."""

    model_config = ConfigDict(strict=True, extra="ignore", frozen=True)

    seq: Number
    kind: Literal["subject", "suspended", "resumed"]
    issuer: str | None = None
    organisation_id: Number
    subject: str | None = None
    before: Number = 0


class Page(BaseModel):
    model_config = ConfigDict(strict=True, extra="ignore", frozen=True)

    revocations: list[CutOff] = Field(max_length=PAGE)
    newest: Number


class CutOffs:
    """What is known of the list. `version` changes with it, so that each token is looked up once for each change."""

    def __init__(self) -> None:
        self.version = 0
        self._before: dict[tuple[str, int, str], int] = {}
        self._suspended: set[int] = set()
        self._tidied_from = _TIDIED_FROM

    def check(self, token: ClientToken) -> None:
        """Raises `TokenInvalid` for a token that is refused; notes in any other that it was looked up."""
        caller = token.caller
        if caller.organisation_id in self._suspended:
            raise TokenInvalid("The organisation is suspended.", reason="suspended")
        before = self._before.get((token.issuer, caller.organisation_id, caller.subject))
        if before is not None and token.issued_at <= before:
            raise TokenInvalid("The token was revoked.", reason="revoked")
        token.checked = self.version

    def learn(self, listed: list[CutOff]) -> None:
        """Takes over what came since, in its order."""
        for cut_off in listed:
            self._learn(cut_off)
        self.version += 1
        if len(self._before) > self._tidied_from:
            self._tidy()

    def _learn(self, cut_off: CutOff) -> None:
        if cut_off.kind == "suspended":
            self._suspended.add(cut_off.organisation_id)
        elif cut_off.kind == "resumed":
            self._suspended.discard(cut_off.organisation_id)
        else:
            key = (cut_off.issuer or "", cut_off.organisation_id, cut_off.subject or "")
            self._before[key] = max(cut_off.before, self._before.get(key, 0))

    def _tidy(self) -> None:
        """Forgets what no token is old enough for any more."""
        oldest = time.time() - MAX_AGE - LEEWAY
        self._before = {key: before for key, before in self._before.items() if before >= oldest}
        self._tidied_from = max(_TIDIED_FROM, 2 * len(self._before))


class ListUnreadable(Exception):
    """What accounts answered is no page of the list."""


@dataclass(eq=False)
class CutOffReader:
    """Follows the list at `url`, from where it is; `headers` say who asks."""

    session: aiohttp.ClientSession
    url: str
    headers: Callable[[], Mapping[str, str]]
    cut_offs: CutOffs
    _: KW_ONLY
    interval: float = INTERVAL
    _newest: int = 0
    _has_read_all: bool = False
    _problem: str | None = field(default=None, init=False)

    async def has_read_all(self) -> bool:
        """Whether all was read once that there was."""
        return self._has_read_all

    async def follow(self) -> None:
        """Runs for as long as the process does."""
        while True:
            if await self._read_page() < PAGE:
                await asyncio.sleep(self.interval)

    async def _read_page(self) -> int:
        """How many lines came."""
        try:
            page = await self._download()
        except (aiohttp.ClientError, TimeoutError, OSError, ListUnreadable) as error:
            self._note(str(error) or type(error).__name__)
            return 0
        listed = page.revocations
        if page.newest < self._newest:
            log.warning("the list of revoked tokens is an earlier one than was read before: reading it again")
            self._newest = 0
            return PAGE
        if listed and listed[-1].seq <= self._newest:
            self._note("accounts answered with what was read before")
            return 0
        if listed:
            self.cut_offs.learn(listed)
            self._newest = listed[-1].seq
        self._note(None)
        self._has_read_all = self._has_read_all or len(listed) < PAGE
        return len(listed)

    async def _download(self) -> Page:
        asked = {"after": str(self._newest)}
        async with self.session.get(
            self.url, params=asked, headers=self.headers(), timeout=TIMEOUT, allow_redirects=False
        ) as response:
            if response.status != 200:
                raise ListUnreadable(f"accounts answered {response.status}")
            body = bytearray()
            async for chunk in response.content.iter_any():
                body += chunk
                if len(body) > MAX_PAGE_BYTES:
                    raise ListUnreadable("accounts answered with too much")
        return _parsed(bytes(body))

    def _note(self, problem: str | None) -> None:
        """One line for each reason why the list cannot be read, and one when it can again."""
        if problem == self._problem:
            return
        if problem is not None:
            log.warning("accounts cannot be asked which tokens are revoked, going on with what is known: %s", problem)
        else:
            log.warning("accounts says again which tokens are revoked")
        self._problem = problem


def _parsed(body: bytes) -> Page:
    try:
        return Page.model_validate(parse_json(body, _MAX_VALUES))
    except (MalformedJson, TooManyValues, ValidationError):
        raise ListUnreadable("accounts answered with no list") from None

"""Which pages of other origins may read answers in a browser: CORS (Fetch, section 3.2).

Without credentials: a page sends its bearer token itself, and no cookie says who asks.
"""

from collections.abc import Collection
from dataclasses import KW_ONLY, dataclass, field
from typing import Final

from shared.http.request import Request
from shared.http.server.response_bytes import ResponseBytes

ANY_ORIGIN: Final = "*"
MAX_AGE: Final = 7200
"""Seconds for which a browser may remember a preflight; Chromium remembers none for longer."""


@dataclass(slots=True)
class Cors:
    """`origins` are compared exactly; `ANY_ORIGIN` among them stands for all.

    Pages may send requests with these methods and headers, and read the `exposed` headers of answers.
    """

    origins: Collection[str]
    _: KW_ONLY
    methods: Collection[str]
    headers: Collection[str]
    exposed: Collection[str]
    _lines: dict[str, str] = field(init=False, repr=False)
    _lines_for_others: str = field(init=False, repr=False)
    _preflight_lines: bytes = field(init=False, repr=False)

    def __post_init__(self) -> None:
        exposed = f"Access-Control-Expose-Headers: {', '.join(sorted(self.exposed))}\r\n"
        each = {origin: f"Access-Control-Allow-Origin: {origin}\r\n{exposed}" for origin in self.origins}
        if ANY_ORIGIN in each:
            self._lines, self._lines_for_others = {}, each[ANY_ORIGIN]
        else:
            vary = "Vary: Origin\r\n"
            self._lines, self._lines_for_others = {origin: lines + vary for origin, lines in each.items()}, vary
        self._preflight_lines = (
            f"Access-Control-Allow-Methods: {', '.join(sorted(self.methods))}\r\n"
            f"Access-Control-Allow-Headers: {', '.join(sorted(self.headers))}\r\n"
            f"Access-Control-Max-Age: {MAX_AGE}\r\nCache-Control: no-store\r\n"
        ).encode()

    def lines(self, request: Request) -> str:
        """Header lines of every answer to it. All answers differ by `Origin`, also those to requests without it, unless
        every origin gets the same."""
        return self._lines.get(request.headers.get("Origin", ""), self._lines_for_others)

    def is_preflight(self, request: Request) -> bool:
        """Whether a browser asks if a page of an accepted origin may send a request."""
        headers = request.headers
        if request.method != "OPTIONS" or "Access-Control-Request-Method" not in headers:
            return False
        origin = headers.get("Origin")
        return origin is not None and (origin in self._lines or ANY_ORIGIN in self.origins)

    async def preflight(self) -> ResponseBytes:
        """The same for each path: the request itself learns what there is, and its page can read that."""
        return ResponseBytes(204, self._preflight_lines, b"")

"""Answers requests for documents. All of them are read when the process starts and kept ready, compressed and not, so
that an answer costs no more than its bytes.
"""

import gzip
import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Final

from gateway.edge.documents import HOME, JSON, KEPT, LINKS, NO_CONTENT, ROOT, Document
from shared.errors import ApiError, NotFound
from shared.http.conditional import read_conditions
from shared.http.errors import MethodNotAllowed
from shared.http.request import Headers, Request
from shared.http.server.responder import Answering
from shared.http.server.response_bytes import ResponseBytes

_BEST: Final = 9
"""How well gzip compresses: it is done once."""
_REFUSED = re.compile(r"q=0(\.0{0,3})?\Z")
"""The weight of what a client does not want (RFC 9110, section 12.4.2)."""


@dataclass(frozen=True, slots=True)
class Representation:
    """One form of a document, ready to be sent. `lines` and `body_lines` are header lines, each with its end."""

    etag: str
    lines: bytes
    """Those that a 304 has as well (RFC 9110, section 15.4.5)."""
    body_lines: bytes
    body: bytes

    async def answer(self, known: frozenset[str]) -> ResponseBytes:
        """Without the body if the client has it: `known` are the tags that it named."""
        if known & {self.etag, "*"}:
            return ResponseBytes(304, self.lines, b"")
        return ResponseBytes(200, self.lines + self.body_lines, self.body)


@dataclass(frozen=True, slots=True)
class Representations:
    """A document as it is, and compressed."""

    plain: Representation
    compressed: Representation

    def best_for(self, headers: Headers) -> Representation:
        return self.compressed if accepts(headers, "Accept-Encoding", "gzip") else self.plain


class DocumentHandler:
    """A query does not matter: no document depends on one."""

    def __init__(self, documents: Iterable[Document]) -> None:
        """Raises `OSError` for a file that is missing."""
        self._served: Mapping[str, Representations] = {each.path: _read(each) for each in documents}
        links = json.dumps({"success": True, "data": {"name": "Muster", "links": LINKS}}).encode()
        self._links = _ready(
            links, gzip.compress(links, _BEST, mtime=0), Document(HOME.path, "", JSON, NO_CONTENT, KEPT)
        )

    def handle(self, request: Request) -> Answering | ApiError:
        path = request.target.path
        found = self._served.get(path)
        if found is None:
            return NotFound()
        request.route = path
        if request.method != "GET":
            return MethodNotAllowed(["GET"])
        if path == HOME.path and not accepts(request.headers, "Accept", "text/html"):
            found = self._links
        conditions = read_conditions([], request.headers.getall("If-None-Match", []))
        return found.best_for(request.headers).answer(conditions.if_none_match or frozenset())


def accepts(headers: Headers, name: str, wanted: str) -> bool:
    """Whether the client names this coding or media type as one that it wants (RFC 9110, section 12.5)."""
    for item in ",".join(headers.getall(name, [])).lower().split(","):
        named, *parameters = [part.strip() for part in item.split(";")]
        if named == wanted:
            return not any(map(_REFUSED.match, parameters))
    return False


@cache
def _read(document: Document) -> Representations:
    content = (ROOT / document.file).read_bytes()
    if document.file.endswith(".gz"):
        return _ready(gzip.decompress(content), content, document)
    return _ready(content, gzip.compress(content, _BEST, mtime=0), document)


def _ready(plain: bytes, compressed: bytes, document: Document) -> Representations:
    checksum = hashlib.sha256(plain).hexdigest()[:32]
    return Representations(
        _representation(plain, f'"{checksum}"', document),
        _representation(compressed, f'"{checksum}-gzip"', document, "Content-Encoding: gzip\r\n"),
    )


def _representation(body: bytes, etag: str, document: Document, coding: str = "") -> Representation:
    vary = "Accept, Accept-Encoding" if document.path == HOME.path else "Accept-Encoding"
    lines = (
        f"Cache-Control: {document.caching}\r\nETag: {etag}\r\nVary: {vary}\r\n"
        f"Content-Security-Policy: {document.policy}\r\nX-Content-Type-Options: nosniff\r\n"
        "Referrer-Policy: no-referrer\r\n"
    )
    body_lines = f"Content-Type: {document.media_type}\r\n{coding}Content-Length: {len(body)}\r\n"
    return Representation(etag, lines.encode(), body_lines.encode(), body)

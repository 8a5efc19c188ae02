"""Which documents the gateway serves to anybody, without a token: those of the API, and pages for people.

Whatever stands in no line here is not served, whatever lies beside it.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
"""In the image as in a clone; the paths below begin here."""
PAGES: Final = "gateway/pages"

HTML, JSON = "text/html; charset=utf-8", "application/json; charset=utf-8"
CSS, SCRIPT, SVG = "text/css; charset=utf-8", "text/javascript; charset=utf-8", "image/svg+xml"

KEPT: Final = "public, max-age=300"
_ASKED_EACH_TIME: Final = "public, no-cache"
"""Pages: those of one release must not load the files of another."""

_ALONE: Final = "; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'"
NO_CONTENT: Final = f"default-src 'none'{_ALONE}"
"""Content Security Policy (CSP level 3) of what is no page."""
FOR_READING: Final = f"default-src 'none'; style-src 'self'; img-src 'self'{_ALONE}"
FOR_TRYING: Final = (
    "default-src 'self'; script-src 'self'; connect-src 'self'; style-src 'self' 'unsafe-inline';"
    f" img-src 'self' data:; font-src 'self' data:{_ALONE}"
)
"""The reference makes style elements of its own."""


@dataclass(frozen=True, slots=True)
class Document:
    """A file that is served. One whose name ends with `.gz` is compressed already."""

    path: str
    file: str
    media_type: str
    policy: str = NO_CONTENT
    caching: str = KEPT


def _page(path: str, name: str, policy: str = FOR_READING) -> Document:
    return Document(path, f"{PAGES}/{name}", HTML, policy, _ASKED_EACH_TIME)


def _asset(name: str, media_type: str, file: str | None = None) -> Document:
    return Document(f"/docs/assets/{name}", f"{PAGES}/{file or name}", media_type)


HOME: Final = _page("/", "index.html")
DOCUMENTS: Final = (
    HOME,
    _page("/docs", "docs.html", FOR_TRYING),
    _page("/docs/events", "events.html", FOR_TRYING),
    _page("/docs/errors", "errors.html"),
    Document("/openapi.json", "docs/openapi.json", JSON),
    Document("/asyncapi.json", "docs/asyncapi.json", JSON),
    _asset("pages.css", CSS),
    _asset("reference.js", SCRIPT),
    _asset("docs.js", SCRIPT),
    _asset("events.js", SCRIPT),
    _asset("icon.svg", SVG),
    _asset("scalar-api-reference.js", SCRIPT, "vendor/scalar-api-reference.js.gz"),
)
LINKS: Final = {
    "documentation": "/docs",
    "events": "/docs/events",
    "errors": "/docs/errors",
    "openapi": "/openapi.json",
    "asyncapi": "/asyncapi.json",
    "health": "/health/ready",
}
"""What `/` leads to."""
SCHEMAS: Final = "docs/schemas"
"""The schemas of events, one a file."""


def documents() -> tuple[Document, ...]:
    """All that are served: those of the table, and each schema there is."""
    schemas = sorted((ROOT / SCHEMAS).glob("*.json"))
    return *DOCUMENTS, *(Document(f"/schemas/{file.name}", f"{SCHEMAS}/{file.name}", JSON) for file in schemas)

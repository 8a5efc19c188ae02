"""The paths that clients may ask, as the document of the API has them."""

import json
from functools import cache
from typing import Final

from gateway.edge.documents import ROOT

OPENAPI: Final = ROOT / "docs" / "openapi.json"


@cache
def templates() -> tuple[str, ...]:
    """Read when the process starts; raises `OSError` for a document that is missing."""
    return tuple(json.loads(OPENAPI.read_text(encoding="utf-8"))["paths"])

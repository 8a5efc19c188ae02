"""The catalog's routes of imports (contract, section 11)."""

from typing import Any, Final

from services.catalog.imports import COURSES, SESSIONS
from shared.http.routing import Route
from shared.imports.api import import_routes
from shared.imports.kind import ImportKind

KINDS: Final[tuple[ImportKind[Any], ...]] = (COURSES, SESSIONS)
IMPORT_ROUTES: list[Route[Any, Any]] = import_routes(KINDS)

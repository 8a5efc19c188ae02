"""Enrollment's routes of imports (contract, section 11)."""

from typing import Any, Final

from services.enrollment.imports import COMPLETIONS, PEOPLE
from shared.http.routing import Route
from shared.imports.api import import_routes
from shared.imports.kind import ImportKind

KINDS: Final[tuple[ImportKind[Any], ...]] = (PEOPLE, COMPLETIONS)
IMPORT_ROUTES: list[Route[Any, Any]] = import_routes(KINDS)

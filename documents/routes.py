"""The routes that clients may ask, as the processes declare them."""

from collections.abc import Sequence
from typing import Any

from services.accounts.api import ROUTES as ACCOUNTS
from services.catalog.api import ROUTES as CATALOG
from services.enrollment.api import ROUTES as ENROLLMENT
from services.history.api import ROUTES as HISTORY
from shared.http.routing import Route

Routes = Sequence[Route[Any, Any]]


def public_routes() -> Routes:
    """Those that the gateway passes on; what services ask each other is left out."""
    declared = [*CATALOG, *ENROLLMENT, *HISTORY, *ACCOUNTS]
    return [route for route in declared if route.is_public or not route.is_internal]

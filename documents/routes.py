"""The routes that clients may ask, as the processes declare them."""

from collections.abc import Sequence
from functools import cache
from typing import Any, Final

from gateway.edge.own_routes import OWN_ROUTES
from services.accounts.api import ROUTES as ACCOUNTS
from services.catalog.api import ROUTES as CATALOG
from services.delivery.api import ROUTES as DELIVERY
from services.enrollment.api import ROUTES as ENROLLMENT
from services.history.api import ROUTES as HISTORY
from shared.errors import ApiError, BadRequest, ValidationFailed
from shared.http.errors import HeadersTooLarge, UriTooLong
from shared.http.pagination import PagedQuery
from shared.http.refusals import Refusals, refusals_of
from shared.http.routing import Route

Routes = Sequence[Route[Any, Any]]

_OF_THE_GATEWAY: Final[Refusals] = (BadRequest, ValidationFailed, UriTooLong, HeadersTooLarge, ApiError)
"""How the gateway refuses what it would answer by itself: it asks nobody, and counts nobody."""


def public_routes() -> Routes:
    """Those that the gateway passes on, and its own; what services ask each other is left out.

    A route that two services have, of which the gateway chooses one, is one to its clients.
    """
    declared = [*CATALOG, *ENROLLMENT, *HISTORY, *ACCOUNTS, *DELIVERY, *OWN_ROUTES]
    found: dict[tuple[str, str], Route[Any, Any]] = {}
    for route in declared:
        if route.is_public or not route.is_internal:
            found.setdefault((route.method, route.path), route)
    return list(found.values())


@cache
def routes_with_event_cursors() -> Routes:
    """Lists whose walks lead into the feed: those of services that keep or copy rows that events tell of."""
    return [route for route in (*CATALOG, *ENROLLMENT, *HISTORY) if issubclass(route.query, PagedQuery)]


def refusals_at(route: Route[Any, Any]) -> Refusals:
    """Every kind of error that a client can receive from it, each once."""
    return (*_OF_THE_GATEWAY, *route.refusals) if route in OWN_ROUTES else refusals_of(route)

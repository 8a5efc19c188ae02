"""The routes of accounts, by what they are about (contract, section 7)."""

from typing import Any

from services.accounts import api_auth, api_clients, api_internal, api_oauth, api_organisations, api_users
from shared.http.routing import Route

ROUTES: list[Route[Any, Any]] = [
    *api_auth.ROUTES,
    *api_clients.ROUTES,
    *api_oauth.ROUTES,
    *api_internal.ROUTES,
    *api_organisations.ROUTES,
    *api_users.ROUTES,
]

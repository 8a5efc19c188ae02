"""What the services declare of themselves, by name."""

from importlib import import_module
from typing import Any

from shared.http.routing import Route
from shared.service.chassis import Service
from stack.services import SERVICE_NAMES

DECLARED: dict[str, Service[Any]] = {name: import_module(f"services.{name}.app").SERVICE for name in SERVICE_NAMES}
ROUTES: list[Route[Any, Any]] = [route for service in DECLARED.values() for route in service.routes]
PROJECTIONS = {name: service.projection for name, service in DECLARED.items() if service.projection is not None}
"""Of the services that copy others' rows."""

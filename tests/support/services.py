"""What the services declare of themselves, by name."""

import re
from importlib import import_module
from typing import Any

from shared.http.routing import Route
from shared.service.chassis import Service
from stack.services import SERVICE_NAMES

DECLARED: dict[str, Service[Any]] = {name: import_module(f"services.{name}.app").SERVICE for name in SERVICE_NAMES}
ROUTES: list[Route[Any, Any]] = [route for service in DECLARED.values() for route in service.routes]
PROJECTIONS = {name: service.projection for name, service in DECLARED.items() if service.projection is not None}
"""Of the services that copy others' rows."""


def tables_of(service: str) -> list[str]:
    """Those that its migrations make, in their order."""
    migrations = "".join(file.read_text() for file in sorted(DECLARED[service].migrations.glob("*.sql")))
    return re.findall(r"^CREATE TABLE (\w+)", migrations, re.MULTILINE)

"""The services of the product, and what whoever installs, starts or tests them has to know of each.

Ports, addresses, passwords, roles and users, rights on the broker and the processes of the local stack follow from this
table. What cannot read it is held against it by tests/unit/stack/test_services.py: the containers, the gateway's routes
and the services' own declarations. docs/how-to/add-a-service.md has the steps.

Needs nothing but Python itself: a container runs it without the rest (docker-compose.yml, prepare-broker).
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Service:
    """Each has a database with two roles, a user and a queue on the broker, and keys, all named after it."""

    name: str
    publishes: tuple[str, ...] = ()
    """What the types of its events begin with. Nobody else may publish these."""
    follows: tuple[str, ...] = ()
    """What the types of the events in its queue begin with."""
    asks: tuple[str, ...] = ()
    """Services that it sends requests to: it gets their addresses, and they trust its key."""
    secrets: tuple[str, ...] = ()
    """Its settings that hold a secret of the installation, which nobody else has."""


SERVICES = (
    Service(
        "catalog",
        publishes=("course", "session"),
        follows=("enrollment", "settings"),
        asks=("enrollment", "delivery"),
    ),
    Service(
        "enrollment",
        publishes=(
            "employee",
            "enrollment",
            "record",
            "certification",
            "requirement",
            "clearance",
            "credential",
            "settings",
        ),
        follows=("course", "session", "organisation"),
        asks=("catalog", "delivery"),
        secrets=("enrollment_secret",),
    ),
    Service("accounts", publishes=("organisation",), secrets=("accounts_secret",)),
    Service(
        "delivery",
        publishes=("webhook",),
        follows=(
            "course",
            "session",
            "employee",
            "enrollment",
            "record",
            "certification",
            "requirement",
            "clearance",
            "credential",
            "settings",
            "organisation",
            "webhook",
        ),
        secrets=("delivery_secret",),
    ),
    Service(
        "history",
        follows=("course", "session", "employee", "enrollment", "record", "settings"),
        asks=("catalog", "enrollment", "delivery"),
    ),
)
SERVICE_NAMES = tuple(service.name for service in SERVICES)


def service_named(name: str) -> Service:
    """The row of the table; KeyError for a name that is not in it."""
    return {service.name: service for service in SERVICES}[name]


def address_variable(name: str) -> str:
    """The setting that tells a process where a service, or the gateway, is found."""
    return f"{name.upper()}_URL"

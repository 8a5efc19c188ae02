"""The sections of the document: each operation is in one of them, by its path."""

from collections.abc import Mapping
from typing import Any, Final

from documents.writing import DocumentError

_SECTIONS: Final[Mapping[str, tuple[str, tuple[str, ...]]]] = {
    "Courses": (
        "What is taught. A course has sessions, and may have prerequisites and a validity.",
        ("/api/v1/training/courses", "/api/v1/training/labels"),
    ),
    "Sessions": (
        "When and where a course is held, by whom, and for how many.",
        ("/api/v1/training/sessions", "/api/v1/training/projects"),
    ),
    "Enrollments": (
        "Who is in which session, from enrolling to the result.",
        ("/api/v1/training/enrollments",),
    ),
    "Training done elsewhere": (
        "What people bring from other companies: submitted by one, and accepted by another before it counts.",
        ("/api/v1/training/records", "/api/v1/training/record-submissions"),
    ),
    "Compliance": (
        "Who has a valid completion of a course, whose is about to end, and who has none.",
        ("/api/v1/training/compliance", "/api/v1/training/compliance/matrix"),
    ),
    "Requirements": (
        "What an organisation asks of its people, in some projects or everywhere.",
        ("/api/v1/training/requirements",),
    ),
    "Training histories": (
        "What a person has been trained in, whichever organisation's session it was.",
        ("/api/v1/employees/{id}/training", "/api/v1/staff/{id}/training", "/api/v1/training/records"),
    ),
    "People": (
        "Who can be enrolled: employees, among them contractors' workers, and staff. Their ids come from the"
        " organisation's own systems.",
        ("/api/v1/employees", "/api/v1/staff", "/api/v1/companies"),
    ),
    "Imports": (
        "Files of rows, stored as they come and applied by line.",
        ("/api/v1/imports",),
    ),
    "Settings": (
        "An organisation's time zone, and its rule for booking clashes.",
        ("/api/v1/training/settings",),
    ),
    "Calendars": (
        "Secret addresses, under which programs that show calendars read sessions.",
        ("/api/v1/calendars", "/calendars"),
    ),
    "Events": ("The feed of all that happened, for programs that follow it.", ("/api/v1/events",)),
    "Webhooks": (
        "Addresses to which events are sent, and what came of it.",
        ("/api/v1/webhooks", "/api/v1/webhook-messages"),
    ),
    "Signing in": ("Tokens of people who sign in here.", ("/api/v1/auth",)),
    "Users": ("People who sign in, for those who manage them.", ("/api/v1/users",)),
    "Clients": ("Programs with an id and a secret of their own.", ("/api/v1/clients",)),
    "Organisations": ("For the operator of the platform.", ("/api/v1/organisations",)),
    "Health": ("Whether it runs and can work, for load balancers.", ("/health",)),
    "OAuth": ("Tokens of programs, and the documents by which they find what they need.", ("/oauth", "/.well-known")),
}
"""By name, in the order in which they are shown: what is in them, and how the paths in them begin."""
_ELSEWHERE: Final = {
    "/api/v1/training/sessions/{id}/attendance": "Enrollments",
    "/api/v1/training": "Training histories",
}
"""Of paths that begin as those of other sections do, or with which those of others begin."""


def section_of(path: str) -> str:
    """Raises `DocumentError` for a path of no section."""
    if path in _ELSEWHERE:
        return _ELSEWHERE[path]
    for name, (_, beginnings) in _SECTIONS.items():
        if any(path == beginning or path.startswith(beginning + "/") for beginning in beginnings):
            return name
    raise DocumentError(f"{path} is in no section of documents/sections.py")


def tags() -> list[dict[str, Any]]:
    return [{"name": name, "description": description} for name, (description, _) in _SECTIONS.items()]

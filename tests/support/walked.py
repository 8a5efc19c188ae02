"""What a walk goes through: rows of every list, which come, move and go while it is under way."""

from collections.abc import Mapping

from shared.http.pagination import PagedQuery
from tests.support.importing import FILES
from tests.support.routes import PUBLIC
from tests.support.walked_administration import (
    attempts,
    calendars,
    clients,
    imports,
    messages,
    organisations,
    refusals,
    users,
    webhooks,
)
from tests.support.walked_histories import (
    completed,
    history,
    patched,
    put_person,
    put_settings,
    reassigned,
    trail,
    trainings,
)
from tests.support.walked_lists import Scene
from tests.support.walked_training import (
    companies,
    compliance,
    courses,
    employees,
    enrollments,
    labels,
    projects,
    requirements,
    roster,
    sessions,
    staff,
    submissions,
)
from tests.support.world import (
    CALENDARS,
    CLIENTS,
    COURSES,
    EMPLOYEES,
    ENROLLMENTS,
    IMPORTS,
    ORGANISATIONS,
    RECORDS,
    REQUIREMENTS,
    SESSIONS,
    SETTINGS,
    STAFF,
    SUBMISSIONS,
    TRAININGS,
    USERS,
    WEBHOOKS,
    new_employee,
    new_staff,
)

PATHS = [declared.route.path for declared in PUBLIC if issubclass(declared.route.query, PagedQuery)]
"""Of all lists."""

SCENES: Mapping[str, Scene] = {
    COURSES: courses,
    SESSIONS: sessions,
    "/api/v1/training/labels": labels,
    "/api/v1/training/projects": projects,
    "/api/v1/companies": companies,
    ENROLLMENTS: enrollments,
    SUBMISSIONS: submissions,
    REQUIREMENTS: requirements,
    EMPLOYEES: employees,
    STAFF: staff,
    "/api/v1/training/compliance": compliance,
    "/api/v1/training/clearance": roster,
    USERS: users,
    CLIENTS: clients,
    ORGANISATIONS: organisations,
    **{f"{IMPORTS}/{kind}": imports(kind) for kind in FILES},
    **{f"{IMPORTS}/{kind}/{{id}}/refusals": refusals(kind) for kind in FILES},
    CALENDARS: calendars,
    WEBHOOKS: webhooks,
    f"{WEBHOOKS}/{{id}}/messages": messages,
    f"{WEBHOOKS}/{{id}}/attempts": attempts,
    f"{WEBHOOKS}/{{id}}/audit": trail(WEBHOOKS, webhooks, patched("description")),
    f"{EMPLOYEES}/{{id}}/training": history(EMPLOYEES, new_employee),
    f"{STAFF}/{{id}}/training": history(STAFF, new_staff),
    RECORDS: history(EMPLOYEES, new_employee, RECORDS),
    TRAININGS: trainings,
    f"{COURSES}/{{id}}/audit": trail(COURSES, courses, patched("title")),
    f"{SESSIONS}/{{id}}/audit": trail(SESSIONS, sessions, patched("location")),
    f"{ENROLLMENTS}/{{id}}/audit": trail(ENROLLMENTS, enrollments, completed),
    f"{RECORDS}/{{id}}/audit": trail(RECORDS, submissions, reassigned),
    f"{REQUIREMENTS}/{{id}}/audit": trail(REQUIREMENTS, requirements, patched("name")),
    f"{EMPLOYEES}/{{id}}/audit": trail(EMPLOYEES, employees, put_person),
    f"{STAFF}/{{id}}/audit": trail(STAFF, staff, put_person),
    f"{USERS}/{{id}}/audit": trail(USERS, users, patched("name")),
    f"{CLIENTS}/{{id}}/audit": trail(CLIENTS, clients, patched("name")),
    f"{ORGANISATIONS}/{{id}}/audit": trail(ORGANISATIONS, organisations, patched("name")),
    f"{SETTINGS}/audit": trail(SETTINGS, None, put_settings),
}
"""By the path of the list's route: a new list needs a line here."""

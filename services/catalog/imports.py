"""What can be imported into the catalog (contract, section 11)."""

from services.catalog.schemas_imports import CourseLine, SessionLine
from services.catalog.use_cases import importing_courses, importing_sessions
from shared.imports.kind import ImportKind

COURSES = ImportKind("courses", CourseLine, importing_courses.apply)
SESSIONS = ImportKind("sessions", SessionLine, importing_sessions.apply)

"""What can be imported into enrollment (contract, section 11)."""

from services.enrollment.schemas_imports import PersonLine
from services.enrollment.store.people import present_ids
from services.enrollment.use_cases import importing_people
from shared.imports.kind import ImportKind

PEOPLE = ImportKind("people", PersonLine, importing_people.apply, end=importing_people.end, present=present_ids)

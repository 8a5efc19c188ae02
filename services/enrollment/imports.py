"""What can be imported into enrollment (contract, section 11)."""

from services.enrollment.schemas_imports import CompletionLine, PersonLine
from services.enrollment.store.people import present_ids
from services.enrollment.use_cases import importing_completions, importing_people
from shared.auth.internal_token import RECORD
from shared.imports.kind import ImportKind

PEOPLE = ImportKind(
    "people",
    PersonLine,
    importing_people.apply,
    end=importing_people.end,
    present=present_ids,
    keys=importing_people.keys,
)
COMPLETIONS = ImportKind("completions", CompletionLine, importing_completions.apply, needs=RECORD)

"""How imports are refused (contract, section 11)."""

from shared.errors import Conflict, NotFound


class ImportNotFound(NotFound):
    message = "The import does not exist, or is kept no longer."


class ImportEnded(Conflict):
    message = "The import has ended already."


class TooManyImports(Conflict):
    code = "too_many_imports"
    message = "The organisation has as many unfinished imports as it can have."
    meaning = (
        "An organisation can have ten unfinished imports of people and completions, and ten of courses and sessions."
    )
    remedy = "Wait until one ends, or cancel one."

"""Every good answer that any test gets is held against what its route declares."""

import re

from pydantic import BaseModel

from tests.support.services import ROUTES

_DECLARED: list[tuple[str, re.Pattern[str], dict[int, type[BaseModel]]]] = [
    (route.method, re.compile(re.escape(route.path).replace(r"\{id\}", "[0-9]+")), dict(route.answers))
    for route in ROUTES
]


def check_against_declaration(method: str, path: str, status: int, text: str) -> None:
    """Raises AssertionError for a good answer of a service's route that is not what the route declares."""
    if not 200 <= status < 300:
        return
    for declared_method, pattern, answers in _DECLARED:
        if method == declared_method and pattern.fullmatch(path.partition("?")[0]):
            assert status in answers, f"{method} {path} answers {status}, which its route does not declare"
            answers[status].model_validate_json(text)

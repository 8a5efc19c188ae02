"""Problem details (RFC 9457): the other form of errors, for clients that ask for it (contract, section 1)."""

from typing import Final

from shared.http.accept import preferred
from shared.http.request import Headers

PROBLEM_TYPE: Final = "application/problem+json"


def prefers_problem(headers: Headers) -> bool:
    """Whether `Accept` names problem details, and prefers no JSON to them: who takes anything gets the envelope."""
    return preferred(headers, (PROBLEM_TYPE,)) is not None

"""Problem details (RFC 9457): the other form of errors, for clients that ask for it (contract, section 1)."""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from shared.http.models import JSON_TYPE
from shared.http.request import Headers

PROBLEM_TYPE: Final = "application/problem+json"
_WITH_JSON: Final = (JSON_TYPE, "application/*", "*/*")
"""The ranges that hold JSON, the most specific one first."""
_COUNTED: Final = frozenset({PROBLEM_TYPE, *_WITH_JSON})

_QUOTED: Final = re.compile(r'"(?:[^"\\]|\\.)*"?')
"""One without an end goes on to the end of the header: so no text takes longer to read than it is long."""
_WEIGHT: Final = re.compile(r"(?:0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)\Z")
_REMEMBERED: Final = 256
_REMEMBERED_LENGTH: Final = 256


def prefers_problem(headers: Headers) -> bool:
    """Whether `Accept` names problem details, and prefers no JSON to them: who takes anything gets the envelope."""
    accept = ",".join(headers.getall("Accept", ()))
    return bool(accept) and (_remembered(accept) if len(accept) <= _REMEMBERED_LENGTH else _prefers_problem(accept))


def _prefers_problem(accept: str) -> bool:
    """RFC 9110, section 12.5.1: of the ranges that hold JSON, the most specific one counts."""
    asked = accept.lower()
    if PROBLEM_TYPE not in asked:
        return False
    weights = _weights(asked)
    json = next((weights[each] for each in _WITH_JSON if each in weights), 0.0)
    return 0 < weights.get(PROBLEM_TYPE, 0.0) >= json


_remembered = lru_cache(_REMEMBERED)(_prefers_problem)


def _weights(accept: str) -> Mapping[str, float]:
    """By range, of those that count, the greatest weight; what is malformed is as if it were not there."""
    weights: dict[str, float] = {}
    for element in _QUOTED.sub("", accept).split(","):
        media_range, _, parameters = element.partition(";")
        media_range = media_range.strip(" \t")
        weight = _weight(parameters) if media_range in _COUNTED else None
        if weight is not None:
            weights[media_range] = max(weight, weights.get(media_range, 0.0))
    return weights


def _weight(parameters: str) -> float | None:
    stripped = [parameter.strip(" \t") for parameter in parameters.split(";")]
    given = [parameter[2:] for parameter in stripped if parameter.startswith("q=")]
    if not given:
        return 1.0
    return float(given[0]) if _WEIGHT.match(given[0]) else None

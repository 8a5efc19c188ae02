"""What `Accept` says of media types (RFC 9110, section 12.5.1)."""

import re
from collections.abc import Collection, Mapping
from functools import lru_cache
from typing import Final

from shared.http.models import JSON_TYPE
from shared.http.request import Headers

CSV_TYPE: Final = "text/csv"
NDJSON_TYPE: Final = "application/x-ndjson"
XLSX_TYPE: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
PDF_TYPE: Final = "application/pdf"
VC_JWT_TYPE: Final = "application/vc+jwt"
"""A credential, signed (Securing Verifiable Credentials using JOSE and COSE, section 6.1)."""
EXPORT_TYPES: Final = (CSV_TYPE, NDJSON_TYPE, XLSX_TYPE)
"""In which lists can be had whole."""

_WITH_JSON: Final = (JSON_TYPE, "application/*", "*/*")
"""The ranges that hold JSON, the most specific one first."""
_QUOTED: Final = re.compile(r'"(?:[^"\\]|\\.)*"?')
"""One without an end goes on to the end of the header: so no text takes longer to read than it is long."""
_WEIGHT: Final = re.compile(r"(?:0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)\Z")
_REMEMBERED: Final = 256
_REMEMBERED_LENGTH: Final = 256


def preferred(headers: Headers, types: tuple[str, ...]) -> str | None:
    """Of these types the one that `Accept` names and likes best, unless it likes JSON better; the first of equals.

    Who takes anything gets JSON: a type has to be named.
    """
    accept = ",".join(headers.getall("Accept", ()))
    if not accept:
        return None
    return _remembered(accept, types) if len(accept) <= _REMEMBERED_LENGTH else _preferred(accept, types)


def _preferred(accept: str, types: tuple[str, ...]) -> str | None:
    asked = accept.lower()
    if not any(each in asked for each in types):
        return None
    given = weights(asked, types)
    best = max(types, key=lambda each: given.get(each, 0.0))
    return best if 0 < given.get(best, 0.0) >= weight_of_json(given) else None


def export_type(headers: Headers, types: tuple[str, ...] = EXPORT_TYPES) -> str | None:
    """The preferred one of these types, where `Accept` does not name JSON with the same weight: generated clients name
    every type that the document has, and want the page that they asked for."""
    best = preferred(headers, types)
    if best is None:
        return None
    given = weights(",".join(headers.getall("Accept", ())).lower(), (best,))
    return best if given.get(JSON_TYPE, 0.0) < given[best] else None


_remembered = lru_cache(_REMEMBERED)(_preferred)


def weight_of_json(given: Mapping[str, float]) -> float:
    """Of the ranges that hold JSON, the most specific one counts."""
    return next((given[each] for each in _WITH_JSON if each in given), 0.0)


def weights(accept: str, counted: Collection[str]) -> Mapping[str, float]:
    """By range, of those that count and of JSON's, the greatest weight; what is malformed is as if it were not there.

    `accept` is in lower case.
    """
    found: dict[str, float] = {}
    for element in _QUOTED.sub("", accept).split(","):
        media_range, _, parameters = element.partition(";")
        media_range = media_range.strip(" \t")
        weight = _weight(parameters) if media_range in counted or media_range in _WITH_JSON else None
        if weight is not None:
            found[media_range] = max(weight, found.get(media_range, 0.0))
    return found


def _weight(parameters: str) -> float | None:
    stripped = [parameter.strip(" \t") for parameter in parameters.split(";")]
    given = [parameter[2:] for parameter in stripped if parameter.startswith("q=")]
    if not given:
        return 1.0
    return float(given[0]) if _WEIGHT.match(given[0]) else None

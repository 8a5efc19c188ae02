"""The errors of the API: one schema for each code, and what a route can answer by status."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

from documents.headers import headers_of_refusal
from documents.routes import Routes, refusals_at
from documents.shown import examples_of
from services.accounts.oauth_errors import OAuthError
from shared.errors import ApiError
from shared.http.models import JSON_TYPE
from shared.http.problem import PROBLEM_TYPE
from shared.http.routing import Route

Schema = dict[str, Any]
Refusal = type[ApiError]

PROBLEM: Final[Schema] = {
    "type": "object",
    "description": "The same error as RFC 9457 has it, for clients whose `Accept` names it; the code's members too.",
    "properties": {
        "type": {"type": "string", "format": "uri-reference", "description": "Where the code is explained."},
        "title": {"type": "string"},
        "status": {"type": "integer", "minimum": 400, "maximum": 599},
        "detail": {"type": "string", "description": "For a person."},
        "code": {"type": "string", "description": "For a program."},
    },
    "required": ["type", "title", "status", "detail", "code"],
}
_REQUIRED: Final = frozenset({"success", "message", "code", "error", "error_description"})
"""Further members of an error are not always there."""
_AS_PROBLEM: Final[Schema] = {PROBLEM_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
_NAMES: Final[Mapping[tuple[str, ...], str]] = {("token_expired", "token_invalid", "token_missing"): "Unauthorized"}
"""Of responses with several codes, where their names together are no name."""


def error_name(code: str) -> str:
    """`session_full` is `SessionFullError`."""
    return "".join(word.capitalize() for word in code.split("_")).removesuffix("Error") + "Error"


def error_schemas(routes: Routes) -> dict[str, Schema]:
    """By name: of each code that a route can answer, with the members of all that share it."""
    by_code: dict[str, list[Refusal]] = {}
    for route in routes:
        for refusal in refusals_at(route):
            by_code.setdefault(refusal.code, []).append(refusal)
    return {error_name(code): _schema(code, dict.fromkeys(found)) for code, found in sorted(by_code.items())}


def _schema(code: str, refusals: Iterable[Refusal]) -> Schema:
    refusals = list(refusals)
    first = _first_with_its_code(refusals[0])
    properties = _oauth_members(code) if issubclass(first, OAuthError) else _members(code, refusals)
    return {
        "type": "object",
        "description": f"{first.meaning}\n\n{first.remedy}",
        "properties": properties,
        "required": [name for name in properties if name in _REQUIRED],
        "additionalProperties": False,
    }


def _members(code: str, refusals: Iterable[Refusal]) -> Schema:
    own = {name: schema for refusal in refusals for name, schema in refusal.members.items()}
    return {
        "success": {"type": "boolean", "const": False},
        "message": {"type": "string", "description": "For a person."},
        "code": {"type": "string", "const": code, "description": "For a program."},
        **own,
    }


def _oauth_members(code: str) -> Schema:
    """RFC 6749, section 5.2."""
    return {
        "error": {"type": "string", "const": code, "description": "For a program."},
        "error_description": {"type": "string", "description": "For a programmer."},
    }


def _first_with_its_code(refusal: Refusal) -> Refusal:
    """What a code means is said by the first class of a family that has it."""
    family = [each for each in refusal.__mro__ if issubclass(each, ApiError) and each.code == refusal.code]
    return family[-1]


class ErrorResponses:
    """The responses to refused requests: those that several routes have in common are components."""

    def __init__(self, routes: Routes) -> None:
        used = Counter(answer for route in routes for answer in _answers(route))
        self._shared = {answer: response_name(answer.codes) for answer, times in used.items() if times > 1}

    def of(self, route: Route[Any, Any]) -> dict[str, Schema]:
        """By status, in their order."""
        examples = examples_of(route)
        return {
            str(answer.status): self._reference(answer, examples.of_status(answer.status)) for answer in _answers(route)
        }

    def components(self) -> dict[str, Schema]:
        named = sorted((name, answer) for answer, name in self._shared.items())
        return {name: _response(answer, {}) for name, answer in named}

    def _reference(self, answer: "_Answer", examples: Schema) -> Schema:
        """One with examples is the operation's own."""
        name = self._shared.get(answer)
        is_own = name is None or bool(examples)
        return _response(answer, examples) if is_own else {"$ref": f"#/components/responses/{name}"}


@dataclass(frozen=True, order=True)
class _Answer:
    """A status, with the codes that it can come with at a route."""

    status: int
    codes: tuple[str, ...]
    is_oauth: bool
    """Whether they are OAuth's: those have one form only."""
    page: str = ""
    """The media type that it has as well, for people."""


def response_name(codes: Sequence[str]) -> str:
    """Of the codes that it comes with: `RateLimited`, or `BadRequestOrMalformedJson`."""
    return _NAMES.get(tuple(codes)) or "Or".join(error_name(code).removesuffix("Error") for code in codes)


def _answers(route: Route[Any, Any]) -> list[_Answer]:
    kinds = dict[int, list[Refusal]]()
    for refusal in refusals_at(route):
        kinds.setdefault(refusal.status, []).append(refusal)
    return [_answer(status, kinds[status], route) for status in sorted(kinds)]


def _answer(status: int, kinds: Sequence[Refusal], route: Route[Any, Any]) -> _Answer:
    codes = sorted({kind.code for kind in kinds})
    page = route.media_type if status in route.pages else ""
    return _Answer(status, tuple(codes), all(issubclass(kind, OAuthError) for kind in kinds), page)


def _response(answer: _Answer, examples: Schema) -> Schema:
    choices: list[Schema] = [{"$ref": _place(code)} for code in answer.codes]
    schema = choices[0] if len(choices) == 1 else {"oneOf": choices}
    return {
        "description": f"{HTTPStatus(answer.status).phrase}: {', '.join(f'`{code}`' for code in answer.codes)}",
        "headers": headers_of_refusal(answer.status),
        "content": {
            JSON_TYPE: {"schema": schema, **examples},
            **({} if answer.is_oauth else _AS_PROBLEM),
            **({answer.page: {"schema": {"type": "string"}}} if answer.page else {}),
        },
    }


def _place(code: str) -> str:
    return f"#/components/schemas/{error_name(code)}"

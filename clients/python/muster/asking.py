"""A method's call as a request, and the answer as what the method returns. Nothing here sends anything."""

from collections.abc import Mapping
from typing import Any, Final, TypedDict, TypeVar

from pydantic import TypeAdapter, ValidationError

from muster.arguments import OMIT, File, Tag, filled, members_of, query_of, tag_of, upload_of
from muster.asked import PAUSE_SECONDS, Answer, Request, Upload, json_upload
from muster.errors import BadInput, NotModified, Unexpected
from muster.model import Model

FILE_SECONDS: Final = 600.0
"""For how long a token should be good that sends or fetches a file."""
_IDEMPOTENT: Final = frozenset({"GET", "PUT", "PATCH", "DELETE"})
"""Methods of which another try does what the first would have done: a change says what the row should become."""
Row = TypeVar("Row", bound=Model)


class Asked(TypedDict, total=False):
    """What generated methods say of a request, beside its method and path."""

    ids: Mapping[str, object]
    query: Mapping[str, Any]
    body: Mapping[str, Any]
    form: Mapping[str, Any]
    file: File
    content_type: str
    is_body_optional: bool
    if_match: Tag | None
    if_none_match: Tag | None
    idempotency_key: str | None
    last_event_id: str | None
    request_id: str | None
    is_public: bool
    is_safe: bool


def request_of(
    method: str, path: str, asked: Asked, *, accept: str | None = None, silence: float = PAUSE_SECONDS
) -> Request:
    """Raises `BadInput` for what cannot be sent."""
    form = asked.get("form")
    upload = _upload(asked)
    return Request(
        method,
        filled(path, asked.get("ids", {})),
        query_of(asked.get("query", {})),
        _headers(asked, accept),
        upload=upload,
        silence=silence,
        token_seconds=FILE_SECONDS if "file" in asked or silence > PAUSE_SECONDS else PAUSE_SECONDS,
        form=None if form is None else {name: str(value) for name, value in form.items() if value is not OMIT},
        is_public=asked.get("is_public", False),
        is_safe=method in _IDEMPOTENT or asked.get("idempotency_key") is not None or asked.get("is_safe", False),
    )


def _upload(asked: Asked) -> Upload | None:
    content_type = asked.get("content_type", "application/json")
    if "file" in asked:
        return upload_of(asked["file"], content_type)
    if "body" not in asked:
        return None
    members = members_of(asked["body"])
    if not members and asked.get("is_body_optional"):
        return None
    try:
        return json_upload(members, content_type)
    except (TypeError, ValueError) as error:
        raise BadInput(f"The body cannot be JSON: {error}.") from error


def _headers(asked: Asked, accept: str | None) -> dict[str, str]:
    found = {
        "Accept": accept,
        "If-Match": tag_of(asked.get("if_match")),
        "If-None-Match": tag_of(asked.get("if_none_match")),
        "Idempotency-Key": asked.get("idempotency_key"),
        "Last-Event-ID": asked.get("last_event_id"),
        "X-Request-Id": asked.get("request_id"),
    }
    for name, value in found.items():
        if value is not None and not (value.isascii() and value.isprintable()):
            raise BadInput(f"{name} cannot be {value!r}: a header has printable signs of ASCII.")
    return {name: value for name, value in found.items() if value is not None}


def row_of(kind: type[Row], answer: Answer, asked: Asked, *, whole: bool = False) -> Row:
    """What came, with the answer that it came with. The same object where it has not changed since.

    Raises `NotModified` where the caller has but its tag, and `Unexpected` for what is none of this kind.
    """
    if answer.status == 304:
        had = asked.get("if_none_match")
        if isinstance(had, kind):
            return had
        raise NotModified("The row has not changed since.")
    row = model_of(kind, answer.data if whole else data_of(answer))
    row._answer = answer
    return row


def model_of(kind: type[Row], data: Any) -> Row:
    """Raises `Unexpected` for what is none of this kind."""
    try:
        return kind.model_validate(data)
    except ValidationError as error:
        raise unexpected(error, kind.__name__) from error


def either_of(kind: Any, answer: Answer) -> Any:
    """One of several kinds; None where there is nothing to show."""
    data = answer.data.get("data") if isinstance(answer.data, dict) else None
    try:
        row = TypeAdapter(kind).validate_python(data)
    except ValidationError as error:
        raise unexpected(error, str(kind)) from error
    if isinstance(row, Model):
        row._answer = answer
    return row


def data_of(answer: Answer) -> Any:
    """Raises `Unexpected` for an answer that has none."""
    if not isinstance(answer.data, dict) or "data" not in answer.data:
        raise Unexpected(
            f"The server answered with status {answer.status}, and not as Muster does. Is MUSTER_URL right?"
        )
    return answer.data["data"]


def unexpected(error: ValidationError, kind: str) -> Unexpected:
    """Says where, and not what: answers have people's data in them."""
    first = error.errors(include_url=False, include_input=False)[0]
    place = ".".join(map(str, first["loc"])) or "the whole"
    return Unexpected(f"The server sent a {kind} that this client does not understand: {place}: {first['msg']}.")

"""Bodies of HTML forms (`application/x-www-form-urlencoded`, WHATWG URL, section 5), read as strictly as JSON is.

For the endpoints of specifications that ask for them, such as OAuth's (RFC 6749, appendix B).
"""

from typing import Final, TypeVar
from urllib.parse import parse_qsl

from pydantic import BaseModel

from shared.errors import BadRequest, ValidationFailed
from shared.http.body import is_media_type, read_body
from shared.http.errors import UnsupportedMediaType
from shared.http.input import validated
from shared.http.models import USUAL_LIMITS, BodyLimits
from shared.http.request import Request

Model = TypeVar("Model", bound=BaseModel)

FORM_TYPE: Final = "application/x-www-form-urlencoded"
_NOT_A_FORM: Final = f"The body must be {FORM_TYPE}."
_NOT_UTF_8: Final = "The body is not UTF-8."


async def read_form(request: Request, model: type[Model], limits: BodyLimits = USUAL_LIMITS) -> Model:
    """The fields of the form as texts.

    Raises `UnsupportedMediaType`, `BadRequest`, `ValidationFailed`, and what `read_body` raises.
    """
    headers = request.headers
    if not is_media_type(headers.get("Content-Type", ""), FORM_TYPE) or "Content-Encoding" in headers:
        raise UnsupportedMediaType(_NOT_A_FORM)
    return validated(model, parse_form(await read_body(request, limits.max_bytes), limits.max_values))


def parse_form(body: bytes, max_fields: int) -> dict[str, str]:
    """By name the texts of the fields. One that is empty counts as left out (RFC 6749, section 3.2).

    Raises `BadRequest` for what is not UTF-8 or has too many fields, and `ValidationFailed` for a field given twice.
    """
    try:
        text = body.decode()
    except UnicodeDecodeError:
        raise BadRequest(_NOT_UTF_8) from None
    if text.count("&") >= max_fields:
        raise BadRequest(f"The body has more than {max_fields} fields.")
    try:
        fields = parse_qsl(text, keep_blank_values=True, errors="strict")
    except UnicodeDecodeError:
        raise BadRequest(_NOT_UTF_8) from None
    values = dict(fields)
    if len(values) < len(fields):
        names = [name for name, _ in fields]
        twice = sorted(name for name in values if names.count(name) > 1)
        raise ValidationFailed({name: ["This parameter is given more than once."] for name in twice})
    return {name: value for name, value in values.items() if value}

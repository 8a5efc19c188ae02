"""An answer with an error, as the exception of its code."""

from collections.abc import Mapping
from typing import Any, Final

from muster.errors import ApiError
from muster.refusals import BY_CODE

_OWN: Final = frozenset({"success", "message", "code", "errors"})


def error_of(
    status: int, data: Any, *, address: str, retry_after: float | None = None, request_id: str | None = None
) -> ApiError:
    """What an answer with an error says. `data` is its JSON, or None where it is none."""
    if isinstance(data, dict) and isinstance(data.get("code"), str):
        return BY_CODE.get(data["code"], ApiError)(
            status,
            str(data.get("message", data["code"])),
            code=data["code"],
            errors=_reasons(data.get("errors")),
            details={name: value for name, value in data.items() if name not in _OWN},
            retry_after=retry_after,
            request_id=request_id,
        )
    if isinstance(data, dict) and isinstance(data.get("error"), str):  # the form of OAuth 2.0
        message, kind = str(data.get("error_description") or data["error"]), BY_CODE.get(data["error"], ApiError)
        return kind(status, message, code=data["error"], retry_after=retry_after, request_id=request_id)
    message = f"{address} answered with status {status}, and not as Muster does. Is MUSTER_URL right?"
    return ApiError(status, message, retry_after=retry_after, request_id=request_id)


def _reasons(errors: Any) -> Mapping[str, list[str]]:
    if not isinstance(errors, dict):
        return {}
    return {
        str(field): [str(each) for each in reasons] if isinstance(reasons, list) else [str(reasons)]
        for field, reasons in errors.items()
        if reasons
    }

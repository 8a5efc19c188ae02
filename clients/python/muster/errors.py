"""What can go wrong, in sentences for a person."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

REMEDIES: Final[Mapping[str, str]] = {
    "token_expired": "Get a new token, or give MUSTER_CLIENT_ID and MUSTER_CLIENT_SECRET: then it is renewed.",
    "token_invalid": "Is MUSTER_TOKEN a token of this server, and whole?",
    "token_missing": "Set MUSTER_TOKEN, or MUSTER_CLIENT_ID and MUSTER_CLIENT_SECRET.",
    "invalid_client": "Are MUSTER_CLIENT_ID and MUSTER_CLIENT_SECRET those of a program that is still active?",
    "payload_too_large": "Split the file, and import its parts one after the other.",
    "too_many_imports": "Wait until one of them has ended, or cancel one.",
    "rate_limited": "Try again later, or ask for a higher limit.",
    "upstream_unavailable": "Try again later.",
}
"""By `code`, where the message does not say it itself."""


class MusterError(Exception):
    """The text is what a person should read."""


class SettingsMissing(MusterError):
    """The address or the credentials are missing, or contradict each other."""


class BadInput(MusterError):
    """A file, a name or an option that cannot be used."""


class Unreachable(MusterError):
    """The server did not answer."""


class CutShort(MusterError):
    """The connection ended before the answer did: what came of it is not whole."""


class ApiError(MusterError):
    """The server refused. `code` is None where the answer is not one of Muster's."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        code: str | None = None,
        errors: Mapping[str, Sequence[str]] | None = None,
        retry_after: float | None = None,
        request_id: str | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.code = code
        self.errors = errors or {}
        self.retry_after = retry_after
        self.request_id = request_id

    def __str__(self) -> str:
        """The message, the reason on each field, and what to do."""
        lines = [self.message]
        for field, reasons in self.errors.items():
            lines += [reason if field == "body" else f"{field}: {reason}" for reason in reasons]
        if remedy := REMEDIES.get(self.code or ""):
            lines.append(remedy)
        if self.status >= 500 and self.request_id:
            lines.append(f"The request was {self.request_id}.")
        return "\n".join(lines)


def error_of(
    status: int, data: Any, *, address: str, retry_after: float | None = None, request_id: str | None = None
) -> ApiError:
    """What an answer with an error says. `data` is its JSON, or None where it is none."""
    if isinstance(data, dict) and isinstance(data.get("code"), str):
        return ApiError(
            status,
            str(data.get("message", data["code"])),
            code=data["code"],
            errors=_reasons(data.get("errors")),
            retry_after=retry_after,
            request_id=request_id,
        )
    if isinstance(data, dict) and isinstance(data.get("error"), str):  # the form of OAuth 2.0
        message = str(data.get("error_description") or data["error"])
        return ApiError(status, message, code=data["error"], retry_after=retry_after, request_id=request_id)
    message = f"{address} answered with status {status}, and not as Muster does. Is MUSTER_URL right?"
    return ApiError(status, message, retry_after=retry_after, request_id=request_id)


def _reasons(errors: Any) -> dict[str, list[str]]:
    if not isinstance(errors, dict):
        return {}
    return {str(field): [str(each) for each in reasons] for field, reasons in errors.items() if reasons}

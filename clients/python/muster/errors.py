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


class NotModified(MusterError):
    """The row is still as the caller has it (`if_none_match`)."""


class Unexpected(MusterError):
    """An answer that this client does not understand: the server is of another age, or is not Muster."""


class ApiError(MusterError):
    """The server refused. `code` is None where the answer is not one of Muster's; each code has a class of its own.

    `errors` has the reasons by field, `details` whatever else the answer says. `retry_after` is in seconds. With
    `answer_was_lost` the answer to an earlier try never came: what was refused now may have been done then.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        code: str | None = None,
        errors: Mapping[str, Sequence[str]] | None = None,
        details: Mapping[str, Any] | None = None,
        retry_after: float | None = None,
        request_id: str | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.code = code
        self.errors = errors or {}
        self.details = details or {}
        self.retry_after = retry_after
        self.request_id = request_id
        self.answer_was_lost = False
        for name in vars(type(self)).get("__annotations__", {}):
            setattr(self, name, self.details.get(name))

    def __str__(self) -> str:
        """The message, the reason on each field, and what to do."""
        lines = [self.message]
        for field, reasons in self.errors.items():
            lines += [reason if field == "body" else f"{field}: {reason}" for reason in reasons]
        if self.answer_was_lost:
            lines.append("The answer to an earlier try was lost: it may have been done then.")
        if remedy := REMEDIES.get(self.code or ""):
            lines.append(remedy)
        if self.status >= 500 and self.request_id:
            lines.append(f"The request was {self.request_id}.")
        return "\n".join(lines)

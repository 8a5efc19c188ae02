"""What concerns security, one JSON line each, in a logger of its own: `muster.security`.

A flood must not fill the disk, and must not be hidden either: what is over the bound is counted, and one line tells the
count. Nothing here is a secret: no token, no password, and no address of mail that somebody typed.
"""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from shared.observability import current_trace

log = logging.getLogger("muster.security")

SECONDS: Final = 5.0
"""Of the window in which lines are counted, and after which a flood is told at the latest."""
LINES: Final = 50
"""Of one event in a window."""
LINES_OF_ONE_SOURCE: Final = 10
"""Of one event and address in a window, so that a flood from one does not hide what comes from others; of one subject
where the address is not known."""


class SecurityEvent(StrEnum):
    TOKEN_REFUSED = "token_refused"  # noqa: S105 - no password
    INTERNAL_TOKEN_REFUSED = "internal_token_refused"  # noqa: S105 - no password
    TOKEN_REVOKED = "token_revoked"  # noqa: S105 - no password
    LOGIN_SUCCEEDED = "login_succeeded"
    LOGIN_FAILED = "login_failed"
    PERMISSION_DENIED = "permission_denied"
    RATE_LIMITED = "rate_limited"
    REQUEST_REFUSED = "request_refused"
    USER_SAVED = "user_saved"
    USER_REMOVED = "user_removed"
    KEY_SET_CHANGED = "key_set_changed"
    SETTINGS_CHANGED = "settings_changed"
    LINES_SUPPRESSED = "lines_suppressed"


MESSAGES: Final[Mapping[SecurityEvent, str]] = {
    SecurityEvent.TOKEN_REFUSED: "the gateway refused a token",
    SecurityEvent.INTERNAL_TOKEN_REFUSED: "a service refused an internal token",
    SecurityEvent.TOKEN_REVOKED: "a token was revoked",
    SecurityEvent.LOGIN_SUCCEEDED: "a user logged in",
    SecurityEvent.LOGIN_FAILED: "a login failed",
    SecurityEvent.PERMISSION_DENIED: "a permission was missing",
    SecurityEvent.RATE_LIMITED: "a rate limit was reached",
    SecurityEvent.REQUEST_REFUSED: "a request was refused before authentication",
    SecurityEvent.USER_SAVED: "a user was added or changed",
    SecurityEvent.USER_REMOVED: "a user was removed",
    SecurityEvent.KEY_SET_CHANGED: "the keys that sign tokens changed",
    SecurityEvent.SETTINGS_CHANGED: "an organisation's settings changed",
    SecurityEvent.LINES_SUPPRESSED: "log lines over the limit were counted and not written",
}


@dataclass(slots=True)
class _Window:
    """The lines of one event since `ends` less the window's length; `suppressed` are those not written, by reason."""

    ends: float
    written: int = 0
    written_of: Counter[str] = field(default_factory=Counter)
    suppressed: Counter[str] = field(default_factory=Counter)


class SecurityLog:
    """Writes at most `lines` lines of one event in `seconds`, and counts the others.

    Bounded in memory too: it knows the sources of lines that were written, and no more.
    """

    def __init__(
        self, *, seconds: float = SECONDS, lines: int = LINES, lines_of_one_source: int = LINES_OF_ONE_SOURCE
    ) -> None:
        self._seconds = seconds
        self._lines = lines
        self._lines_of_one_source = lines_of_one_source
        self._windows: dict[SecurityEvent, _Window] = {}

    def record(
        self,
        event: SecurityEvent,
        *,
        reason: str = "",
        subject: str = "",
        organisation_id: int | None = None,
        address: str = "",
        **details: Any,
    ) -> None:
        """Writes the line, or counts it. `reason` is one of a few words of the code, never what a client sent."""
        window = self._window(event)
        source = address or f"{organisation_id}:{subject}"
        if window.written >= self._lines or window.written_of[source] >= self._lines_of_one_source:
            self._suppress(event, window, reason)
            return
        window.written += 1
        window.written_of[source] += 1
        _write(event, reason, subject, organisation_id, address, details)

    def flush(self) -> None:
        """Tells what was not written so far; for the end of a process."""
        for event in list(self._windows):
            self._close(event)

    def _window(self, event: SecurityEvent) -> _Window:
        now = time.monotonic()
        window = self._windows.get(event)
        if window is None or now >= window.ends:
            self._close(event)
            window = self._windows[event] = _Window(now + self._seconds)
        return window

    def _suppress(self, event: SecurityEvent, window: _Window, reason: str) -> None:
        if not window.suppressed:
            self._close_later(event, window)
        window.suppressed[reason] += 1

    def _close_later(self, event: SecurityEvent, window: _Window) -> None:
        """A flood that has ended is told as well, though no later line comes to tell it."""
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return  # a command: its end tells it
        loop.call_later(max(0.0, window.ends - time.monotonic()), self._close_if_current, event, window)

    def _close_if_current(self, event: SecurityEvent, window: _Window) -> None:
        if self._windows.get(event) is window:
            self._close(event)

    def _close(self, event: SecurityEvent) -> None:
        window = self._windows.pop(event, None)
        if window is not None and window.suppressed:
            details = {
                "suppressed_event": event.value,
                "count": window.suppressed.total(),
                "reasons": dict(window.suppressed),
            }
            _write(SecurityEvent.LINES_SUPPRESSED, "", "", None, "", details)


def _write(
    event: SecurityEvent,
    reason: str,
    subject: str,
    organisation_id: int | None,
    address: str,
    details: Mapping[str, Any],
) -> None:
    fields: dict[str, Any] = {
        "event": event.value,
        "subject": subject or None,
        "organisation_id": organisation_id,
        "address": address or None,
        "request_id": current_trace.get().request_id or None,
        **details,
    }
    if reason:
        fields["reason"] = reason
    log.info(MESSAGES[event], extra=fields)


PROCESS_LOG = SecurityLog()
"""The bounds hold for all parts of a process together."""


def record(event: SecurityEvent, **fields: Any) -> None:
    """As `SecurityLog.record`, into the one of this process."""
    PROCESS_LOG.record(event, **fields)

"""Security events, one JSON line each, in the logger `muster.security`.

A flood must neither fill the disk nor go unnoticed: lines over the limit are counted, and one line reports the count.
Lines contain no secrets: no token, no password, and no email address that someone typed.
"""

import asyncio
import logging
import time
from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from shared.observability import current_trace

log = logging.getLogger("muster.security")

SECONDS: Final = 5.0
"""Length of the window in which lines are counted; a flood is reported at its end at the latest."""
LINES: Final = 50
"""Maximum lines of one event in a window."""
LINES_OF_ONE_SOURCE: Final = 10
"""Maximum lines of one event and address in a window, so that a flood from one address does not hide the others; of one
subject if the address is unknown."""


class SecurityEvent(StrEnum):
    """The name of an event in the log, with the message of its lines."""

    message: str

    def __new__(cls, name: str, message: str) -> "SecurityEvent":
        event = str.__new__(cls, name)
        event._value_, event.message = name, message
        return event

    TOKEN_REFUSED = "token_refused", "the gateway refused a token"
    INTERNAL_TOKEN_REFUSED = "internal_token_refused", "a service refused an internal token"
    TOKEN_REVOKED = "token_revoked", "a token was revoked"
    LOGIN_SUCCEEDED = "login_succeeded", "a user logged in"
    LOGIN_FAILED = "login_failed", "a login failed"
    REFRESH_REFUSED = "refresh_refused", "a refresh token was refused"
    PASSWORD_CHANGED = "password_changed", "a user changed their password"
    CLIENT_REFUSED = "client_refused", "a client did not prove who it is"
    CLIENT_CHANGED = "client_changed", "a client was made, changed, rotated or revoked"
    PERMISSION_DENIED = "permission_denied", "a permission was missing"
    RATE_LIMITED = "rate_limited", "a rate limit was reached"
    REQUEST_REFUSED = "request_refused", "a request was refused before authentication"
    USER_SAVED = "user_saved", "a user was added or changed"
    USER_REMOVED = "user_removed", "a user was removed"
    KEY_SET_CHANGED = "key_set_changed", "the keys that sign tokens changed"
    WEBHOOK_CHANGED = (
        "webhook_changed",
        "a webhook was made, changed, disabled, enabled or deleted, or got a new secret",
    )
    SETTINGS_CHANGED = "settings_changed", "an organisation's settings changed"
    ORGANISATION_SAVED = "organisation_saved", "an organisation was made or changed"
    LINES_SUPPRESSED = "lines_suppressed", "log lines over the limit were counted and not written"


@dataclass(slots=True)
class _Window:
    """The lines of one event in the window that ends at `ends`; `suppressed` counts those not written, by reason."""

    ends: float
    written: int = 0
    written_of: Counter[str] = field(default_factory=Counter)
    suppressed: Counter[str] = field(default_factory=Counter)


@dataclass(eq=False, kw_only=True)
class SecurityLog:
    """Writes at most `lines` lines of one event in `seconds`, and counts the others.

    Its memory is bounded: it stores only the sources of lines that were written.
    """

    seconds: float = SECONDS
    lines: int = LINES
    lines_of_one_source: int = LINES_OF_ONE_SOURCE
    _windows: dict[SecurityEvent, _Window] = field(default_factory=dict)

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
        """Writes the line, or counts it. `reason` is one of a few constants in the code, never client input."""
        window = self._window(event)
        source = address or f"{organisation_id}:{subject}"
        if window.written >= self.lines or window.written_of[source] >= self.lines_of_one_source:
            self._suppress(event, window, reason)
            return
        window.written += 1
        window.written_of[source] += 1
        _write(event, reason, subject, organisation_id, address, **details)

    def flush(self) -> None:
        """Reports what was suppressed so far; called when a process ends."""
        for event in list(self._windows):
            self._close(event)

    def _window(self, event: SecurityEvent) -> _Window:
        now = time.monotonic()
        window = self._windows.get(event)
        if window is None or now >= window.ends:
            self._close(event)
            window = self._windows[event] = _Window(now + self.seconds)
        return window

    def _suppress(self, event: SecurityEvent, window: _Window, reason: str) -> None:
        if not window.suppressed:
            self._close_later(event, window)
        window.suppressed[reason] += 1

    def _close_later(self, event: SecurityEvent, window: _Window) -> None:
        """Reports a flood that has ended, when no later line would."""
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return  # a command, which flushes at its end
        loop.call_later(max(0.0, window.ends - time.monotonic()), self._close_if_current, event, window)

    def _close_if_current(self, event: SecurityEvent, window: _Window) -> None:
        if self._windows.get(event) is window:
            self._close(event)

    def _close(self, event: SecurityEvent) -> None:
        window = self._windows.pop(event, None)
        if window is not None and window.suppressed:
            count, reasons = window.suppressed.total(), dict(window.suppressed)
            _write(SecurityEvent.LINES_SUPPRESSED, suppressed_event=event.value, count=count, reasons=reasons)


def _write(
    event: SecurityEvent,
    reason: str = "",
    subject: str = "",
    organisation_id: int | None = None,
    address: str = "",
    **details: Any,
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
    log.info(event.message, extra=fields)


PROCESS_LOG = SecurityLog()
"""Limits apply to the whole process."""


def record(event: SecurityEvent, **fields: Any) -> None:
    """`SecurityLog.record` on the log of this process."""
    PROCESS_LOG.record(event, **fields)

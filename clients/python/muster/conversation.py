"""When something is sent again, and when not: decided once, for those who wait and for those who await.

A conversation is a generator. It yields what should be done next, gets what came of it, and returns the answer.
"""

import json
from collections.abc import Generator
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from muster.asked import Answer, Failed, Limits, Reply, Request
from muster.errors import ApiError, CutShort, Unreachable
from muster.refused import error_of

_BACKOFF: Final = (0.5, 1.0, 2.0, 4.0, 8.0)
_REFUSED_EARLY: Final = frozenset({429, 503})
"""Statuses of requests that had no effect."""
_FAILED: Final = frozenset({502, 504})
"""Statuses after which nobody knows: only what is safe is sent again."""
_TOKEN_CODES: Final = frozenset({"token_expired", "token_invalid"})
_STILL_RUNS: Final = "idempotency_in_flight"
"""The same command is under way: its answer is there when it has ended."""


@dataclass(frozen=True)
class Send:
    """Comes back as a `Reply` or as `Failed`."""

    request: Request
    token: str | None


@dataclass(frozen=True)
class Read:
    """All of the body, as bytes; or `Failed`, or None where it is longer than Muster's answers are."""

    reply: Reply


@dataclass(frozen=True)
class Pause:
    seconds: float
    why: str


@dataclass(frozen=True)
class NeedToken:
    """Comes back as one that is good for so many seconds and is not the refused one; None if there is no other."""

    seconds: float
    refused: str | None = None


Step = Send | Read | Pause | NeedToken
Result = TypeVar("Result")
Steps = Generator[Step, Any, Result]


def answered(request: Request, limits: Limits, address: str) -> Steps[Answer]:
    """The answer as JSON. Raises `ApiError`, `Unreachable` or `CutShort`."""
    reply, body = yield from _Exchange(request, limits, address).run()
    data = _json(body)
    if data is None and reply.status_code != 304:
        raise error_of(reply.status_code, None, address=address)
    return Answer(reply.status_code, reply.headers, data)


def read(request: Request, limits: Limits, address: str) -> Steps[Answer]:
    """The answer as bytes."""
    reply, body = yield from _Exchange(request, limits, address).run()
    return Answer(reply.status_code, reply.headers, body)


def begun(request: Request, limits: Limits, address: str) -> Steps[Reply]:
    """The head of an answer whose body is read by the caller."""
    reply, _ = yield from _Exchange(request, limits, address).run()
    return reply


class _Exchange:
    """One request, sent until it has an answer or there is none to be had."""

    def __init__(self, request: Request, limits: Limits, address: str) -> None:
        self._request = request
        self._limits = limits
        self._address = address
        self._token: str | None = None
        self._was_renewed = False
        self._was_lost = False

    def run(self) -> Steps[tuple[Reply, bytes]]:
        """The answer, and its body where that is read here."""
        number = 0
        while True:
            outcome, body = yield from self._try()
            if isinstance(outcome, Failed):
                yield self._after_failure(outcome, number, was_cut=isinstance(body, Failed))
            elif body is None:
                raise error_of(outcome.status_code, None, address=self._address)
            elif isinstance(body, bytes) and (outcome.status_code < 300 or outcome.status_code == 304):
                return outcome, body
            else:
                yield from self._after_refusal(_refusal(outcome, body, self._address), number)
            number += 1

    def _try(self) -> Steps[tuple[Reply | Failed, bytes | Failed | None]]:
        """An answer that ends early is none, unless it refuses: then its status says enough."""
        if self._token is None and not self._request.is_public:
            self._token = yield NeedToken(self._request.token_seconds)
        outcome: Reply | Failed = yield Send(self._request, self._token)
        if isinstance(outcome, Failed) or (self._request.is_streamed and outcome.status_code < 300):
            return outcome, b""
        body: bytes | Failed | None = yield Read(outcome)
        return (body if isinstance(body, Failed) and outcome.status_code < 300 else outcome), body

    def _after_failure(self, failed: Failed, number: int, *, was_cut: bool) -> Pause:
        self._was_lost = self._was_lost or not failed.never_sent
        if self._is_last(number) or not _may_repeat(self._request, failed):
            raise _failure(failed, self._address, was_cut=was_cut)
        return Pause(_backoff(number), "The connection failed.")

    def _after_refusal(self, refusal: ApiError, number: int) -> Steps[None]:
        refusal.answer_was_lost = self._was_lost
        if self._request.upload is not None:
            self._request.upload.refused()
        if self._is_last(number):
            raise refusal
        if (yield from self._has_other_token(refusal)):
            return
        wait = _wait_after(refusal, self._request, self._limits, number)
        if wait is None:
            raise refusal
        yield Pause(wait, refusal.message)

    def _has_other_token(self, refusal: ApiError) -> Steps[bool]:
        """Once: a second one that is refused as well is not to blame."""
        if (
            refusal.code not in _TOKEN_CODES
            or self._token is None
            or self._was_renewed
            or not self._request.is_repeatable
        ):
            return False
        self._was_renewed = True
        self._token = yield NeedToken(self._request.token_seconds, refused=self._token)
        return self._token is not None

    def _is_last(self, number: int) -> bool:
        return number >= self._limits.tries - 1


def _backoff(number: int) -> float:
    return _BACKOFF[min(number, len(_BACKOFF) - 1)]


def _may_repeat(request: Request, failed: Failed) -> bool:
    """An address that never took a connection is probably wrong."""
    is_wrong = failed.never_sent and not failed.was_reached
    return not is_wrong and request.is_repeatable and (request.is_safe or failed.never_sent)


def _failure(failed: Failed, address: str, *, was_cut: bool) -> Unreachable | CutShort:
    if was_cut:
        return CutShort(f"The connection was lost before the end: {failed.reason}")
    if failed.never_sent:
        return Unreachable(f"{address} cannot be reached: {failed.reason}. Is MUSTER_URL right?")
    return Unreachable(f"The connection to {address} was lost before an answer came: {failed.reason}")


def _refusal(reply: Reply, body: bytes | Failed, address: str) -> ApiError:
    return error_of(
        reply.status_code,
        None if isinstance(body, Failed) else _json(body),
        address=address,
        retry_after=_seconds(reply.headers.get("Retry-After")),
        request_id=reply.headers.get("X-Request-Id"),
    )


def _wait_after(refusal: ApiError, request: Request, limits: Limits, number: int) -> float | None:
    """Seconds until the next try; None where there is none."""
    if not request.is_repeatable:
        return None
    had_no_effect = refusal.status in _REFUSED_EARLY or refusal.code == _STILL_RUNS
    if not had_no_effect and not (refusal.status in _FAILED and request.is_safe):
        return None
    wait = _backoff(number) if refusal.retry_after is None else refusal.retry_after
    return wait if wait <= limits.longest_wait else None


def _seconds(header: str | None) -> float | None:
    """Of a `Retry-After`, which may also be a date: then it is not known here, whose clock may be off."""
    return float(header) if header is not None and header.isascii() and header.isdigit() else None


def _json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return None

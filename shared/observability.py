"""JSON logs, and the trace that links a request to the events it causes."""

import logging
import re
import sys
from collections.abc import Sequence
from contextvars import ContextVar
from random import randbytes
from typing import Final, NamedTuple, TextIO
from uuid import UUID

import uuid_utils

from shared.log_lines import LineFormatter

_REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{8,128}\Z")
_TRACEPARENT = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}\Z")


_TRACESTATE_MEMBER = re.compile(
    r"([a-z0-9][a-z0-9_*/@-]{0,255})=[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]\Z"
)
MAX_TRACESTATE: Final = 512
MAX_TRACESTATE_MEMBERS: Final = 32


class Trace(NamedTuple):
    """Links log lines, requests and events: the request id and the W3C `traceparent`.

    `tracestate` belongs to the tracing systems that the request has passed, and is passed on as it came.
    """

    request_id: str
    traceparent: str
    tracestate: str = ""

    @property
    def is_sampled(self) -> bool:
        """Whether spans are made of what happens in it (W3C Trace Context, 3.2.2.5)."""
        return self.traceparent[-1:] in _SAMPLED

    def below(self, *, sampled: bool) -> "Trace":
        """The same trace with a span id of its own: what is caused from now on is caused by this span."""
        flags = f"{int(self.traceparent[53:], 16) & _RANDOM | sampled:02x}"
        return Trace(self.request_id, f"{self.traceparent[:36]}{new_span_id()}-{flags}", self.tracestate)


_SAMPLED: Final = frozenset("13579bdf")
_RANDOM: Final = 2
"""The flag that says that a trace id is random (W3C Trace Context, level 2): it stays as it came."""
NO_TRACE = Trace("", "")
current_trace: ContextVar[Trace] = ContextVar("current_trace", default=NO_TRACE)


def trace_from(request_id: str, traceparent: str, tracestates: Sequence[str] = ()) -> Trace:
    """The trace that the caller sent if it is well-formed, or a new one, which has no state yet."""
    if traceparent and is_traceparent(traceparent):
        state = tracestate_from(tracestates) if tracestates else ""
        return Trace(request_id_from(request_id), traceparent, state)
    return Trace(request_id_from(request_id), new_traceparent())


def tracestate_from(sent: Sequence[str]) -> str:
    """The state in these header values (W3C Trace Context, 3.3); none if it is malformed or beyond the bounds."""
    text = ",".join(sent)
    if len(text) > MAX_TRACESTATE:
        return ""
    members = [member for each in text.split(",") if (member := each.strip(" \t"))]
    keys = {found[1] for member in members if (found := _TRACESTATE_MEMBER.match(member))}
    return ",".join(members) if len(keys) == len(members) <= MAX_TRACESTATE_MEMBERS else ""


def is_traceparent(text: str) -> bool:
    """Whether it is well-formed, of version 00 (W3C Trace Context)."""
    return _TRACEPARENT.match(text) is not None


def own_trace() -> Trace:
    """Of work that no request has asked for: it has no request id."""
    return Trace("", new_traceparent())


def request_id_from(sent: str) -> str:
    """The request id that the caller sent if it is well-formed, or a new one: a UUIDv7 (RFC 9562)."""
    return sent if sent and _REQUEST_ID.match(sent) else str(uuid_utils.uuid7())


def new_traceparent() -> str:
    """Of a trace that is not sampled: whether it is, the gateway decides (decision 39).

    Its ids only distinguish requests; they are not secret. No id may be all zeros: each begins with a one.
    """
    ids = randbytes(23).hex()  # noqa: S311 - not secret
    return f"00-1{ids[:31]}-1{ids[31:]}-00"


def new_span_id() -> str:
    return f"1{randbytes(8).hex()[1:]}"  # noqa: S311 - not secret


def new_uuid() -> UUID:
    """UUIDv7 (RFC 9562): sorted by time, so indexes grow at one end."""
    return UUID(int=uuid_utils.uuid7().int)


def _add_trace(record: logging.LogRecord) -> bool:
    trace = current_trace.get()
    if trace.request_id:
        record.request_id, record.traceparent = trace.request_id, trace.traceparent
    return True


def json_lines(process: str, stream: TextIO) -> logging.Handler:
    """JSON lines with the name of the process and, inside a request, its id."""
    handler = logging.StreamHandler(stream)
    handler.addFilter(_add_trace)
    handler.setFormatter(
        LineFormatter(
            "%(levelname)s %(name)s %(message)s",
            timestamp="time",
            rename_fields={"levelname": "level", "name": "logger"},
            static_fields={"process": process},
        )
    )
    return handler


def configure_logging(process: str, level: str) -> None:
    """JSON lines on standard error."""
    logging.basicConfig(level=level, handlers=[json_lines(process, sys.stderr)], force=True)
    quiet_libraries()


def quiet_libraries() -> None:
    """Whatever the log level is: the security log is written, and libraries say no more than what is wrong."""
    logging.getLogger("muster.security").setLevel(logging.INFO)
    logging.getLogger("aio_pika").setLevel(logging.WARNING)
    logging.getLogger("aiormq").setLevel(logging.WARNING)

"""Answers that are sent while they are made (RFC 9112, section 7): in chunks, or with the length they announced."""

import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass

from shared.http.server.response_bytes import ResponseBytes, header_lines, status_line
from shared.http.stream_slots import Slot
from shared.http.streaming import Push, Streamed

log = logging.getLogger(__name__)


@dataclass(slots=True, eq=False)
class ResponseStream:
    """`lines` are the header lines, each with its end. A `length` is among them; without one it goes in chunks."""

    status: int
    lines: bytes
    chunks: AsyncIterator[bytes]
    length: int | None = None
    cut_behind: int | None = None
    push: Push | None = None
    slot: Slot | None = None

    def head(self, *, in_chunks: bool, last: bool) -> bytes:
        coding = b"Transfer-Encoding: chunked\r\n" if in_chunks else b""
        end = b"Connection: close\r\n\r\n" if last else b"\r\n"
        return b"".join((status_line(self.status), self.lines, coding, end))

    def without_body(self) -> ResponseBytes:
        """The answer to a HEAD."""
        return ResponseBytes(self.status, self.lines, b"")

    async def close(self) -> None:
        """Whatever has become of it; may be called more than once."""
        try:
            closing = getattr(self.chunks, "aclose", None)
            if closing is not None:
                await closing()
        except Exception as error:
            log.error("a stream failed when it was closed", exc_info=error)
        finally:
            if self.slot is not None:
                self.slot.close()


def response_stream(streamed: Streamed) -> ResponseStream:
    """Raises `ValueError` for a header that would end its line."""
    lines = f"Content-Type: {streamed.content_type}\r\nCache-Control: {streamed.caching}\r\n"
    more = header_lines(streamed.headers)
    head = (lines + more).encode()
    return ResponseStream(streamed.status, head, streamed.chunks, cut_behind=streamed.cut_behind, push=streamed.push)
